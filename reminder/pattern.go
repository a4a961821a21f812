package reminder

import (
	"context"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// An answer that several different borrowers get is not about them, whatever its words: it is a limit, a rule or a
// failure that the classifier of replies does not know. Therefore the verdict on an email stays open for a day. A run
// that finds such a pattern stops and pauses, and requeues what the pattern refused or gave up: with all tries, its
// notices and its address, as if the server had said nothing. A run also looks for patterns in the records when it
// begins. So a crash between a refusal and its requeueing loses nobody, and a school that sends two mails an hour is
// protected, too.
//
// Two answers may be true of many borrowers, each by themselves:
//
//   - A mailbox that does not exist (mail.Pattern.Mailbox): a class has left the school. These addresses are
//     remembered and the others are sent. But when nobody at all was accepted, and the run ends or there are many of
//     them, the server knows nobody. The same holds when a run ends with a streak of them: our own account may have
//     been closed meanwhile ("account disabled"). Borrowers who are refused again, by a server that accepts others,
//     are remembered.
//   - A later try (mail.Retry) after others were accepted: greylisting, a receiver that is down. It costs one try each,
//     unless there are many of them, or one of them would fail for good.
//
// Requeued emails go after all others, the first of them alone. So an answer that is about some borrowers after all
// never delays the reminders of the others.
const (
	fewAlike      = 3                // this many different borrowers make a pattern
	manyAlike     = 20               // or this many, where the answer may be true of each
	streakAtEnd   = 10               // or this many at the end of a run, after others were accepted
	answersCount  = 24 * time.Hour   // for how long an answer counts
	systemicPause = 50 * time.Minute // ends before the next hourly run, which then tries one email
)

// GoesLast begins the reason of a queued email that is to go after the others. It is stored.
const GoesLast = "after others: "

// An Answered is an email with its last answer.
type Answered struct {
	ID       int64
	Borrower string
	State    State // Queued, or an end that is not Sent
	Reason   string
	Unknowns int
}

// pattern returns the pattern of its reason.
func (a Answered) pattern() mail.Pattern {
	return mail.PatternOf(strings.TrimPrefix(a.Reason, GoesLast))
}

// deferred reports whether the email goes after the others.
func (a Answered) deferred() bool {
	return a.State == StateQueued && (a.Unknowns > 0 || strings.HasPrefix(a.Reason, GoesLast))
}

// patterns counts the answers that borrowers got, in this run and in the day before it. The delivery's mutex guards it.
type patterns struct {
	answered      map[mail.Pattern]map[string]bool // the borrowers who got each answer
	streak        map[string]mail.Pattern          // the borrowers since the last accepted email, whatever their answer
	missing       map[mail.Pattern]string          // answers that a mailbox does not exist: the last text in this run
	missingStreak map[mail.Pattern]map[string]bool // the borrowers who got them since the last accepted email
	missingBefore map[string]bool                  // borrowers whose email was requeued after such an answer
	systemic      map[mail.Pattern]bool            // answers that are not about the borrowers
	reminders     int                              // accepted in this run
}

func newPatterns() patterns {
	return patterns{answered: map[mail.Pattern]map[string]bool{}, streak: map[string]mail.Pattern{},
		missing: map[mail.Pattern]string{}, missingStreak: map[mail.Pattern]map[string]bool{},
		missingBefore: map[string]bool{}, systemic: map[mail.Pattern]bool{}}
}

func add(whom map[mail.Pattern]map[string]bool, said mail.Pattern, borrower string) {
	if whom[said] == nil {
		whom[said] = map[string]bool{}
	}
	whom[said][borrower] = true
}

// maybeIndividual reports whether an answer may be true of each borrower who gets it.
func (p *patterns) maybeIndividual(said mail.Pattern) bool {
	return said.Mailbox || said.Fate == mail.Retry && p.reminders > 0
}

// judge counts an answer and reports whether it is systemic: not about the borrower. final says that the answer would
// end the email.
func (p *patterns) judge(reason, borrower string, final bool) bool {
	said := mail.PatternOf(reason)
	add(p.answered, said, borrower)
	if said.Mailbox {
		if p.missing[said] = reason; !p.missingBefore[borrower] {
			add(p.missingStreak, said, borrower)
		}
	}
	enough := fewAlike
	switch {
	case said.Mailbox && p.reminders > 0:
		return false
	case p.maybeIndividual(said) && !(final && said.Fate == mail.Retry):
		enough = manyAlike
	}
	if !p.maybeIndividual(said) {
		p.streak[borrower] = said
	}
	if len(p.answered[said]) >= enough {
		p.systemic[said] = true
	}
	if len(p.streak) >= fewAlike {
		for _, said := range p.streak {
			p.systemic[said] = true
		}
	}
	return p.systemic[said]
}

// noMailboxExists returns the last answer when several mailboxes did not exist, and no email was accepted at all or
// none since. Such an answer is about the server.
func (p *patterns) noMailboxExists() (reason string) {
	for said, last := range p.missing {
		whom, enough := p.answered[said], fewAlike
		if p.reminders > 0 {
			whom, enough = p.missingStreak[said], streakAtEnd
		}
		if len(whom) >= enough && !p.systemic[said] {
			p.systemic[said], reason = true, last
		}
	}
	return reason
}

// pauseSystemic stops the run after a systemic answer.
func (d *delivery) pauseSystemic(reason string) {
	d.pauseMail(&mail.Error{Fate: mail.Stop, Pause: mail.PauseServer, PauseFor: systemicPause, Phase: "send",
		Text: AnsweredAlike + ", the last one: " + reason})
}

// AnsweredAlike is how the reason of such a pause begins.
const AnsweredAlike = "different borrowers were answered alike"

// loadAnswers reads the answers of the last day. It requeues what a run that died could not requeue.
func (d *delivery) loadAnswers(ctx context.Context) error {
	answered, err := d.Store.Answered(ctx, answersCount)
	if err != nil {
		return err
	}
	ended := map[mail.Pattern]bool{}
	for _, a := range answered {
		said := a.pattern()
		d.hasDeferred = d.hasDeferred || a.deferred()
		d.missingBefore[a.Borrower] = d.missingBefore[a.Borrower] || a.deferred() && said.Mailbox
		// Missing mailboxes count within one run only. A Stop is about no borrower.
		if said == (mail.Pattern{}) || said.Fate == mail.Stop || said.Mailbox && a.State != StateQueued {
			continue
		}
		add(d.answered, said, a.Borrower)
		ended[said] = ended[said] || a.State != StateQueued && said.Fate != mail.Unknown
	}
	for said := range ended {
		if ended[said] && len(d.answered[said]) >= fewAlike {
			d.systemic[said] = true
		}
	}
	return d.requeueSystemic(ctx)
}

// requeueSystemic queues the emails again that ended, or used up tries, by a systemic answer.
func (d *delivery) requeueSystemic(ctx context.Context) error {
	if len(d.systemic) == 0 {
		return nil
	}
	answered, err := d.Store.Answered(ctx, answersCount)
	if err != nil {
		return err
	}
	var ids []int64
	for _, a := range answered {
		said := a.pattern()
		if !d.systemic[said] || said.Fate == mail.Unknown || a.State == StateQueued && strings.HasPrefix(a.Reason, GoesLast) {
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
	d.hasDeferred = true
	d.Log.Warn("answers that are not about their borrowers: taken back", "emails", len(ids))
	return d.Store.TakeBack(ctx, ids)
}
