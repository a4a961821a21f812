package feedback

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
)

// An api is SendGrid according to its API description (twilio/sendgrid-oai): a query of known fields and operators, a
// limit of 1,000 rows and no pages.
type api struct {
	t      *testing.T
	rows   []map[string]any
	lists  map[string][]map[string]any
	denied string // beginning of the paths that the key may not read
	asked  int
}

var condition = regexp.MustCompile(`^(?:sg_message_id_created_at (>=|<) TIMESTAMP "([^"]+)"|status IN \(('\w+'(?:, '\w+')*)\))$`)

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	assert.Equal(a.t, "Bearer SG.key", r.Header.Get("Authorization"))
	a.asked++
	answer := func(v any) { assert.NoError(a.t, json.NewEncoder(w).Encode(v)) }
	switch {
	case a.denied != "" && strings.HasPrefix(r.URL.Path, a.denied):
		w.WriteHeader(http.StatusForbidden)
		answer(map[string]any{"errors": []map[string]string{{"message": "access forbidden"}}})
	case r.Method == http.MethodPost && r.URL.Path == "/v3/logs":
		var q struct {
			Query string
			Limit int
		}
		assert.NoError(a.t, json.NewDecoder(r.Body).Decode(&q))
		assert.True(a.t, q.Limit >= 1 && q.Limit <= 1000)
		found := []map[string]any{}
		for _, row := range a.rows {
			fits := true
			for part := range strings.SplitSeq(q.Query, " AND ") {
				m := condition.FindStringSubmatch(part)
				if !assert.NotNil(a.t, m, part) {
					return
				}
				switch {
				case m[3] != "":
					fits = fits && strings.Contains(m[3], "'"+row["status"].(string)+"'")
				default:
					at, err := time.Parse(time.RFC3339, m[2])
					assert.NoError(a.t, err)
					created := row["sg_message_id_created_at"].(time.Time)
					fits = fits && (m[1] == ">=" && !created.Before(at) || m[1] == "<" && created.Before(at))
				}
			}
			if fits && len(found) < q.Limit {
				found = append(found, row)
			}
		}
		answer(map[string]any{"messages": found})
	case strings.HasPrefix(r.URL.Path, "/v3/logs/"):
		for _, row := range a.rows {
			if "/v3/logs/"+row["sg_message_id"].(string) == r.URL.Path {
				answer(map[string]any{"sg_message_id": row["sg_message_id"], "to_email": row["to_email"],
					"custom_args": map[string]any{"ref": row["ref"]}, "events": []any{}})
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	case strings.HasPrefix(r.URL.Path, "/v3/suppression/"):
		assert.NotEmpty(a.t, r.URL.Query().Get("limit"))
		answer(append([]map[string]any{}, a.lists[strings.TrimPrefix(r.URL.Path, "/v3/suppression/")]...))
	default:
		a.t.Errorf("%s %s is no call of the API", r.Method, r.URL.Path)
	}
}

func (a *api) row(i int, at time.Time, status, reason string) {
	a.rows = append(a.rows, map[string]any{"sg_message_id": fmt.Sprintf("receipt%d.recvd-1-2.0", i),
		"to_email": fmt.Sprintf("Siswa%d@example.org", i), "from_email": "p@example.org",
		"subject": "s", "status": status, "reason": reason, "sg_message_id_created_at": at, "ref": fmt.Sprint("REF", i)})
}

func newAPI(t *testing.T) (*api, SendGrid) {
	a := &api{t: t, lists: map[string][]map[string]any{}}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return a, SendGrid{Host: srv.URL, Key: "SG.key", Client: srv.Client()}
}

func TestSendGridReturned(t *testing.T) {
	a, s := newAPI(t)
	now := time.Now().UTC().Truncate(time.Second)
	for i, row := range [][3]string{
		{"bounced", "550 5.1.1 user unknown", "no_address"},
		{"bounced", "550 5.2.1 The email account that you tried to reach is disabled", "disabled"},
		{"blocked", "552 5.2.2 over quota", "full"}, {"blocked", "550 5.7.1 spam", "policy"},
		{"blocked", "550 5.1.1 user unknown", "unclear"},
		{"dropped", "Bounced Address", "no_address"}, {"dropped", "Invalid", "no_address"},
		{"dropped", "Spam Reporting Address", "complaint"},
		{"dropped", "Unsubscribed Address", "complaint"}, {"dropped", "Spam Content", "policy"},
		{"delivered", "250 ok", ""}, {"deferred", "450 later", ""},
	} {
		a.row(i, now.Add(-time.Hour), row[0], row[1])
		a.rows[i]["want"] = row[2]
	}
	a.row(99, now.Add(-30*24*time.Hour), "bounced", "550 5.1.1 user unknown") // too old
	a.lists["spam_reports"] = []map[string]any{{"created": now.Unix(), "email": "Marah@example.org", "ip": "192.0.2.1"}}
	a.lists["invalid_emails"] = []map[string]any{{"created": now.Unix(), "email": "salah@example",
		"reason": "Known bad domain"}}
	var got Batch
	require.NoError(t, s.Returned(t.Context(), "", now, func(b Batch) error { got = b; return nil }))
	require.Len(t, got.Returns, 12)
	assert.Equal(t, 12, got.Read)
	for i, r := range got.Returns[:10] {
		want := a.rows[i]["want"].(string)
		assert.Equal(t, fmt.Sprint("receipt", i), r.Receipt)
		assert.Equal(t, []string{fmt.Sprintf("siswa%d@example.org", i)}, r.Failures[0].Addresses)
		if want == "complaint" {
			assert.True(t, r.Complaint, "%+v", r)
		} else {
			assert.Equal(t, mail.ReturnClass(want), r.Failures[0].Class, "%+v", r)
		}
	}
	assert.True(t, got.Returns[10].Complaint)
	assert.Equal(t, []string{"marah@example.org"}, got.Returns[10].Failures[0].Addresses)
	assert.Equal(t, mail.ReturnNoAddress, got.Returns[11].Failures[0].Class)
}

// TestSendGridHalves: there are no pages, so a period with too many rows for one answer is read in halves.
func TestSendGridHalves(t *testing.T) {
	a, s := newAPI(t)
	now := time.Now().UTC().Truncate(time.Second)
	for i := range 2500 {
		a.row(i, now.Add(-time.Duration(i)*time.Minute), "bounced", "550 5.1.1 user unknown")
	}
	rows, err := s.logs(t.Context(), now.Add(-logTime), now.Add(maxSkew), "")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row.ID] = true
	}
	assert.Len(t, seen, 2500)
	assert.Len(t, rows, 2500, "each once")
}

func TestSendGridAccepted(t *testing.T) {
	a, s := newAPI(t)
	now := time.Now().UTC().Truncate(time.Second)
	for i := range 3 {
		a.row(i, now, "delivered", "250 ok")
	}
	handed := func(i int, ref, receipt string) Handed {
		return Handed{ID: int64(i), Ref: ref, Receipt: receipt, At: now,
			Address: reminder.DigestOf(fmt.Sprintf("siswa%d@example.org", i))}
	}
	found, err := s.Accepted(t.Context(), []Handed{handed(0, "REF0", "receipt0"), handed(1, "REF1", ""),
		handed(2, "REFX", ""), handed(7, "REF7", ""), handed(1, "REF1", "receipt9")})
	require.NoError(t, err)
	assert.Equal(t, []bool{true, true, false, false, false}, found)
}

func TestSendGridNamesTheScope(t *testing.T) {
	a, s := newAPI(t)
	lacking, err := s.Check(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lacking)
	a.denied = "/v3/suppression/spam_reports"
	err = s.Returned(t.Context(), "", time.Now(), func(Batch) error { return nil })
	assert.ErrorContains(t, err, "suppression.spam_reports.read")
	lacking, err = s.Check(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"suppression.spam_reports.read"}, lacking)
	a.denied = "/v3/logs"
	lacking, err = s.Check(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"email_activity.read"}, lacking)

	// The lists still have entries.
	created := time.Now().Unix()
	a.lists["bounces"] = []map[string]any{{"created": created, "email": "Hilang@example.org", "status": "5.1.1",
		"reason": "550 5.1.1 The email account that you tried to reach does not exist"}}
	a.lists["blocks"] = []map[string]any{{"created": created, "email": "penuh@example.org", "status": "4.2.2",
		"reason": "452 4.2.2 mailbox full"}}
	var got []Return
	err = s.Returned(t.Context(), "", time.Now(), func(b Batch) error { got = b.Returns; return nil })
	assert.ErrorContains(t, err, "email_activity.read")
	require.Len(t, got, 2)
	assert.Equal(t, mail.ReturnNoAddress, got[0].Failures[0].Class)
	assert.Equal(t, []string{"hilang@example.org"}, got[0].Failures[0].Addresses)
	assert.Equal(t, mail.ReturnFull, got[1].Failures[0].Class)
}

// TestSendGridMoments: the API description does not define the form of times. A row with an unknown form is still read.
func TestSendGridMoments(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-24T08:00:00Z": "2026-11-24T08:00:00Z", "2026-11-24T08:00:00.123456Z": "2026-11-24T08:00:00Z",
		"2026-11-24T15:00:00+07:00": "2026-11-24T08:00:00Z", "2026-11-24T08:00:00": "2026-11-24T08:00:00Z",
		"2026-11-24 08:00:00": "2026-11-24T08:00:00Z", "kemarin": "0001-01-01T00:00:00Z", "": "0001-01-01T00:00:00Z",
	} {
		var row logRow
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"sg_message_id_created_at": %q}`, text), &row))
		assert.Equal(t, want, row.Created.at.UTC().Truncate(time.Second).Format(time.RFC3339), text)
	}
}
