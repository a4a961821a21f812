package feedback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// SendGrid is a Source that reads the Email Logs and the suppression lists of the service. A row of the logs has the
// receipt of its email, but the logs keep it only for a month. The lists keep their entries, but have only addresses.
type SendGrid struct {
	Host, Key string
	Client    *http.Client
}

const (
	logRows = 1000               // the maximum number of rows in an answer; there are no pages
	logTime = 4 * 24 * time.Hour // the service tries to deliver for three days
	maxList = 500                // of a suppression list
	minSpan = 2 * time.Second    // the shortest period of one query
	maxSize = 8 << 20            // of an answer, in bytes
	maxSkew = 10 * time.Minute   // between the database's clock and the service's
	logForm = time.RFC3339       // of the times in a query
)

// A logRow is a message in the logs.
type logRow struct {
	ID      string `json:"sg_message_id"`
	To      string `json:"to_email"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Created moment `json:"sg_message_id_created_at"`
	Args    struct {
		Ref string `json:"ref"`
	} `json:"custom_args"`
}

// A moment is a time of the logs. The API documents it as ISO 8601 without an exact form. An unreadable time is zero.
type moment struct{ at time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *moment) UnmarshalText(text []byte) error {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", time.DateTime,
		"2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(form, string(text)); err == nil {
			m.at = t
			return nil
		}
	}
	return nil
}

// receipt returns the id that the service returned when it accepted the message: the part before the first dot.
func (r logRow) receipt() string { id, _, _ := strings.Cut(r.ID, "."); return id }

// Returned implements [Source]. The state of a row in the logs can change for days. So each call reads all rows of that
// time, and there is no position. If the key may not read the logs, it reads more lists instead.
func (s SendGrid) Returned(ctx context.Context, _ string, now time.Time, take func(Batch) error) error {
	lists := []string{"spam_reports", "invalid_emails"}
	rows, denied := s.logs(ctx, now.Add(-logTime), now.Add(maxSkew), " AND status IN ('bounced', 'blocked', 'dropped')")
	if _, scope := errors.AsType[*ScopeError](denied); scope {
		lists = append(lists, "bounces", "blocks")
	} else if denied != nil {
		return denied
	}
	b := Batch{Read: len(rows)}
	for _, row := range rows {
		b.Returns = append(b.Returns, row.asReturn(""))
	}
	for _, list := range lists {
		var entries []struct {
			Created               int64
			Email, Reason, Status string
		}
		query := url.Values{"start_time": {strconv.FormatInt(now.Add(-logTime).Unix(), 10)}, "limit": {strconv.Itoa(maxList)}}
		path := "/v3/suppression/" + list + "?" + query.Encode()
		if err := s.call(ctx, path, "suppression."+list+".read", nil, &entries); err != nil {
			return err
		}
		for _, e := range entries {
			row := logRow{To: e.Email, Reason: e.Reason, Created: moment{time.Unix(e.Created, 0)}}
			row.Status = map[string]string{"bounces": "bounced", "blocks": "blocked"}[list]
			r := row.asReturn(e.Status)
			if r.Complaint = list == "spam_reports"; list == "invalid_emails" {
				r.Failures[0].Class = mail.ReturnNoAddress
			}
			b.Returns = append(b.Returns, r)
		}
		b.Read += len(entries)
	}
	return errors.Join(take(b), denied)
}

// asReturn returns the Return for a row. The service drops mail to the addresses on its lists, and says why.
func (r logRow) asReturn(code string) Return {
	f := Failure{Addresses: []string{strings.ToLower(r.To)}, Text: mail.Redact(r.Reason, r.To)}
	f.Class, f.Code = mail.ClassifyReturn(code, r.Reason)
	complaint := false
	switch reason := strings.ToLower(r.Reason); {
	case r.Status != "dropped":
		if r.Status == "blocked" && f.Class == mail.ReturnNoAddress { // a block is temporary
			f.Class = mail.ReturnUnclear
		}
	case strings.Contains(reason, "bounced"), strings.Contains(reason, "invalid"):
		f.Class = mail.ReturnNoAddress
	case strings.Contains(reason, "spam report"), strings.Contains(reason, "unsubscribed"):
		complaint = true
	default:
		f.Class = mail.ReturnPolicy
	}
	return Return{Receipt: r.receipt(), Failures: []Failure{f}, Complaint: complaint, At: r.Created.at, Foreign: true}
}

// logs reads the logs of a period. An answer of a thousand rows may be incomplete; then it reads each half of the
// period.
func (s SendGrid) logs(ctx context.Context, from, to time.Time, more string) ([]logRow, error) {
	var answer struct {
		Messages []logRow `json:"messages"`
	}
	query := fmt.Sprintf("sg_message_id_created_at >= TIMESTAMP %q AND sg_message_id_created_at < TIMESTAMP %q%s",
		from.UTC().Format(logForm), to.UTC().Format(logForm), more)
	err := s.call(ctx, "/v3/logs", "email_activity.read", map[string]any{"query": query, "limit": logRows}, &answer)
	if err != nil || len(answer.Messages) < logRows || to.Sub(from) < minSpan {
		return answer.Messages, err
	}
	middle := from.Add(to.Sub(from) / 2).Truncate(time.Second)
	first, err := s.logs(ctx, from, middle, more)
	if err != nil {
		return nil, err
	}
	second, err := s.logs(ctx, middle, to, more)
	return append(first, second...), err
}

// Accepted implements [Source]. It finds an email by its receipt. If the answer with the receipt was lost, it compares
// the ref, which only the log of a single message has.
func (s SendGrid) Accepted(ctx context.Context, emails []Handed) ([]bool, error) {
	found := make([]bool, len(emails))
	for i, e := range emails {
		rows, err := s.logs(ctx, e.At.Add(-maxSkew), e.At.Add(maxSkew), "")
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			switch {
			case found[i]:
			case e.Receipt != "":
				found[i] = row.receipt() == e.Receipt
			case reminder.DigestOf(row.To) == e.Address:
				var message logRow
				path := "/v3/logs/" + url.PathEscape(row.ID)
				if err := s.call(ctx, path, "email_activity.read", nil, &message); err != nil {
					return nil, err
				}
				found[i] = message.Args.Ref == e.Ref
			}
		}
	}
	return found, nil
}

// Copies implements [Source]. The logs do not contain the messages.
func (SendGrid) Copies(context.Context, time.Time, int) ([]Copied, error) { return nil, nil }

// Close implements [Source].
func (s SendGrid) Close() error { s.Client.CloseIdleConnections(); return nil }

// A ScopeError says that the API key lacks a scope that the feedback needs.
type ScopeError struct{ Scope string }

func (e *ScopeError) Error() string { return "the API key lacks the scope " + e.Scope }

// Check tries all requests of the feedback. It returns the scopes that the key lacks, sorted.
func (s SendGrid) Check(ctx context.Context) (lacking []string, err error) {
	for _, request := range []struct {
		scope, path string
		body        any
	}{
		{"email_activity.read", "/v3/logs", map[string]any{"query": "status IN ('bounced')", "limit": 1}},
		{"suppression.invalid_emails.read", "/v3/suppression/invalid_emails?limit=1", nil},
		{"suppression.spam_reports.read", "/v3/suppression/spam_reports?limit=1", nil},
	} {
		var answer any
		err := s.call(ctx, request.path, request.scope, request.body, &answer)
		if refused, ok := errors.AsType[*ScopeError](err); ok {
			lacking = append(lacking, refused.Scope)
		} else if err != nil {
			return nil, err
		}
	}
	return lacking, nil
}

// call posts a body, or gets an answer when there is none. The scope is what the key needs for it.
func (s SendGrid) call(ctx context.Context, path, scope string, body, answer any) error {
	method, text := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Host+path, bytes.NewReader(text))
	if err != nil {
		return errors.New("SENDGRID_HOST is no address of a service")
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.Client.Do(req)
	if err != nil {
		return errors.New(mail.Redact(err.Error(), s.Key))
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusUnauthorized:
		return &ScopeError{scope}
	case res.StatusCode == http.StatusNotFound && method == http.MethodGet: // the logs do not keep it any longer
		return nil
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("SendGrid answers %s", http.StatusText(res.StatusCode))
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxSize)).Decode(answer)
}
