package reminder

import (
	"context"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// What several different borrowers are answered alike is not about them, whatever the words: a limit, a rule or a
// trouble that the classifier of replies does not know. So the verdict on an email stays open for a day. A run that
// sees a pattern stops and pauses, and what was refused or given up by it before is taken back: queued, with all
// tries, its notices and its address as if nothing had been said. A run looks for patterns that are on record when it
// begins, too: so a crash between a refusal and its taking back loses nobody, and neither does a school that sends two
// mails an hour.
//
// Two answers may well be true of many borrowers, each for themselves:
//
//   - A mailbox that is not there (mail.Pattern.Mailbox): a class has left. These are remembered, and the others go
//     on; but when a run comes to its end, or to many of them, and nobody at all was accepted, it is the server that
//     knows nobody. So it is when a run ends with a row of them, which may be our own account that was closed
//     meanwhile ("account disabled"). Those who are refused again, by a server that takes others, are remembered.
//   - A later try (mail.Retry), once others were accepted: greylisting, receivers that are down. It costs a try each,
//     until there are many of them, or one would fail for good.
//
// What was taken back goes after all others, and begins with one: so an answer that is about some borrowers after all
// never keeps the reminders of the others back.
const (
	fewAlike    = 3                // different borrowers make a pattern
	manyAlike   = 20               // of them do, where the answer may be true of each
	rowAtEnd    = 10               // of them do at the end of a run, after others were accepted
	heardFor    = 24 * time.Hour   // an answer counts
	patternRest = 50 * time.Minute // so that the next hourly run probes
)

// GoesLast begins the reason of a queued email that is to go after the others. It is stored.
const GoesLast = "after others: "

// An Answered is an email with what was said of it last.
type Answered struct {
	ID       int64
	Borrower string
	State    State // Queued, or an end that is not Sent
	Reason   string
	Unknowns int
}

// pattern is what its reason has in common with others'.
func (a Answered) pattern() mail.Pattern {
	return mail.PatternOf(strings.TrimPrefix(a.Reason, GoesLast))
}

// last reports whether the email is to go after the others.
func (a Answered) last() bool {
	return a.State == StateQueued && (a.Unknowns > 0 || strings.HasPrefix(a.Reason, GoesLast))
}

// patterns is what borrowers were answered, in this run and shortly before it. The delivery's mutex guards it.
type patterns struct {
	alike    map[mail.Pattern]map[string]bool // whom
	row      map[string]mail.Pattern          // since the last one was accepted, whatever the words
	missing  map[mail.Pattern]string          // that a mailbox is not there, as it was said last in this run
	tail     map[mail.Pattern]map[string]bool // whose, since the last one was accepted
	again    map[string]bool                  // borrowers who were taken back from such an answer before
	blamed   map[mail.Pattern]bool            // not about the borrowers
	accepted int                              // reminders, in this run
}

func newPatterns() patterns {
	return patterns{alike: map[mail.Pattern]map[string]bool{}, row: map[string]mail.Pattern{},
		missing: map[mail.Pattern]string{}, tail: map[mail.Pattern]map[string]bool{}, again: map[string]bool{},
		blamed: map[mail.Pattern]bool{}}
}

func add(whom map[mail.Pattern]map[string]bool, said mail.Pattern, borrower string) {
	if whom[said] == nil {
		whom[said] = map[string]bool{}
	}
	whom[said][borrower] = true
}

// excused reports whether an answer may well be true of each borrower who gets it.
func (p *patterns) excused(said mail.Pattern) bool {
	return said.Mailbox || said.Fate == mail.Retry && p.accepted > 0
}

// judge adds an answer and reports whether it is not about the borrower. final says that the email would end by it.
func (p *patterns) judge(reason, borrower string, final bool) bool {
	said := mail.PatternOf(reason)
	add(p.alike, said, borrower)
	if said.Mailbox {
		if p.missing[said] = reason; !p.again[borrower] {
			add(p.tail, said, borrower)
		}
	}
	enough := fewAlike
	switch {
	case said.Mailbox && p.accepted > 0:
		return false
	case p.excused(said) && !(final && said.Fate == mail.Retry):
		enough = manyAlike
	}
	if !p.excused(said) {
		p.row[borrower] = said
	}
	if len(p.alike[said]) >= enough {
		p.blamed[said] = true
	}
	if len(p.row) >= fewAlike {
		for _, said := range p.row {
			p.blamed[said] = true
		}
	}
	return p.blamed[said]
}

// nobody returns what was said of mailboxes when several were not there and nobody was accepted, or nobody any more:
// not about them.
func (p *patterns) nobody() (reason string) {
	for said, last := range p.missing {
		whom, enough := p.alike[said], fewAlike
		if p.accepted > 0 {
			whom, enough = p.tail[said], rowAtEnd
		}
		if len(whom) >= enough && !p.blamed[said] {
			p.blamed[said], reason = true, last
		}
	}
	return reason
}

// pauseAlike stops the run for an answer that is not about the borrower.
func (d *delivery) pauseAlike(reason string) {
	d.pauseMail(&mail.Error{Fate: mail.Stop, Pause: mail.PauseServer, PauseFor: patternRest, Phase: "send",
		Text: AnsweredAlike + ", the last one: " + reason})
}

// AnsweredAlike is how the reason of such a pause begins.
const AnsweredAlike = "different borrowers were answered alike"

// lookBack reads what borrowers were answered of late. It takes back what a run that died could not.
func (d *delivery) lookBack(ctx context.Context) error {
	answered, err := d.Store.Answered(ctx, heardFor)
	if err != nil {
		return err
	}
	ended := map[mail.Pattern]bool{}
	for _, a := range answered {
		said := a.pattern()
		d.later = d.later || a.last()
		d.again[a.Borrower] = d.again[a.Borrower] || a.last() && said.Mailbox
		// Missing mailboxes count in one run only; a Stop is not about anybody, whatever it says.
		if said == (mail.Pattern{}) || said.Fate == mail.Stop || said.Mailbox && a.State != StateQueued {
			continue
		}
		add(d.alike, said, a.Borrower)
		ended[said] = ended[said] || a.State != StateQueued && said.Fate != mail.Unknown
	}
	for said := range ended {
		if ended[said] && len(d.alike[said]) >= fewAlike {
			d.blamed[said] = true
		}
	}
	return d.takeBack(ctx)
}

// takeBack queues again what ended, or spent tries, by an answer that is not about its borrower.
func (d *delivery) takeBack(ctx context.Context) error {
	if len(d.blamed) == 0 {
		return nil
	}
	answered, err := d.Store.Answered(ctx, heardFor)
	if err != nil {
		return err
	}
	var ids []int64
	for _, a := range answered {
		said := a.pattern()
		if !d.blamed[said] || said.Fate == mail.Unknown || a.State == StateQueued && strings.HasPrefix(a.Reason, GoesLast) {
			continue
		}
		ids = append(ids, a.ID)
		switch d.ended[a.ID] {
		case StateRefused:
			d.Report.Emails.Refused--
		case StateFailed:
			d.Report.Emails.Failed--
		}
	}
	if len(ids) == 0 {
		return nil
	}
	d.later = true
	d.Log.Warn("answers that are not about their borrowers: taken back", "emails", len(ids))
	return d.Store.TakeBack(ctx, ids)
}
