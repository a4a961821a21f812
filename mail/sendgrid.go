package mail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	sgmail "github.com/sendgrid/sendgrid-go/helpers/mail"
)

// SendGridConfig says how to reach the SendGrid Web API v3.
type SendGridConfig struct {
	Key     string        `json:"-"` // API key; the permission "Mail Send" is enough
	Host    string        // default https://api.sendgrid.com; https://api.eu.sendgrid.com for an EU subuser
	Sandbox bool          // SendGrid validates each message and does not send it
	Timeout time.Duration // from the handover to the answer; default 1 minute
}

// Format prints the configuration without its key, whatever the verb.
func (c SendGridConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Key:*** Host:%s Sandbox:%t Timeout:%s}", c.Host, c.Sandbox, c.Timeout)
}

// SendGrid sends mail through the SendGrid Web API v3, with one request for each message. With batches, one lost answer
// would leave many messages with an unknown outcome, and SendGrid would refuse all of them for one bad address.
type SendGrid struct {
	cfg    SendGridConfig
	client rest.Client
}

// Format prints the configuration without its key, whatever the verb.
func (s *SendGrid) Format(f fmt.State, verb rune) { s.cfg.Format(f, verb) }

// NewSendGrid checks cfg and returns a sender. It does not connect.
func NewSendGrid(cfg SendGridConfig) (*SendGrid, error) {
	if cfg.Key == "" || strings.ContainsFunc(cfg.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("sendgrid: the API key is missing or has characters that no key has")
	}
	// The host gets the key and all addresses, so it must use TLS unless it is this machine.
	cfg.Host = strings.TrimSuffix(cmp.Or(cfg.Host, "https://api.sendgrid.com"), "/")
	u, err := url.Parse(cfg.Host)
	if err != nil || u.Hostname() == "" || cfg.Host != u.Scheme+"://"+u.Host ||
		u.Scheme != "https" && (u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback()) {
		return nil, errors.New("sendgrid: the host must be https://NAME, or http:// and a loopback address")
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	// HTTP/1.1 only: with HTTP/2, net/http sends a POST again when the server resets its stream with PROTOCOL_ERROR,
	// although the server may have processed it. With HTTP/1.1 it repeats a POST only when no byte of it was written, or
	// when the request has an Idempotency-Key header. SendGrid ignores that header, so we send none.
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &SendGrid{
		cfg: cfg,
		client: rest.Client{HTTPClient: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: cfg.Timeout}).DialContext,
				TLSHandshakeTimeout:    cfg.Timeout,
				MaxResponseHeaderBytes: 64 << 10,
				// Shorter than the timeout of any server. A POST on a connection that the server has just closed would
				// be unknown. This also covers a function that was frozen between two runs.
				IdleConnTimeout: 10 * time.Second,
				Protocols:       &http1,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}},
	}, nil
}

// Send implements [Sender].
func (s *SendGrid) Send(ctx context.Context, m Message, handover Handover) (Receipt, error) {
	// Everything that can fail here comes before the handover. Client.Send of sendgrid-go is not used: it logs a message
	// that it cannot encode and posts an empty body, and it keeps the body in the client, which all goroutines share.
	if err := m.check(); err != nil {
		return Receipt{}, err
	}
	req, err := s.request(m)
	if err != nil {
		return Receipt{}, &Error{Fate: Refused, Phase: "compose", Err: err}
	}
	if err := handover(ctx); err != nil {
		return Receipt{}, err
	}
	// From here on the end of the run must not end the wait, because SendGrid may have accepted the message. Only the
	// timeout limits it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Timeout)
	defer cancel()
	// The transport may open a second connection if the first one broke before anything was written. The last one counts.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	res, err := s.client.MakeRequest(req.WithContext(ctx))
	if err != nil {
		return Receipt{}, classifySilence(err, connected.Load())
	}
	// The status decides. An error while reading the body is ignored, because the body is only the explanation.
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, 64<<10), res.Body}
	answer, _ := rest.BuildResponse(res)
	if res.StatusCode == http.StatusAccepted || s.cfg.Sandbox && res.StatusCode == http.StatusOK {
		return Receipt{ID: Redact(res.Header.Get("X-Message-Id"))}, nil
	}
	e := classifyAnswer(answer)
	e.Text = s.redacted(m, e.Text)
	return Receipt{}, e
}

// Close implements [Sender].
func (s *SendGrid) Close() error {
	s.client.HTTPClient.CloseIdleConnections()
	return nil
}

// request returns the complete POST for m.
func (s *SendGrid) request(m Message) (*http.Request, error) {
	off, on := false, true
	v3 := sgmail.SGMailV3{
		From:    &sgmail.Email{Name: headerText(m.From.Name), Address: m.From.Addr},
		Subject: headerText(m.Subject),
		// To has no name: SendGrid has written names into the header without quotes, where "Siti, S.Pd." is two
		// recipients. It gets nothing else about the borrower either: custom_args are kept for long, so only the Ref.
		Personalizations: []*sgmail.Personalization{{
			To:         []*sgmail.Email{{Address: m.To.Addr}},
			CustomArgs: map[string]string{"ref": m.Ref},
		}},
		// No Date: SendGrid adds one and does not document that ours would replace it. Gmail refuses a mail with two.
		Headers: map[string]string{
			"Message-ID":               "<" + m.ID + ">",
			"Auto-Submitted":           "auto-generated", // RFC 3834 section 5
			"X-Auto-Response-Suppress": "All",            // the same for Exchange
			RefHeader:                  m.Ref,
		},
		Content: []*sgmail.Content{{Type: "text/plain", Value: m.Text}},
		// Tracking is off, whatever the account's defaults are. It would rewrite links, and add pictures and footers.
		TrackingSettings: &sgmail.TrackingSettings{
			ClickTracking:        &sgmail.ClickTrackingSetting{Enable: &off, EnableText: &off},
			OpenTracking:         &sgmail.OpenTrackingSetting{Enable: &off},
			SubscriptionTracking: &sgmail.SubscriptionTrackingSetting{Enable: &off},
			GoogleAnalytics:      &sgmail.GaSetting{Enable: &off},
		},
	}
	if m.HTML != "" {
		v3.Content = append(v3.Content, &sgmail.Content{Type: "text/html", Value: m.HTML})
	}
	if m.ReplyTo != (Address{}) {
		v3.ReplyTo = &sgmail.Email{Name: headerText(m.ReplyTo.Name), Address: m.ReplyTo.Addr}
	}
	if m.Lang != "" {
		v3.Headers["Content-Language"] = m.Lang
	}
	if m.Unsubscribe != "" {
		v3.Headers["List-Unsubscribe"] = "<" + m.Unsubscribe + ">"
	}
	if s.cfg.Sandbox {
		v3.MailSettings = &sgmail.MailSettings{SandboxMode: &sgmail.Setting{Enable: &on}}
	}
	body, err := json.Marshal(v3)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	r := sendgrid.GetRequest(s.cfg.Key, "/v3/mail/send", s.cfg.Host)
	r.Method, r.Body = rest.Post, body
	return rest.BuildRequestObject(r)
}

// redacted removes from the server's text the parts of m and of the request that it may have repeated.
func (s *SendGrid) redacted(m Message, text string) string {
	return Redact(text, s.cfg.Key, m.To.Addr, m.To.Name, m.Subject)
}

// The lengths of pauses. After a quota was exceeded, the next try comes within hours, because providers do not say
// whether they count by the minute, the day or the month. A refused key or sender waits for a person.
const (
	minQuotaPause = time.Minute
	shortPause    = 10 * time.Minute
	maxQuotaPause = 3 * time.Hour
	configPause   = 24 * time.Hour
)

// classifySilence returns the Error for an error of the HTTP client, when there was no answer.
func classifySilence(err error, connected bool) *Error {
	v, text := unknown, "answer not understood" // the error of net/http may quote the answer, and with it our request
	var network *net.OpError
	switch {
	case !connected: // no address, no connection or no TLS: no byte of the request was sent
		v, text = stopServer, err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.As(err, &network):
		text = err.Error()
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor, Phase: "post", Text: Redact(text)}
}

var (
	recipientField = re(`^personalizations(\.\d+)?\.to(\.\d+)?(\.email)?$`)
	senderField    = re(`^(from|reply_to)\b`)
)

// classifyAnswer returns the Error for an answer that is not an acceptance. Its Text is not yet redacted. The statuses
// are in https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses.
func classifyAnswer(res *rest.Response) *Error {
	code, text := res.StatusCode, http.StatusText(res.StatusCode)
	var reply struct {
		Errors []struct{ Field, Message string }
	}
	_ = json.Unmarshal([]byte(res.Body), &reply) // any other text is from a gateway, not from the API
	fromAPI := len(reply.Errors) > 0
	var sender, recipient, credits bool
	for _, e := range reply.Errors {
		sender = sender || senderField().MatchString(e.Field)
		recipient = recipient || recipientField().MatchString(e.Field)
		credits = credits || strings.Contains(strings.ToLower(e.Message), "credits exceeded")
		if code == 401 || code == 403 || code == 429 { // the text is about the account
			text += ": " + e.Message
		} else if e.Field != "" { // the text may quote the message, so only the name of the field is kept
			text += ": " + e.Field
		}
	}

	var v verdict
	var cause error
	page := strings.HasPrefix(strings.TrimSpace(res.Body), "<")
	switch {
	case code == 407, code == 451, code == 511, page && (code == 200 || code/100 == 4 && code != 413):
		v, cause, text = stopServer, ErrFilter, text+": "+ErrFilter.Error()
	case sender && (code == 400 || code == 403): // comes before the recipient: all messages have this sender
		v = stopSender
	case credits && (code == 401 || code == 403): // the key is valid; credits are renewed
		v = stopQuota
	case code == 401, code == 403, code == 404, code == 405:
		v = stopAccount
	case code == 429:
		v = verdict{Stop, PauseQuota, quotaPause(res.Headers)}
	case code == 301, code == 302, code == 307, code == 308: // not the API, and nothing was done (RFC 9110 15.4)
		v = stopServer
	case code == 400 && recipient:
		v = badAddress
	case code == 400 && fromAPI, code == 413:
		v = refused
	case code/100 == 4 && !fromAPI: // from a gateway, and not about the message
		v = stopServer
	case code/100 == 4, fromAPI && (code == 500 || code == 503): // surely not accepted, and temporary
		v = retry
	default: // a 5xx of a gateway, or a 2xx that SendGrid does not use: the API behind it may have accepted the message
		v = unknown
	}
	return &Error{Fate: v.fate, Pause: v.pause, PauseFor: v.pauseFor, Phase: "post", Code: code, Text: text, Err: cause}
}

// ErrFilter is the cause when the answer is a web page or a message of a proxy: a filter or a login portal of the
// school blocks the connection to SendGrid.
var ErrFilter = errors.New("a filter or portal answers in place of SendGrid")

// quotaPause returns how long the API asks to wait, within limits.
func quotaPause(h http.Header) time.Duration {
	seconds := int64(shortPause.Seconds())
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64) // unix seconds
	now, dateErr := http.ParseTime(h.Get("Date"))                      // by the same clock, because ours may be wrong
	if err == nil && dateErr == nil {
		seconds = reset - now.Unix()
	}
	if s, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64); err == nil {
		seconds = s
	} else if until, err := http.ParseTime(h.Get("Retry-After")); err == nil && dateErr == nil {
		seconds = until.Unix() - now.Unix()
	}
	seconds = min(max(seconds, int64(minQuotaPause.Seconds())), int64(maxQuotaPause.Seconds()))
	return time.Duration(seconds) * time.Second
}
