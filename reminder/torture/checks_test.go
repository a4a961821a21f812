//go:build torture

package torture

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail/mailtest"
)

// A mail is one message that a server accepted.
type mail struct {
	id, date string
	content  [sha256.Size]byte
	to       string
	about    []cycle
	by       *process
}

var reference = regexp.MustCompile(`PJM-(\d+)-(\d+)`)

func (r *round) read(received mailtest.Received, by *process) mail {
	parsed := received.Parse(r.T)
	m := mail{id: received.ID, date: parsed.Header.Get("Date"), content: sha256.Sum256(received.Data),
		to: received.To, by: by}
	for _, match := range reference.FindAllStringSubmatch(parsed.Text, -1) {
		loan, _ := strconv.Atoi(match[1])
		renewals, _ := strconv.Atoi(match[2])
		m.about = append(m.about, cycle{loan, renewals})
	}
	if m.about == nil {
		r.violation("f: a mail is about loans", "%s", parsed.Text)
	}
	return m
}

// note enters an ended process in the books.
func (r *round) note(p *process) {
	r.total.processes++
	if p.stopped() {
		r.total.stops++
	}
	if p.killed() {
		r.total.kills++
	} else {
		r.total.completed++
		// Done, or needs a person, or a retry may help. Anything else is an error that a person must mend.
		if code := p.cmd.ProcessState.ExitCode(); !slices.Contains([]int{0, 10, 75}, code) {
			r.violation("exit code", "%v: %s%s", p, p.out.String(), p.err.String())
		}
	}
	for _, tx := range p.transactions() {
		if p.inDoubt(tx, r.outages) {
			r.doubts[tx.to]++
			r.total.inDoubt++
		}
	}
	for _, received := range p.server.Messages() {
		r.accepted = append(r.accepted, r.read(received, p))
		r.total.accepted++
	}
	p.server, p.steps = nil, nil
}

// An email is a row of the outbox.
type email struct {
	to                       string
	state, reason, messageID string
	unknowns                 int
	inHandOver               int // unknowns that came from a hand-over
}

// emails reads the outbox, by ref. An email that may have been sent and then cannot be sent again, because the books
// have come back or the copy was refused, is unknown for the second time without an unknown hand-over.
func (r *round) emails() map[string]email {
	rows, err := r.db.QueryContext(r.Context(), `SELECT ref, borrower_id, state, reason, COALESCE(message_id, ''), unknowns
		FROM reminder_emails`)
	require.NoError(r, err)
	defer rows.Close()
	all := map[string]email{}
	for rows.Next() {
		var ref string
		var borrower int
		var e email
		require.NoError(r, rows.Scan(&ref, &borrower, &e.state, &e.reason, &e.messageID, &e.unknowns))
		e.to, e.inHandOver = address(borrower), e.unknowns
		handOver := e.reason == "the run ended in the hand-over" || strings.HasPrefix(e.reason, "dot: unknown")
		if e.state == "unknown" && e.unknowns > 1 && !handOver {
			e.inHandOver--
		}
		all[ref] = e
	}
	require.NoError(r, rows.Err())
	return all
}

// check compares what the mail servers took with what the outbox says:
//
//	a  No mail is accepted twice. With resend, one whose first hand-over is on record as unknown may be, once, and the
//	   copy has the same Message-ID and Date, and the same bytes if it still is about the same loans.
//	b  What is recorded as sent was accepted.
//	c  Every email has ended, what was accepted as sent or unknown, and every open loan has its notice.
//	d  What is unknown was in doubt: see inDoubt.
//	e  A notice is promised once and told by one email.
//	f  No mail is about a loan that was returned or renewed before the process that sent it started. The process rechecks
//	   later than that, and what changes in between may be told or not; a process lasts a fraction of a second, while an
//	   email often waits longer than that between promise and claim.
//	g  Where sent mail is kept and looked at (TORTURE_SENT), no email stays unknown and none is accepted twice.
func (r *round) check() {
	emails, copies, told := r.emails(), map[string][]mail{}, map[cycle]string{}
	refs := map[string]string{} // by Message-ID: what was accepted keeps its own
	for ref, e := range emails {
		refs[e.messageID] = ref
	}
	for _, m := range r.accepted {
		ref := refs[m.id]
		copies[ref] = append(copies[ref], m)
		e, ok := emails[ref]
		if !ok || e.to != m.to {
			r.violation("c: every mail is on record", "%s to %s; %v", m.id, m.to, m.by)
		}
		for _, c := range m.about {
			if other, ok := told[c]; ok && other != ref {
				r.violation("e: a notice is told by one email", "%v by %s and %s; %v", c, other, ref, m.by)
			}
			told[c] = ref
			if address(c.borrower()) != m.to {
				r.violation("f: a mail is about the borrower's own loans", "%v to %s; %v", c, m.to, m.by)
			}
			if over, ok := r.over[c]; ok && over.Before(m.by.started) {
				r.violation("f: no mail about what is over", "%v, %v before the process started; %v", c, m.by.started.Sub(over),
					m.by)
			}
		}
	}

	unknown := map[string]int{} // by address
	for ref, e := range emails {
		r.total.states[e.state]++
		r.total.unknown += e.inHandOver
		unknown[e.to] += e.inHandOver
		r.checkEmail(ref, e, copies[ref])
	}
	for to, n := range unknown {
		if n > r.doubts[to] {
			r.violation("d: only what was in doubt is unknown", "%d unknown to %s, %d hand-overs in doubt", n, to, r.doubts[to])
		}
	}
	twice := r.count(`SELECT COUNT(*) FROM
		(SELECT 1 FROM reminder_notices GROUP BY loan_id, due_date, kind, step HAVING COUNT(*) > 1) twice`)
	if twice > 0 {
		r.violation("e: a notice is promised once", "%d were not", twice)
	}
	forgotten := r.count(`SELECT COUNT(*) FROM reminder_loans l WHERE NOT EXISTS (SELECT 1 FROM reminder_notices n
		WHERE n.loan_id = CAST(l.loan_id AS CHAR) AND n.due_date = l.due_at)`)
	if forgotten > 0 {
		r.violation("c: nothing is forgotten", "%d open loans have no notice", forgotten)
	}
	for check, n := range r.failures {
		r.Logf("violated %d times: %s", n, check)
	}
}

// checkEmail compares one email with the copies of it that were accepted.
func (r *round) checkEmail(ref string, e email, copies []mail) {
	describe := func() string {
		s := fmt.Sprintf("%s is %s (%s) with %d unknown, accepted %d times", ref, e.state, e.reason, e.unknowns, len(copies))
		for _, m := range copies {
			s += fmt.Sprintf("\n    %s %s by %v", m.id, m.date, m.by)
		}
		return s
	}
	if r.policy == "hold" && len(copies) > 1 || len(copies) > 2 {
		r.violation("a: no mail is accepted twice, or more than once more", "%s", describe())
	}
	if len(copies) > 1 && e.unknowns == 0 {
		r.violation("a: only what was unknown is sent again", "%s", describe())
	}
	for i := 1; i < len(copies); i++ {
		r.total.again++
		a, b := copies[0], copies[i]
		if a.id != b.id || a.date != b.date || slices.Equal(a.about, b.about) && a.content != b.content {
			r.violation("a: a copy is the same message", "%s", describe())
		}
	}
	if r.sent != nil && (len(copies) > 1 || e.state == "unknown") {
		r.violation("g: where sent mail is kept, nothing stays unknown and nothing is sent twice", "%s", describe())
	}
	if e.state == "sent" && (len(copies) == 0 || copies[0].id != e.messageID) {
		r.violation("b: what is recorded as sent was accepted", "%s", describe())
	}
	switch e.state {
	case "sent", "unknown":
	case "refused", "canceled", "expired", "failed":
		if len(copies) > 0 {
			r.violation("c: what was accepted is sent or unknown", "%s", describe())
		}
	default:
		r.violation("c: every email has ended", "%s", describe())
	}
}

// violation fails the test, and tells the first few of a kind.
func (r *round) violation(check, format string, args ...any) {
	if r.failures[check]++; r.failures[check] <= 3 {
		r.Errorf("%s: %s", check, fmt.Sprintf(format, args...))
	} else {
		r.Fail()
	}
}
