package mail

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassifyReturn(t *testing.T) {
	for _, c := range []struct {
		status, diagnostic string
		class              ReturnClass
		code               string
	}{
		// Postfix, and Exim, whose Status field has no meaning.
		{"5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please try 550 5.1.1  double-checking the address - gsmtp", ReturnNoAddress, "5.1.1"},
		{"5.0.0", "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking",
			ReturnNoAddress, "5.1.1"},
		{"5.1.1", `unknown user: "siapa"`, ReturnNoAddress, "5.1.1"},
		{"5.0.0", "Unrouteable address", ReturnNoAddress, ""},
		{"5.0.0", "552 5.2.2 The email account that you tried to reach is over quota", ReturnFull, "5.2.2"},
		{"5.2.2", "552 5.2.2 The email account that you tried to reach is over quota", ReturnFull, "5.2.2"},
		{"4.2.2", "452 4.2.2 The email account that you tried to reach is over quota", ReturnFull, "4.2.2"},
		{"5.0.0", "550 5.2.1 The email account that you tried to reach is disabled", ReturnDisabled, "5.2.1"},
		{"5.2.1", "550 5.2.1 The email account that you tried to reach is inactive", ReturnDisabled, "5.2.1"},
		{"5.0.0", "550 5.7.1 Message rejected as spam", ReturnPolicy, "5.7.1"},
		{"5.7.1", "550 5.7.1 Message rejected as spam", ReturnPolicy, "5.7.1"},
		{"5.4.4", "Host or domain name not found. Name service error for name=x.example type=A: Host not found",
			ReturnRouting, "5.4.4"},
		{"4.4.1", "connect to mx.example[192.0.2.1]:25: Connection timed out", ReturnRouting, "4.4.1"},
		{"5.4.6", "mail for x.example loops back to myself", ReturnRouting, "5.4.6"},
		{"5.3.4", "message size 90000000 exceeds size limit 10485760 of server", ReturnPolicy, "5.3.4"},
		// Microsoft.
		{"5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", ReturnNoAddress,
			"5.1.10"},
		{"5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", ReturnNoAddress, "5.4.1"},
		{"5.7.1", "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", ReturnPolicy, "5.7.1"},
		{"5.7.133", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", ReturnPolicy,
			"5.7.133"},
		{"5.2.2", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", ReturnFull, "5.2.2"},
		{"5.2.3", "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", ReturnPolicy, "5.2.3"},
		// Yahoo, Zoho, qmail and others.
		{"", "Remote host said: 554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]",
			ReturnNoAddress, "554"},
		{"", "Remote host said: 552 1 Requested mail action aborted, mailbox not found", ReturnNoAddress, "552"},
		{"", "ERROR CODE :550 - 5.1.1 User does not exist", ReturnNoAddress, "5.1.1"},
		{"", "Sorry, no mailbox here by that name. (#5.1.1)", ReturnNoAddress, "5.1.1"},
		{"", "Sorry, I couldn't find any host named x.example. (#5.1.2)", ReturnNoAddress, "5.1.2"},
		{"", "Mailbox has exceeded its quota. (#5.2.2)", ReturnFull, "5.2.2"},
		{"5.0.0", "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org", ReturnPolicy,
			"5.7.1"},
		{"5.0.0", "550 Kotak surat penuh", ReturnFull, ""},
		{"5.0.0", "550 Pengguna tidak ditemukan", ReturnNoAddress, ""},
		{"5.5.0", "550 User suspended", ReturnDisabled, "5.5.0"},
		{"", "", ReturnUnclear, ""},
		{"5.1.123456789", "", ReturnUnclear, ""},
		{"5.2.2-and-more", "", ReturnFull, "5.2.2"},
		{"gagal", "550 5.1.1 user unknown", ReturnNoAddress, "5.1.1"},
	} {
		class, code := ClassifyReturn(c.status, c.diagnostic)
		assert.Equal(t, c.class, class, "%s %s", c.status, c.diagnostic)
		assert.Equal(t, c.code, code, "%s %s", c.status, c.diagnostic)
	}
}
