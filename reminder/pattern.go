package reminder

import (
	"context"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
)

// If several different borrowers get the same answer from the mail server, the answer is not about them: it is a limit,
// a rule or a failure that the classifier of replies does not know. Therefore no refusal is final for a day. A run that
// finds such a pattern stops and stores a pause. It queues the emails again that were refused or failed with this
// answer: with all tries, their notices and their addresses, as if there had been no answer. A run also looks for
// patterns in the records when it begins. So a crash between a refusal and its requeueing loses no reminder, and a
// school that sends two mails an hour is protected, too.
//
// Two kinds of answers may be true of each borrower who gets them:
//
//   - The mailbox does not exist (mail.Pattern.Mailbox): for example, a class has left the school. These addresses are
//     recorded as bad, and the other emails are sent. But if no email was accepted, and the run ends or there are many
//     such answers, the answer is about the server. The same is true if a run ends with a streak of them, because our
//     own account may have been closed meanwhile ("account disabled"). If a borrower is refused again by a server that
//     accepts others, the address is recorded as bad.
//   - Try again later (mail.Retry), after other emails were accepted: greylisting, or a receiver that is down. It costs
//     each email one try, unless there are many of them, or one of them would use its last try.
//
// Requeued emails go after all others, and the first of them goes alone. So an answer that is about some borrowers
// after all never delays the reminders of the others.
const (
	fewAlike      = 3                // so many different borrowers with one answer are a pattern
	manyAlike     = 20               // so many are needed if the answer may be true of each borrower
	streakAtEnd   = 10               // so many are needed at the end of a run in which others were accepted
	maxAnswerAge  = 24 * time.Hour   // older answers do not count
	systemicPause = 50 * time.Minute // ends before the next hourly run, which then tries one email
)

// GoesLast is the beginning of the reason of a queued email that goes after the others. It is stored.
const GoesLast = "after others: "

// An Answered is an email with its last answer.
type Answered struct {
	ID       int64
	Borrower string
	State    State // Queued, or an end that is not Sent
	Reason   string
	Unknowns int
}

// pattern returns the pattern of the answer.
func (a Answered) pattern() mail.Pattern {
	return mail.PatternOf(strings.TrimPrefix(a.Reason, GoesLast))
}

// deferred reports whether the email goes after the others.
func (a Answered) deferred() bool {
	return a.State == StateQueued && (a.Unknowns > 0 || strings.HasPrefix(a.Reason, GoesLast))
}

// patterns counts the answers that borrowers got in this run and in the day before it. The delivery's mutex guards it.
type patterns struct {
	answered      map[mail.Pattern]map[string]bool // the borrowers who got each answer
	streak        map[string]mail.Pattern          // the last answer of each borrower since the last accepted email
	missing       map[mail.Pattern]string          // answers of this run that a mailbox does not exist: the last text
	missingStreak map[mail.Pattern]map[string]bool // the borrowers who got those since the last accepted email
	missingBefore map[string]bool                  // borrowers whose email was requeued after such an answer
	systemic      map[mail.Pattern]bool            // answers that are not about the borrowers
	reminders     int                              // accepted in this run
}

func newPatterns() patterns {
	return patterns{answered: map[mail.Pattern]map[string]bool{}, streak: map[string]mail.Pattern{},
		missing: map[mail.Pattern]string{}, missingStreak: map[mail.Pattern]map[string]bool{},
		missingBefore: map[string]bool{}, systemic: map[mail.Pattern]bool{}}
}

// addBorrower adds a borrower to those who got an answer.
func addBorrower(borrowers map[mail.Pattern]map[string]bool, said mail.Pattern, borrower string) {
	if borrowers[said] == nil {
		borrowers[said] = map[string]bool{}
	}
	borrowers[said][borrower] = true
}

// maybeIndividual reports whether an answer may be true of each borrower who gets it.
func (p *patterns) maybeIndividual(said mail.Pattern) bool {
	return said.Mailbox || said.Fate == mail.Retry && p.reminders > 0
}

// judge counts an answer and reports whether it is systemic, which means that it is not about the borrower. final says
// that the answer would end the email.
func (p *patterns) judge(reason, borrower string, final bool) bool {
	said := mail.PatternOf(reason)
	addBorrower(p.answered, said, borrower)
	if said.Mailbox {
		p.missing[said] = reason
		if !p.missingBefore[borrower] {
			addBorrower(p.missingStreak, said, borrower)
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

// noMailboxExists returns the last answer, or "", when several mailboxes did not exist and no email was accepted in the
// run or none since then. Such an answer is about the server.
func (p *patterns) noMailboxExists() (reason string) {
	for said, last := range p.missing {
		borrowers, enough := p.answered[said], fewAlike
		if p.reminders > 0 {
			borrowers, enough = p.missingStreak[said], streakAtEnd
		}
		if len(borrowers) >= enough && !p.systemic[said] {
			p.systemic[said], reason = true, last
		}
	}
	return reason
}

// pauseSystemic stops the run after a systemic answer, and stores a pause.
func (d *delivery) pauseSystemic(reason string) {
	d.pauseMail(&mail.Error{Fate: mail.Stop, Pause: mail.PauseServer, PauseFor: systemicPause, Phase: "send",
		Text: AnsweredAlike + ", the last one: " + reason})
}

// AnsweredAlike is the beginning of the reason of such a pause.
const AnsweredAlike = "different borrowers were answered alike"

// loadAnswers reads the answers of the last day. It requeues the emails that a crashed run could not requeue.
func (d *delivery) loadAnswers(ctx context.Context) error {
	answered, err := d.Store.Answered(ctx, maxAnswerAge)
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
		addBorrower(d.answered, said, a.Borrower)
		ended[said] = ended[said] || a.State != StateQueued && said.Fate != mail.Unknown
	}
	for said := range ended {
		if ended[said] && len(d.answered[said]) >= fewAlike {
			d.systemic[said] = true
		}
	}
	return d.requeueSystemic(ctx)
}

// requeueSystemic queues the emails again that a systemic answer ended, or that it cost a try.
func (d *delivery) requeueSystemic(ctx context.Context) error {
	if len(d.systemic) == 0 {
		return nil
	}
	answered, err := d.Store.Answered(ctx, maxAnswerAge)
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
	d.Log.Warn("emails queued again: the server's answers were not about their borrowers", "emails", len(ids))
	return d.Store.RequeueLast(ctx, ids)
}
