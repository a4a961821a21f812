package feedback

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/mtsn6garut/pengingat/mail"
)

// A Return is a message about an email: that it could not be delivered, or that its recipient does not want it.
type Return struct {
	IDs, Refs []string  // possible names of the email: Message-IDs, and refs from X-Pengingat-Ref and ENVID
	Receipt   string    // the provider's id of the email, or ""
	Failures  []Failure // a bounce has at least one
	Complaint bool      // the recipient does not want such mail; the Failures have only addresses
	Answer    bool      // the recipient said so in an answer, not in a complaint to the provider
	At        time.Time // when it came back
	Foreign   bool      // it may be about a mail of another program, so it does not count as unmatched
}

// A Failure is the failed delivery to one recipient.
type Failure struct {
	Addresses []string // of the recipient, in lower case, in all forms in which mail systems wrote it
	Class     mail.ReturnClass
	Code      string // an enhanced code (RFC 3463), a reply code of SMTP, or ""
	Text      string // the diagnostic, redacted
}

// Limits of what is read of one message. Lengths are in bytes.
const (
	maxDepth  = 8
	maxParts  = 50
	maxText   = 256 << 10 // decoded
	maxIDs    = 40
	maxFailed = 20
	maxID     = 250
	maxField  = 8 << 10
)

// idChars are the characters of the program's ids.
const idChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789."

// Wanted reports by some header fields whether a message may be a Return.
func Wanted(raw []byte) bool {
	h, _ := splitHeader(raw)
	kind, params := h.contentType()
	return h.fromSystem(true) || h.mayOptOut() || kind == "multipart/report" &&
		!strings.EqualFold(params["report-type"], "disposition-notification")
}

// Parse reads a message. It returns false for any message that is neither about a failed delivery nor an opt-out:
// delays, read receipts, absence notes, other answers of people.
func Parse(raw []byte, received time.Time) (Return, bool) {
	h, body := splitHeader(raw)
	var p parts
	p.read(h, body, 0, false)
	kind, params := h.contentType()
	report := ""
	if kind == "multipart/report" {
		report = strings.ToLower(params["report-type"])
	}
	r := Return{At: received}
	r.IDs, r.Refs = p.names(string(raw[:len(raw)-len(body)]))
	switch {
	case report == "disposition-notification", h.get("X-Autoreply") != "", h.get("X-Autorespond") != "":
		return Return{}, false
	case report == "feedback-report" || p.complaint != nil:
		kind := strings.ToLower(p.complaint.get("Feedback-Type"))
		r.Complaint = true
		r.Failures = []Failure{{Addresses: addresses(p.complaint.get("Original-Rcpt-To") + " " +
			p.complaint.get("Removal-Recipient") + " " + p.originalTo)}}
		return r, slices.Contains([]string{"abuse", "complaint", "opt-out", "opt-out-list"}, kind) && h.authentic(h.from())
	case !h.fromSystem(report == "delivery-status"):
		return r, r.optsOut(h, p.text.String())
	}
	text := notification(p.text.String())
	if len(p.recipients) > 0 {
		r.Failures = failuresInReport(p.recipients, h, text)
	} else if subject := h.subject(); !delayed.MatchString(subject+"\n"+text) && !reply.MatchString(subject) &&
		!(delivered.MatchString(subject+"\n"+text) && !undelivered.MatchString(text)) {
		r.Failures = failuresInText(h, text)
	}
	return r, len(r.Failures) > 0
}

var (
	ownID     = regexp.MustCompile(`^(?:[0-9a-f]{32}|[A-Z2-7]{26})\.\d{1,5}@`) // the form of the program's own ids
	ref       = regexp.MustCompile(`(?i)(?:X-Pengingat-Ref|Original-Envelope-Id):\s*([A-Za-z0-9.-]{16,100})`)
	address   = regexp.MustCompile(`[^\s<>()\[\]:;,"'|=]+@[\pL\pN](?:[\pL\pN.-]*[\pL\pN])?`)
	delayed   = regexp.MustCompile(`(?i)\(delay\)|\bdelay(ed)?\b|\bwarning:|not (yet )?been delivered|(will|to) (be )?(keep|continue|retr)|still (being )?(tr|queued)|no action is required|tertunda|akan (dicoba|terus)`)
	reply     = regexp.MustCompile(`(?i)^\s*(re|bls|balas)\s*:`)
	delivered = regexp.MustCompile(`(?i)successful|(has been|was|were) delivered|\bdelivered to\b|berhasil (di|ter)?kirim|(telah|(su)?dah) (terkirim|disampaikan|sampai)`)
	// undelivered matches words that a note of success never contains.
	undelivered = regexp.MustCompile(`(?i)\b(not|unable|fail\w*|error|reject\w*|tidak|gagal|ditolak|belum)\b|n't\b|\b5\d\d\b`)
	tags        = regexp.MustCompile(`<[^<>]*>`)
	sendersOf   = regexp.MustCompile(`(?i)^(mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|mdaemon|mail[-_.]?delivery.*|microsoftexchange[0-9a-f]+)$`)
	// returned matches the line at which the returned message begins in a text: a line that says so, or a header field
	// that no explanation contains.
	returned   = regexp.MustCompile(`(?mi)^(-{3,}.*(message|below|original|copy|header|pesan)|[> \t]*(return-path|received|message-id|dkim-signature|mime-version|x-pengingat-ref|auto-submitted):)`)
	nextFailed = regexp.MustCompile(`\n<[^<>\s]+@[^<>\s]+>:`)
	summary    = regexp.MustCompile(`(?mi)^[> \t]*(from|to|cc|reply-to|sender|subject|date): .*$`)
)

// names returns all that may be names of the program's messages. Ids in the program's own form come first.
func (p *parts) names(head string) (ids, refs []string) {
	add := func(list []string, s string) []string {
		if len(list) < maxIDs && !slices.Contains(list, s) {
			list = append(list, s)
		}
		return list
	}
	text := head + "\n" + p.text.String() + "\n" + p.original.String()
	var others []string // other ids that are long enough
	for at := strings.IndexByte(text, '@'); at >= 0; {
		from := max(0, at-maxID)
		begin := from + len(strings.TrimRight(text[from:at], idChars))
		rest := text[at+1 : min(len(text), at+1+maxID)]
		end := at + 1 + len(rest) - len(strings.TrimLeft(rest, idChars+"-"))
		switch id := strings.TrimRight(text[begin:end], ".-"); {
		case ownID.MatchString(id):
			ids = add(ids, id)
		case at-begin >= 18 && len(id) < 250:
			others = add(others, id)
		}
		next := strings.IndexByte(text[end:], '@')
		if at = end + next; next < 0 {
			break
		}
	}
	for _, id := range others {
		ids = add(ids, id)
	}
	for _, m := range ref.FindAllStringSubmatch(text, maxIDs) {
		refs = add(refs, m[1])
	}
	return ids, refs
}

// notification returns the text of the mail system, without the returned message that follows it.
func notification(text string) string {
	if at := returned.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return summary.ReplaceAllString(text, "")
}

// failuresInReport returns the failures of a delivery report (RFC 3464). text is its explanation.
func failuresInReport(recipients []header, h header, text string) (failures []Failure) {
	for _, r := range recipients[:min(len(recipients), maxFailed)] {
		status, action := first(r.get("Status")), strings.ToLower(first(r.get("Action")))
		if action != "failed" && (action != "" || !strings.HasPrefix(status, "5")) {
			continue // "delayed", "relayed", "delivered", "expanded"
		}
		f := Failure{Addresses: addresses(r.get("Final-Recipient") + " " + r.get("Original-Recipient"))}
		if len(recipients) == 1 {
			f.Addresses = addresses(strings.Join(f.Addresses, " ") + " " + h.get("X-Failed-Recipients"))
		}
		_, diagnostic, ok := strings.Cut(r.get("Diagnostic-Code"), ";")
		if !ok {
			diagnostic = r.get("Diagnostic-Code")
		}
		if strings.TrimSpace(diagnostic) == "" {
			diagnostic = after(text, f.Addresses)
		}
		failures = append(failures, f.classified(status, diagnostic))
	}
	return failures
}

// failuresInText returns the failures in a text without a report: one for each address in it.
func failuresInText(h header, text string) (failures []Failure) {
	failed := addresses(h.get("X-Failed-Recipients"))
	if len(failed) == 0 {
		failed = addresses(text)
	}
	for _, a := range failed[:min(len(failed), maxFailed)] {
		failures = append(failures, Failure{Addresses: []string{a}}.classified("", after(text, []string{a})))
	}
	return failures
}

// classified returns the failure with its class, code and text.
func (f Failure) classified(status, diagnostic string) Failure {
	diagnostic = strings.Join(strings.Fields(diagnostic), " ")
	f.Class, f.Code = mail.ClassifyReturn(status, diagnostic)
	var locals []string
	for _, a := range f.Addresses {
		local, _, _ := strings.Cut(a, "@")
		locals = append(locals, local)
	}
	f.Text = mail.Redact(diagnostic, append(locals, f.Addresses...)...)
	return f
}

// after returns the text after the first of addresses that it contains. Mail systems write the cause there.
func after(text string, addresses []string) string {
	const enough = 1500
	for _, a := range addresses {
		if i := strings.Index(strings.ToLower(text), a); i >= 0 && len(strings.ToLower(text)) == len(text) {
			text = text[i+len(a):]
			text = text[:min(len(text), enough)]
			if next := nextFailed.FindStringIndex(text); next != nil {
				text = text[:next[0]] // in a bounce of qmail the next recipient follows
			}
			return strings.TrimLeft(tags.ReplaceAllString(text, " "), ">]):;, \t\r\n")
		}
	}
	return text[:min(len(text), enough)]
}

// addresses returns the e-mail addresses in a text, each once, in lower case.
func addresses(text string) (list []string) {
	for _, a := range address.FindAllString(text, 4*maxFailed) {
		if a = strings.TrimPrefix(strings.ToLower(a), "mailto:"); !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// first returns the first word of a text, or "".
func first(s string) string { return cmp.Or(strings.Fields(s)...) }

// A header is the header of a message, or one group of fields of a report, by field name in lower case.
type header map[string][]string

// splitHeader divides a message into header and body. It skips broken lines: net/mail and go-message refuse a header
// with one broken line, and a bounce must not be lost because of that.
func splitHeader(raw []byte) (header, []byte) {
	h := header{}
	name := ""
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		text := strings.TrimRight(string(line), "\r")
		switch field, value, ok := strings.Cut(text, ":"); {
		case text == "":
			return h, rest
		case text[0] == ' ' || text[0] == '\t':
			if values := h[name]; len(values) > 0 && len(values[len(values)-1]) < maxField {
				values[len(values)-1] += " " + strings.TrimSpace(text)
			}
		case ok && field != "" && !strings.ContainsAny(field, " \t"):
			name = strings.ToLower(field)
			h[name] = append(h[name], strings.TrimSpace(value))
		}
		raw = rest
	}
	return h, nil
}

// get returns the first value of a field.
func (h header) get(name string) string {
	if values := h[strings.ToLower(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// subject returns the subject, decoded if that is possible.
func (h header) subject() string {
	if subject, err := new(mime.WordDecoder).DecodeHeader(h.get("Subject")); err == nil {
		return subject
	}
	return h.get("Subject")
}

func (h header) contentType() (string, map[string]string) {
	kind, params, err := mime.ParseMediaType(h.get("Content-Type"))
	if kind == "" || err != nil { // for example a boundary without its quotes
		kind, _, _ = strings.Cut(strings.ToLower(h.get("Content-Type")), ";")
		params = map[string]string{}
		for _, m := range parameter.FindAllStringSubmatch(h.get("Content-Type"), 10) {
			params[strings.ToLower(m[1])] = m[2]
		}
	}
	return strings.TrimSpace(kind), params
}

var parameter = regexp.MustCompile(`;\s*([\w-]+)\s*=\s*"?([^";]+)"?`)

// parts are the decoded parts of a message.
type parts struct {
	n          int
	text       strings.Builder // written by the sender of the message
	original   strings.Builder // the message that came back
	originalTo string          // the To field of that message
	recipients []header        // of a delivery report
	complaint  header          // of a feedback report
}

func (p *parts) read(h header, body []byte, depth int, original bool) {
	if p.n++; p.n > maxParts || depth > maxDepth {
		return
	}
	kind, params := h.contentType()
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		for _, part := range split(body, params["boundary"]) {
			h, body := splitHeader(part)
			if original {
				p.keep(true, string(part[:len(part)-len(body)]))
			}
			p.read(h, body, depth+1, original)
		}
		return
	}
	body = decode(h.get("Content-Transfer-Encoding"), body)
	if !utf8.Valid(body) { // probably Latin-1; in most other charsets the ASCII characters are still right
		body, _ = charmap.ISO8859_1.NewDecoder().Bytes(body)
	}
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		p.keep(true, string(body)) // it may name the email, but it explains nothing
		for i, group := range groups(body) {
			if h, _ := splitHeader(group); i > 0 || h.get("Final-Recipient") != "" {
				p.recipients = append(p.recipients, h)
			}
		}
	case "message/feedback-report":
		p.complaint, _ = splitHeader(body)
	case "message/rfc822", "message/global", "message/rfc822-headers", "text/rfc822-headers", "message/global-headers",
		"message/partial":
		h, inner := splitHeader(body)
		p.keep(true, string(body[:len(body)-len(inner)]))
		if !original {
			p.originalTo = h.get("To")
		}
		p.read(h, inner, depth+1, true)
	case "text/html":
		p.keep(original, tags.ReplaceAllString(html.UnescapeString(string(body)), " $0 "))
	default: // for example pictures are skipped
		if kind == "" || strings.HasPrefix(kind, "text/") {
			p.keep(original, string(body))
		}
	}
}

func (p *parts) keep(original bool, text string) {
	b := &p.text
	if original {
		b = &p.original
	}
	b.WriteString(text[:min(len(text), max(0, maxText-b.Len()))])
	b.WriteByte('\n')
}

// split divides a body at its boundaries. If the body is incomplete, the last part is kept.
func split(body []byte, boundary string) (list [][]byte) {
	line, err := regexp.Compile(`(?m)^--` + regexp.QuoteMeta(boundary) + `(--)?[ \t\r]*(?:\n|\z)`)
	if err != nil { // the boundary is not UTF-8
		return nil
	}
	begin := -1
	for _, at := range line.FindAllSubmatchIndex(body, maxParts+1) {
		if begin >= 0 {
			list = append(list, body[begin:at[0]])
		}
		if begin = at[1]; at[2] >= 0 {
			return list
		}
	}
	if begin >= 0 && begin < len(body) {
		list = append(list, body[begin:])
	}
	return list
}

// groups divides a report into groups of fields, at the empty lines.
func groups(body []byte) (list [][]byte) {
	for group := range bytes.SplitSeq(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n\n")) {
		if len(bytes.TrimSpace(group)) > 0 && len(list) <= maxFailed {
			list = append(list, bytes.TrimLeft(group, "\n"))
		}
	}
	return list
}

// decode undoes a transfer encoding. If the body is malformed, it returns what it could decode.
func decode(encoding string, body []byte) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		decoded, _ := io.ReadAll(io.LimitReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)), maxText))
		return decoded
	case "quoted-printable":
		decoded, err := io.ReadAll(io.LimitReader(quotedprintable.NewReader(bytes.NewReader(body)), maxText))
		if err != nil {
			return append(append(decoded, '\n'), body...)
		}
		return decoded
	}
	return body
}
