package text_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/text"
)

// TestPlainly: whatever is recorded is said in both languages; what a machine said stands behind it.
func TestPlainly(t *testing.T) {
	id, en := text.In("id"), text.In("en")
	said := func(recorded, details string) {
		inID, gotID := id.Reason(recorded)
		inEN, gotEN := en.Reason(recorded)
		assert.NotEqual(t, inID, inEN, recorded)
		assert.NotContains(t, inID+inEN, "said", recorded)
		assert.NotContains(t, inID+inEN, "reason.", recorded)
		assert.Equal(t, details, gotID, recorded)
		assert.Equal(t, details, gotEN, recorded)
	}
	for _, v := range []reminder.Verdict{reminder.VerdictNotYet, reminder.VerdictTold, reminder.VerdictTooOld,
		reminder.VerdictOnHold, reminder.VerdictOptedOut, reminder.VerdictUnreachable, reminder.VerdictBadAddress,
		reminder.VerdictWithheld} {
		said(string(v), "")
	}
	for _, phase := range []string{"compose", "resolve", "connect", "tls", "greet", "ehlo", "starttls", "auth", "mail",
		"rcpt", "data",
		"body", "dot", "post", "file", "send"} {
		for _, fate := range []mail.Fate{mail.Unknown, mail.Retry, mail.Refused, mail.BadAddress, mail.Stop} {
			recorded := (&mail.Error{Phase: phase, Fate: fate, Code: 450, Enhanced: "4.7.0", Text: "said"}).Error()
			said(recorded, recorded)
		}
	}
	for recorded, says := range map[*mail.Error]string{
		{Phase: "resolve", Fate: mail.Stop, Err: errors.New("no such host")}:                                  "Nama server MAIL_HOST tidak ditemukan.",
		{Phase: "connect", Fate: mail.Stop, Err: errors.New("dial tcp: lookup smtp.gmial.com: no such host")}: "Nama server MAIL_HOST tidak ditemukan.",
		{Phase: "auth", Fate: mail.Stop, Code: 535,
			Enhanced: "5.7.8"}: "Server surel menolak login.",
		{Phase: "rcpt", Fate: mail.BadAddress, Code: 550, Enhanced: "5.1.1",
			Text: "no such user"}: "Alamat itu tidak ada, menurut server surel.",
		{Phase: "rcpt", Fate: mail.Retry, Code: 552, Enhanced: "5.2.2",
			Text: "mailbox full"}: "Kotak surel peminjam penuh.",
		{Phase: "mail", Fate: mail.Stop, Code: 550, Enhanced: "5.4.5",
			Text: "Daily sending limit"}: "Batas kirim akun surel tercapai.",
		{Phase: "send", Fate: mail.Stop, Text: "different borrowers were answered alike, the last one: dot: refused 554"}: "Beberapa peminjam yang berbeda dijawab sama oleh server surel.",
		{Phase: "send", Fate: mail.Stop, Text: "3 emails in a row were refused, the last one: dot: 554"}:                  "Server surel menolak beberapa surel berturut-turut.",
		{Phase: "dot", Fate: mail.Unknown, Err: errors.New("EOF")}:                                                        "Sambungan putus tepat saat server menerimanya; mungkin sudah sampai.",
	} {
		got, _ := id.Reason(recorded.Error())
		assert.Equal(t, says, got, recorded.Error())
	}
	for _, p := range []text.Printer{id, en} {
		got, details := p.Reason("ujian akhir")
		assert.Equal(t, "ujian akhir", got, "a person's own words stay")
		assert.Empty(t, details)
	}
}
