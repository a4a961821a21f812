package feedback

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// ourMail is the message that came back, in the form in which the program sends it.
const ourMail = `From: "Perpustakaan" <perpus@example.sch.id>
To: "Siti" <siti@murid.example.sch.id>
Subject: 2 buku jatuh tempo besok
Date: Wed, 25 Nov 2026 00:17:44 +0000
Message-ID: <` + sampleID + `>
X-Pengingat-Ref: ` + sampleRef + `
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Buku Anda jatuh tempo besok.
`

// report returns a delivery report: its text, and the fields about the message and one recipient.
func report(from, subject, said, message, recipient string) string {
	return "Return-Path: <>\nFrom: " + from + "\nTo: perpus@example.sch.id\nSubject: " + subject + `
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b/1=_?"

This is a MIME-encapsulated message.

--b/1=_?
Content-Type: text/plain; charset=utf-8

` + said + `

--b/1=_?
Content-Type: message/delivery-status

` + message + "\n\n" + recipient + `

--b/1=_?
Content-Type: message/rfc822

` + ourMail + "\n--b/1=_?--\n"
}

// failed returns the fields about siti.
func failed(status, diagnostic string) string {
	s := "Final-Recipient: rfc822; " + sampleTo + "\nAction: failed\nStatus: " + status
	if diagnostic != "" {
		s += "\nDiagnostic-Code: " + diagnostic
	}
	return s
}

// note returns a bounce without a report: a text, with our message below.
func note(from, subject, said string) string {
	return "Return-Path: <>\nFrom: " + from + "\nTo: perpus@example.sch.id\nSubject: " + subject + "\n\n" + said +
		"\n\n" + ourMail
}

func encoded(encoding, kind, from, subject, body string) string {
	var b strings.Builder
	switch encoding {
	case "base64":
		text := base64.StdEncoding.EncodeToString([]byte(body))
		for len(text) > 76 {
			b.WriteString(text[:76] + "\n")
			text = text[76:]
		}
		b.WriteString(text + "\n")
	case "quoted-printable":
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(body))
		_ = w.Close()
	}
	return "Return-Path: <>\nFrom: " + from + "\nSubject: " + subject + "\nContent-Type: " + kind +
		"\nContent-Transfer-Encoding: " + encoding + "\n\n" + strings.ReplaceAll(b.String(), "\r\n", "\n")
}

const (
	gmail    = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"
	postfix  = "MAILER-DAEMON@mx.sch.id (Mail Delivery System)"
	exchange = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@murid.onmicrosoft.com>"
	exim     = "Mail Delivery System <Mailer-Daemon@cpanel.example>"
	qmail    = "MAILER-DAEMON@mail.example"
	yahoo    = "MAILER-DAEMON@yahoo.com"
)

// forms are messages of mail systems, with the class, or "" if the message is about no failure.
var forms = []struct{ name, class, raw string }{
	// Gmail.
	{"gmail full", "full", report(gmail, "Delivery Status Notification (Failure)",
		"** Kotak masuk penerima penuh **\n\nPesan Anda tidak dapat dikirim ke "+sampleTo+
			" karena kotak masuknya penuh, atau menerima terlalu banyak email saat ini.",
		"Reporting-MTA: dns; googlemail.com", failed("5.2.2",
			"smtp; 552-5.2.2 The recipient's inbox is out of storage space and inactive. Please direct\n 552-5.2.2 the recipient to https://support.google.com/mail/?p=OverQuotaPerm 41be03b00d2f7-1 - gsmtp"))},

	{"gmail full for days", "full", report(gmail, "Delivery Status Notification (Failure)",
		"** Pesan tidak terkirim **",
		"Reporting-MTA: dns; googlemail.com", failed("4.2.2",
			"smtp; 452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n 452-4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp - gsmtp"))},

	{"gmail too much mail", "policy", report(gmail, "Delivery Status Notification (Failure)",
		"** Pesan diblokir **\n\nPesan Anda ke "+sampleTo+" diblokir.",
		"Reporting-MTA: dns; googlemail.com", failed("5.7.26",
			"smtp; 550-5.7.26 Your email has been blocked because the sender is unauthenticated.\n 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\n 550 5.7.26 - gsmtp"))},

	{"gmail unsolicited", "policy", report(gmail, "Delivery Status Notification (Failure)", "Message blocked",
		"Reporting-MTA: dns; googlemail.com", failed("5.7.1",
			"smtp; 550-5.7.1 [209.85.220.69      12] Gmail has detected that this message is\n 550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\n 550 5.7.1 this message has been blocked. - gsmtp"))},

	{"gmail inactive", "disabled", report(gmail, "Delivery Status Notification (Failure)",
		"** Alamat tidak ditemukan **",
		"Reporting-MTA: dns; googlemail.com", failed("5.2.1",
			"smtp; 550-5.2.1 The email account that you tried to reach is inactive. For more\n 550-5.2.1 information, go to\n 550 5.2.1  https://support.google.com/mail/?p=DisabledUser - gsmtp"))},

	{"gmail no domain", "no_address", report(gmail, "Delivery Status Notification (Failure)",
		"** Alamat tidak ditemukan **\n\nPesan Anda tidak terkirim ke "+sampleTo+
			" karena domain murid.example.sch.id tidak dapat ditemukan.",
		"Reporting-MTA: dns; googlemail.com", failed("5.1.2",
			"smtp; DNS Error: DNS type 'mx' lookup of murid.example.sch.id responded with code NXDOMAIN Domain name not found: murid.example.sch.id"))},

	{"gmail gave up", "routing", report(gmail, "Delivery Status Notification (Failure)",
		"** Pesan tidak terkirim **\n\nAda masalah saat mengirimkan pesan Anda.",
		"Reporting-MTA: dns; googlemail.com", failed("4.4.1",
			"smtp; The recipient server did not accept our requests to connect. [murid.example.sch.id. 203.0.113.9: timed out]"))},

	{"gmail delay", "", report(gmail, "Delivery Status Notification (Delay)",
		"** Pengiriman belum selesai **\n\nAda masalah sementara saat mengirimkan pesan Anda ke "+sampleTo+
			". Gmail akan mencoba lagi selama 46 jam.",
		"Reporting-MTA: dns; googlemail.com", "Final-Recipient: rfc822; "+sampleTo+
			"\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: Fri, 27 Nov 2026 16:17:44 -0800 (PST)")},
	{"gmail old", "no_address", note("Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
		"Delivery Status Notification (Failure)",
		"Delivery to the following recipient failed permanently:\n\n     "+sampleTo+
			"\n\nTechnical details of permanent failure: \nGoogle tried to deliver your message, but it was rejected by the server for the recipient domain murid.example.sch.id by mx. [203.0.113.9].\n\nThe error that the other server returned was:\n550 5.1.1 User unknown\n\n----- Original message -----")},

	// Microsoft.
	{"365 not found", "no_address", report(exchange, "Undeliverable: 2 buku jatuh tempo besok",
		"Delivery has failed to these recipients or groups:\n\nsiti ("+sampleTo+")<mailto:"+sampleTo+
			">\nThe email address you entered couldn't be found.",
		"Reporting-MTA: dns;SI2PR01MB1.apcprd01.prod.exchangelabs.com\nReceived-From-MTA: dns;mail.example",
		"Final-Recipient: rfc822;"+sampleTo+
			"\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient "+
			sampleTo+" not found by SMTP address lookup")},
	{"365 indonesian", "no_address", report(exchange, "=?utf-8?B?VGlkYWsgVGVya2lyaW06IDIgYnVrdQ==?=",
		"Pesan Anda ke "+sampleTo+" tidak dapat dikirim.\n\nsiti tidak ditemukan di murid.example.sch.id.",
		"Reporting-MTA: dns;SI2PR01MB1", "Final-Recipient: rfc822;"+sampleTo+
			"\nAction: failed\nStatus: 5.4.1\nDiagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [SG2]")},

	{"365 quota", "full", report(exchange, "Undeliverable: 2 buku",
		"The recipient's mailbox is full and can't accept messages now.", "Reporting-MTA: dns;x",
		failed("5.2.2",
			"smtp;554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception"))},

	{"365 rule", "policy", report(exchange, "Undeliverable: 2 buku",
		"A custom mail flow rule has blocked your message.", "Reporting-MTA: dns;x",
		failed("5.7.1",
			"smtp;550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy"))},
	{"365 bad sender", "policy", report(exchange, "Undeliverable: 2 buku",
		"Your message couldn't be delivered because you weren't recognized as a valid sender.",
		"Reporting-MTA: dns;x",
		failed("5.1.8", "smtp;550 5.1.8 Access denied, bad outbound sender AS(42004)"))},
	{"365 expired", "routing", report(exchange, "Undeliverable: 2 buku",
		"The server has tried to deliver this message, without success, and has stopped trying.",
		"Reporting-MTA: dns;x",
		failed("4.4.7",
			"smtp;550 4.4.7 QUEUE.Expired; message expired in unreachable destination queue. Reason: There is currently no route to the mailbox database"))},

	{"365 loop", "routing", report(exchange, "Undeliverable: 2 buku", "A communication failure occurred.",
		"Reporting-MTA: dns;x",
		failed("5.4.14", "smtp;554 5.4.14 Hop count exceeded - possible mail loop ATTR34"))},
	{"365 group", "policy", report(exchange, "Undeliverable: 2 buku",
		"Your message wasn't delivered because the recipient's email provider rejected it.", "Reporting-MTA: dns;x",
		failed("5.7.133",
			"smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed"))},

	{"exchange 2010 text", "no_address",
		"Return-Path: <>\nX-MS-Exchange-Message-Is-Ndr: \nFrom: Microsoft Exchange <kepala@murid.example.sch.id>\nTo: perpus@example.sch.id\nIn-Reply-To: <" +
			sampleID +
			">\nSubject: Undeliverable: 2 buku\n\nDelivery has failed to these recipients or distribution lists:\n\n" +
			sampleTo +
			"\nThe recipient's e-mail address was not found in the recipient's e-mail system.\n\nDiagnostic information for administrators:\n\nGenerating server: EXCH.murid.example.sch.id\n\n" +
			sampleTo +
			"\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n\nOriginal message headers:\n\nMessage-ID: <" +
			sampleID + ">\n"},

	// Yahoo, Zoho and others that write in their own way.
	{"yahoo disabled", "disabled", note(yahoo, "Failure Notice",
		"Sorry, we were unable to deliver your message to the following address.\n\n<"+sampleTo+
			">:\n554: 554 30 Sorry, your message to "+sampleTo+
			" cannot be delivered. This mailbox is disabled (554.30).\n\n--- Below this line is a copy of the message.")},

	{"yahoo not found", "no_address", note(yahoo, "Failure Notice",
		"Sorry, we were unable to deliver your message to the following address.\n\n<"+sampleTo+
			">:\n552: 552 1 Requested mail action aborted, mailbox not found\n\n--- Below this line is a copy of the message.")},

	{"yahoo full", "full", note(yahoo, "Failure Notice",
		"Maaf, kami tidak dapat mengirim pesan Anda ke alamat berikut.\n\n<"+sampleTo+
			">:\n552: 552 5.2.2 Mailbox full\n\n--- Below this line is a copy of the message.")},
	{"yahoo policy", "policy", note(yahoo, "Failure Notice",
		"Sorry, we were unable to deliver your message to the following address.\n\n<"+sampleTo+
			">:\n554: 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes\n\n--- Below this line is a copy of the message.")},

	{"zoho", "no_address", encoded("quoted-printable", "text/plain; charset=UTF-8", "mailer-daemon@mail.zoho.com",
		"Undelivered Mail Returned to Sender",
		"This message was created automatically by mail delivery software.\n A message that you sent could not be delivered to one or more of its recipients. This is a permanent error. \n\n"+
			sampleTo+", ERROR CODE :550 - 5.1.1 <"+sampleTo+
			">: Email address could not be found, or was misspelled (G8)\n\n[X-Mailer:Zoho]\n"+ourMail)},
	{"zoho policy", "policy", note("mailer-daemon@mail.zoho.com", "Undelivered Mail Returned to Sender",
		"This message was created automatically by mail delivery software.\n\n"+sampleTo+
			", ERROR CODE :554 - 5.7.1 Message considered as spam\n\n")},

	// qmail.
	{"qmail remote", "no_address", note(qmail, "failure notice",
		"Hi. This is the qmail-send program at mail.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<"+
			sampleTo+">:\n203.0.113.9 does not like recipient.\nRemote host said: 550 5.1.1 <"+sampleTo+
			">: Recipient address rejected: User unknown in virtual mailbox table\nGiving up on 203.0.113.9.\n\n--- Below this line is a copy of the message.")},

	{"qmail full", "full", note(qmail, "failure notice",
		"Hi. This is the qmail-send program at mail.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<"+
			sampleTo+
			">:\nThe users mailfolder is over the allowed quota (size). (#5.2.2)\n\n--- Below this line is a copy of the message.")},

	{"qmail too long", "routing", note(qmail, "failure notice",
		"Hi. This is the qmail-send program at mail.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<"+
			sampleTo+
			">:\nSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try again; this message has been in the queue too long.\n\n--- Below this line is a copy of the message.")},

	{"qmail two", "full", note(qmail, "failure notice",
		"Hi. This is the qmail-send program at mail.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<lain@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<"+
			sampleTo+">:\nMailbox is full (#5.2.2)\n\n--- Below this line is a copy of the message.")},

	// Exim, old and as cPanel has it.
	{"exim old", "no_address", note(exim, "Mail delivery failed: returning message to sender",
		"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  "+
			sampleTo+"\n    SMTP error from remote mail server after RCPT TO:<"+sampleTo+
			">:\n    host mx.murid.example.sch.id [203.0.113.9]: 550 No Such User Here\n\n------ This is a copy of the message, including all the headers. ------\n")},

	{"exim full", "full", note(exim, "Mail delivery failed: returning message to sender",
		"A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  "+
			sampleTo+
			"\n    mailbox is full: retry timeout exceeded\n\n------ This is a copy of the message, including all the headers. ------\n")},

	{"exim long", "routing", note(exim, "Mail delivery failed: returning message to sender",
		"The following address(es) failed:\n\n  "+sampleTo+
			"\n    all hosts for 'murid.example.sch.id' have been failing for a long time (and retry time not reached)\n\n------ This is a copy of the message, including all the headers. ------\n")},

	{"exim spam", "policy", note(exim, "Mail delivery failed: returning message to sender",
		"The following address(es) failed:\n\n  "+sampleTo+
			"\n    SMTP error from remote mail server after end of data:\n    host mx [203.0.113.9]: 554 This message was classified as SPAM and may not be delivered\n\n------ This is a copy of the message, including all the headers. ------\n")},

	{"exim limit of the sender", "policy", note(exim, "Mail delivery failed: returning message to sender",
		"The following address(es) failed:\n\n  "+sampleTo+
			"\n    Domain example.sch.id has exceeded the max emails per hour (125/100 (125%)) allowed.  Message discarded.\n\n------ This is a copy of the message, including all the headers. ------\n")},

	{"exim delay", "", note(exim, "Warning: message 1abc delayed 24 hours",
		"This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on cpanel.example.\n\nThe address to which the message has not yet been delivered is:\n\n  "+
			sampleTo+
			"\n\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this warning may be repeated at intervals.\n")},

	// Postfix and sendmail.
	{"postfix expired", "routing", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: delivery temporarily suspended: connect to\n    mx.murid.example.sch.id[203.0.113.9]:25: Connection refused",
		"Reporting-MTA: dns; mx.sch.id\nX-Postfix-Queue-ID: 4F\nArrival-Date: Tue, 24 Nov 2026 16:17:44 +0700",
		failed("4.4.1",
			"X-Postfix; delivery temporarily suspended: connect to\n    mx.murid.example.sch.id[203.0.113.9]:25: Connection refused"))},

	{"postfix local", "no_address", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: unknown user: \"siti\"", "Reporting-MTA: dns; mx.sch.id", failed("5.1.1",
		"X-Postfix; unknown user: \"siti\""))},
	{"postfix quota", "full", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: can't create user output file. Command output: Disk quota exceeded", "Reporting-MTA: dns; mx.sch.id",
		failed("5.2.2", "X-Postfix; can't create user output file. Command output: Disk quota exceeded"))},
	{"dovecot lmtp", "full", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: host mx[private/dovecot-lmtp] said: 552 5.2.2", "Reporting-MTA: dns; mx.sch.id", failed("5.2.2",
		"smtp; 552 5.2.2 <"+sampleTo+"> Quota exceeded (mailbox for user is full)"))},
	{"postfix loop", "routing", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: mail for murid.example.sch.id loops back to myself", "Reporting-MTA: dns; mx.sch.id", failed("5.4.6",
		"X-Postfix; mail for murid.example.sch.id loops back to myself"))},
	{"postfix large", "policy", report(postfix, "Undelivered Mail Returned to Sender", "<"+sampleTo+
		">: message size 1 exceeds size limit 0", "Reporting-MTA: dns; mx.sch.id", failed("5.3.4",
		"X-Postfix; message size 12345678 exceeds size limit 10240000 of server mx[203.0.113.9]"))},
	{"postfix indonesian", "no_address", report(postfix, "Surel tidak terkirim, dikembalikan kepada pengirim",
		"Ini adalah sistem surel di host mx.sch.id.\n\nMaaf, pesan Anda tidak dapat disampaikan.\n\n<"+sampleTo+
			">: pengguna tidak dikenal", "Reporting-MTA: dns; mx.sch.id", failed("5.1.1", ""))},
	{"postfix relayed", "", report(postfix, "Successful Mail Delivery Report", "<"+sampleTo+
		">: relay via mx said 250 ok", "Reporting-MTA: dns; mx.sch.id", "Final-Recipient: rfc822; "+sampleTo+
		"\nAction: relayed\nStatus: 2.0.0\nDiagnostic-Code: smtp; 250 2.0.0 ok")},
	{"postfix delivered", "", report(postfix, "Successful Mail Delivery Report", "<"+sampleTo+
		">: delivered to mailbox", "Reporting-MTA: dns; mx.sch.id", "Final-Recipient: rfc822; "+sampleTo+
		"\nAction: delivered\nStatus: 2.0.0")},
	{"sendmail", "no_address", report("Mail Delivery Subsystem <MAILER-DAEMON@mx.example>",
		"Returned mail: see transcript for details",
		"The original message was received at Tue, 24 Nov 2026 16:17:44 +0700\n\n   ----- The following addresses had permanent fatal errors -----\n<"+
			sampleTo+">\n    (reason: 550 5.1.1 <"+sampleTo+
			">... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx:\n>>> DATA\n<<< 550 5.1.1 <"+
			sampleTo+">... User unknown\n550 5.1.1 <"+sampleTo+">... User unknown",
		"Reporting-MTA: dns; mx.example\nArrival-Date: Tue, 24 Nov 2026 16:17:44 +0700",
		"Final-Recipient: RFC822; "+sampleTo+
			"\nAction: failed\nStatus: 5.1.1\nRemote-MTA: DNS; mx\nDiagnostic-Code: SMTP; 550 5.1.1 <"+sampleTo+
			">... User unknown\nLast-Attempt-Date: Tue, 24 Nov 2026 16:17:45 +0700")},
	{"sendmail text", "no_address", note("Mail Delivery Subsystem <MAILER-DAEMON@mx.example>",
		"Returned mail: User unknown", "   ----- The following addresses had permanent fatal errors -----\n<"+
			sampleTo+
			">\n\n   ----- Transcript of session follows -----\n... while talking to mx.murid.example.sch.id.:\n>>> RCPT To:<"+
			sampleTo+">\n<<< 550 <"+sampleTo+">... User unknown\n550 "+sampleTo+
			"... User unknown\n\n   ----- Original message follows -----")},
	{"courier", "no_address", report("\"Courier mail server at mx.example\" <@mx.example>",
		"NOTICE: mail delivery status.",
		"This is a delivery status notification from mx.example,\nrunning the Courier mail server, version 1.\n\nUNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<"+
			sampleTo+">:\n    User unknown.", "Reporting-MTA: dns; mx.example", "Final-Recipient: rfc822; "+sampleTo+
			"\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 User unknown.")},
	{"opensmtpd", "no_address", report("Mailer Daemon <MAILER-DAEMON@mx.example>",
		"Delivery status notification: error",
		"    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n"+
			sampleTo+": 550 Invalid recipient: <"+sampleTo+">\n\n    Below is a copy of the original message:",
		"Reporting-MTA: dns; mx.example", "Final-Recipient: rfc822; "+sampleTo+
			"\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Invalid recipient: <"+sampleTo+">")},
	{"mdaemon", "no_address", note("MDaemon at mx.example <MDaemon@mx.example>", "Permanent Delivery Failure",
		"The attached message had PERMANENT fatal delivery errors.\n\nFailed address: "+sampleTo+
			"\n\n--- Session Transcript ---\n--> RCPT To:<"+sampleTo+">\n<-- 550 5.1.1 Recipient unknown <"+sampleTo+
			">\n--- End Transcript ---\n")},
	{"domino", "no_address", report("Postmaster@murid.example.sch.id",
		"DELIVERY FAILURE: User siti (siti@murid.example.sch.id) not listed in Domino Directory",
		"Your message\n\n  Subject: 2 buku\n\nwas not delivered to:\n\n  "+sampleTo+"\n\nbecause:\n\n  User siti ("+
			sampleTo+") not listed in Domino Directory", "Reporting-MTA: dns;mail", "Final-Recipient: rfc822;"+sampleTo+
			"\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; User siti ("+sampleTo+
			") not listed in Domi\n no Directory")},
	{"ses", "no_address", report("MAILER-DAEMON@amazonses.com", "Delivery Status Notification (Failure)",
		"An error occurred while trying to deliver the mail to the following recipients:\n"+sampleTo,
		"Reporting-MTA: dns; a1-2.smtp-out.amazonses.com", failed("5.1.1", "smtp; 550 5.1.1 user unknown"))},
	{"sympa of a school", "no_address", report("\"Sistem Surel\" <admin@murid.example.sch.id>", "Gagal kirim",
		"Pesan tidak terkirim: alamat "+sampleTo+" tidak ada", "Reporting-MTA: dns;mail", failed("5.1.1", ""))},

	// Other languages, only as text.
	{"german", "no_address", note("Mail Delivery System <mailer-daemon@kundenserver.example>",
		"Mail delivery failed: returning message to sender",
		"Eine Nachricht, die Sie verschickt haben, konnte nicht zugestellt werden:\n\n  "+sampleTo+
			"\n    550 Requested action not taken: Postfach existiert nicht\n\n--- The header of the original message is following. ---\n")},

	{"french", "no_address", note("MAILER-DAEMON@orange.example", "Message non remis",
		"Votre message n'a pas pu etre remis aux destinataires suivants:\n\n<"+sampleTo+
			">: 550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient.\n\n----- Message original -----\n")},

	{"spanish", "full", note("postmaster@correo.example", "Correo no entregado",
		"No se pudo entregar el mensaje a: "+sampleTo+
			"\n\n552 El buzón del destinatario está lleno\n\n-----Mensaje original-----\n")},
	{"chinese", "no_address", encoded("base64", "text/plain; charset=UTF-8", "PostMaster@mail.example",
		"=?UTF-8?B?57O757uf6YCA5L+h?=", "抱歉，您的邮件被退回来了\n收件人地址 "+sampleTo+"\n退信原因：550 User not found，该用户不存在\n\n"+
			ourMail)},
	{"russian", "no_address", encoded("base64", "text/plain; charset=utf-8", "mailer-daemon@corp.example",
		"=?utf-8?B?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtSDRgdC+0L7QsdGJ0LXQvdC40LU=?=",
		"Это письмо создано автоматически. Письмо не доставлено:\n\n  "+sampleTo+
			"\n  550 такого пользователя нет: пользователь не найден\n\n"+ourMail)},
	{"indonesian no address", "no_address", note("postmaster@mail.sekolah.example", "Gagal Kirim",
		"Surel Anda tidak dapat disampaikan kepada:\n\n  "+sampleTo+
			"\n\nSebab: alamat surel tidak ditemukan di server ini.\n\n--- Salinan pesan ---\n")},
	{"indonesian full", "full", note("MAILER-DAEMON@mail.sekolah.example", "Surel tidak terkirim",
		"Pesan Anda kepada "+sampleTo+
			" tidak dapat dikirim karena kotak surat penerima penuh.\n\n----- Pesan asli -----\n")},
	{"indonesian off", "disabled", note("MAILER-DAEMON@mail.sekolah.example", "Surel tidak terkirim",
		"Pesan Anda kepada "+sampleTo+
			" tidak dapat dikirim: akun penerima telah dinonaktifkan.\n\n----- Pesan asli -----\n")},
	{"indonesian spam", "policy", note("MAILER-DAEMON@mail.sekolah.example", "Surel tidak terkirim",
		"Pesan Anda kepada "+sampleTo+" ditolak karena terdeteksi sebagai spam.\n\n----- Pesan asli -----\n")},
	{"indonesian delay", "", note("MAILER-DAEMON@mail.sekolah.example", "Pengiriman tertunda", "Pesan Anda kepada "+
		sampleTo+
		" belum dapat dikirim. Server akan mencoba lagi selama 5 hari. Anda tidak perlu mengirim ulang.\n\n----- Pesan asli -----\n")},

	{"indonesian delivered", "", note("MAILER-DAEMON@mail.sekolah.example", "Surel terkirim", "Pesan Anda kepada "+
		sampleTo+" telah berhasil dikirim.\n\n----- Pesan asli -----\n")},

	// Other structures.
	{"base64 html", "no_address", encoded("base64", "text/html; charset=utf-8", "postmaster@mail.example",
		"Undeliverable", "<html><body><p>Your message to <a href=\"mailto:"+sampleTo+
			"\">siti&#64;murid.example.sch.id</a> couldn't be delivered.</p><p>550 5.1.1 user unknown</p><pre>Message-ID: &lt;"+
			sampleID+"&gt;</pre></body></html>")},
	{"quoted html", "full", encoded("quoted-printable", "text/html; charset=utf-8", "postmaster@mail.example",
		"Undeliverable", "<html><body><p>Kotak surel "+sampleTo+" penuh: 552 5.2.2 mailbox full</p><!-- "+
			strings.Repeat("x ", 50)+" --><pre>Message-ID: &lt;"+sampleID+"&gt;</pre></body></html>")},
	{"global report", "no_address", strings.NewReplacer("message/delivery-status", "message/global-delivery-status",
		"message/rfc822", "message/global", "rfc822;", "utf-8;").Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")))},
	{"upper case", "no_address", strings.NewReplacer("Final-Recipient: rfc822; "+sampleTo,
		"FINAL-RECIPIENT: RFC822;"+strings.ToUpper(sampleTo), "Status:", "STATUS:", "Action: failed",
		"ACTION: Failed", "Diagnostic-Code", "DIAGNOSTIC-CODE").Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")))},
	{"comment behind the action", "no_address", strings.Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1 (bad destination mailbox address)", "smtp; 550 5.1.1 unknown")),
		"Action: failed", "Action: failed (permanently)", 1)},
	{"envelope id alone", "no_address", strings.Replace(strings.Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x\nOriginal-Envelope-ID: "+sampleRef, failed("5.1.1", "smtp; 550 5.1.1 unknown")),
		sampleID, "rewritten@provider.example", 1), "X-Pengingat-Ref: "+sampleRef+"\n", "", 1)},
	{"report in a mixed message", "no_address", "Return-Path: <>\nFrom: " + postfix +
		"\nSubject: Undelivered\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\n" +
		strings.SplitN(report(postfix, "x", "x", "Reporting-MTA: dns; x", failed("5.1.1",
			"smtp; 550 5.1.1 unknown")), "MIME-Version: 1.0\n", 2)[1] +
		"\n--outer\nContent-Type: text/plain\n\nDisclaimer: this mail was scanned.\n--outer--\n"},
	{"no mime type of the parts", "no_address", strings.NewReplacer("Content-Type: message/rfc822\n",
		"Content-Type: text/rfc822-headers; charset=us-ascii\n").Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")))},
	{"recipient in angle brackets", "no_address", strings.Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")), "rfc822; "+sampleTo, "rfc822;<"+
		sampleTo+">", 1)},
	{"original recipient", "no_address", strings.Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")), "Final-Recipient: rfc822; "+sampleTo,
		"Original-Recipient: rfc822;"+sampleTo+"\nFinal-Recipient: rfc822;siti@internal.lan", 1)},
	{"failed recipients of a sender with a name of its own", "no_address",
		"Return-Path: <>\nX-Failed-Recipients: " + sampleTo +
			"\nAuto-Submitted: auto-replied\nFrom: Sistem Pengiriman <noreply@cpanel.example>\nSubject: Mail delivery failed\n\nThe following address failed:\n\n  " +
			sampleTo + "\n    550 5.1.1 No such user\n\n" + ourMail},

	{"latin letters", "full",
		"Return-Path: <>\nFrom: postmaster@mail.example\nSubject: =?iso-8859-1?Q?Non_d=E9livr=E9?=\nContent-Type: text/plain; charset=iso-8859-1\n\nMessage pour " +
			sampleTo + ":\n la bo\xeete aux lettres est pleine\n\n" + ourMail},
	{"encoded subject of a delay", "", note(exim, "=?UTF-8?B?UGVzYW4gdGVydHVuZGE=?=", "Pesan Anda kepada "+sampleTo+
		" masih dalam antrean.\n")},
	{"encoded report", "no_address", strings.Replace(report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		"@@"), "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n@@",
		"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"+
			base64.StdEncoding.EncodeToString([]byte("Reporting-MTA: dns; x\n\n"+failed("5.1.1",
				"smtp; 550 5.1.1 unknown"))), 1)},
	{"without an end", "no_address", strings.TrimSuffix(report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		failed("5.1.1", "smtp; 550 5.1.1 unknown")), "\n--b/1=_?--\n")},
	{"among others", "full", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		"Final-Recipient: rfc822; lain@example.org\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; tunda@example.org\nAction: delayed\nStatus: 4.4.1\n\n"+
			failed("5.2.2", "smtp; 552 5.2.2 full"))},
	{"only another's failure", "-", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		strings.Replace(failed("4.4.1", ""), "failed", "delayed", 1)+
			"\n\nFinal-Recipient: rfc822; lain@example.org\nAction: failed\nStatus: 5.1.1")},
	{"diagnostic without a type", "no_address", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		failed("5.0.0", "550 5.1.1 unknown user"))},
	{"moved", "no_address", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x", failed("5.1.6",
		"smtp; 551 5.1.6 Recipient no longer on server: siti"))},
	{"sender's domain", "policy", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x", failed("5.1.8",
		"smtp; 553 5.1.8 Domain of sender address perpus@example.sch.id does not exist"))},
	{"greylisted for days", "routing", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x", failed("4.2.0",
		"smtp; 450 4.2.0 <"+sampleTo+">: Recipient address rejected: Greylisted"))},
	{"words alone, full", "full", report(exim, "Mail delivery failed", "x", "Reporting-MTA: dns; x", failed("5.0.0",
		"smtp; 550 Mailbox quota exceeded"))},
	{"words alone, off", "disabled", report(exim, "Mail delivery failed", "x", "Reporting-MTA: dns; x",
		failed("5.0.0", "smtp; 550 Account disabled"))},
	{"words alone, list", "policy", report(exim, "Mail delivery failed", "x", "Reporting-MTA: dns; x",
		failed("5.0.0",
			"smtp; 554 Service unavailable; Client host [203.0.113.7] blocked using zen.spamhaus.org"))},
	{"words alone, indonesian", "no_address", report(exim, "Surel gagal", "x", "Reporting-MTA: dns; x",
		failed("5.0.0", "smtp; 550 Alamat tidak terdaftar di server ini"))},
	{"content", "policy", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x", failed("5.7.0",
		"smtp; 552-5.7.0 This message was blocked because its content presents a potential\n 552 5.7.0 security issue. - gsmtp"))},

	{"a status that does not fit", "full", report(exim, "Mail delivery failed", "x", "Reporting-MTA: dns; x",
		failed("5.1.1", "smtp; 552 5.2.2 mailbox full"))},
	{"a rate of the recipient's", "policy", report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x",
		failed("4.7.28", "smtp; 421-4.7.28 Gmail has detected an unusual rate of mail. - gsmtp"))},
	{"no text at all", "no_address",
		"Return-Path: <>\nFrom: <>\nSubject: Undelivered\nContent-Type: multipart/report; report-type=\"delivery-status\"; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" +
			failed("5.1.1", "") + "\n--x\nContent-Type: message/rfc822-headers\n\n" + ourMail + "\n--x--\n"},
	{"disclaimer in front", "no_address", strings.Replace(report(postfix, "Undelivered", "x",
		"Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")),
		"Content-Type: text/plain; charset=utf-8\n\n",
		"Content-Type: text/plain; charset=utf-8\n\n[EXTERNAL] Be careful. This message was delivered to you by a gateway.\n",
		1)},
	{"vacation without a path", "",
		"From: Siti <siti@murid.example.sch.id>\nSubject: Automatic reply: 2 buku\nAuto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nIn-Reply-To: <" +
			sampleID + ">\n\nI am away: " + sampleTo + "\n"},
	{"vacation of gmail", "",
		"Return-Path: <siti@murid.example.sch.id>\nFrom: siti@murid.example.sch.id\nSubject: Liburan Re: 2 buku\nPrecedence: bulk\nX-Autoreply: yes\nIn-Reply-To: <" +
			sampleID + ">\n\nSaya libur; alamat ini tidak aktif: " + sampleTo + "\n"},
	{"tickets", "",
		"Return-Path: <support@murid.example.sch.id>\nFrom: Support <support@murid.example.sch.id>\nSubject: [#12] received: 2 buku\nAuto-Submitted: auto-generated\nIn-Reply-To: <" +
			sampleID + ">\n\nYour request was received. " + sampleTo + "\n"},
	{"list", "",
		"Return-Path: <guru-bounces@example.org>\nFrom: guru-owner@example.org\nSubject: Your message to guru awaits moderator approval\nAuto-Submitted: auto-generated\n\nYour mail <" +
			sampleID + "> is being held. " + sampleTo + "\n"},

	// Messages about no failure.
	{"vacation of the postmaster", "",
		"Return-Path: <postmaster@murid.example.sch.id>\nFrom: Postmaster <postmaster@murid.example.sch.id>\nSubject: Balasan otomatis: 2 buku\nAuto-Submitted: auto-replied\nIn-Reply-To: <" +
			sampleID + ">\n\nKami sedang libur. Alamat " + sampleTo + " tidak dibaca sampai Senin.\n"},
	{"answer of the postmaster", "",
		"Return-Path: <postmaster@murid.example.sch.id>\nFrom: Postmaster <postmaster@murid.example.sch.id>\nSubject: Tentang siti\nIn-Reply-To: <" +
			sampleID + ">\n\nAlamat " + sampleTo + " tidak ada lagi.\n\n> Message-ID: <" + sampleID + ">\n"},
	{"forwarded by a person", "",
		"Return-Path: <budi@example.org>\nFrom: Budi <budi@example.org>\nSubject: Fwd: Undelivered Mail\nContent-Type: multipart/mixed; boundary=f\n\n--f\nContent-Type: text/plain\n\nIni apa?\n--f\nContent-Type: message/rfc822\n\n" +
			report(postfix, "Undelivered", "x", "Reporting-MTA: dns; x", failed("5.1.1", "smtp; 550 5.1.1 unknown")) +
			"\n--f--\n"},
	{"read", "",
		"Return-Path: <>\nFrom: siti@murid.example.sch.id\nSubject: Read: 2 buku\nContent-Type: multipart/report; report-type=disposition-notification; boundary=m\n\n--m\nContent-Type: text/plain\n\nYour message was read.\n--m\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;" +
			sampleTo + "\nOriginal-Message-ID: <" + sampleID +
			">\nDisposition: manual-action/MDN-sent-manually; displayed\n--m--\n"},
	{"deleted unread", "",
		"Return-Path: <>\nFrom: postmaster@murid.example.sch.id\nSubject: Not read: 2 buku\nContent-Type: multipart/report; boundary=m; report-type=disposition-notification\n\n--m\nContent-Type: text/plain\n\nYour message was deleted without being read: 550\n--m\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;" +
			sampleTo + "\nOriginal-Message-ID: <" + sampleID +
			">\nDisposition: automatic-action/MDN-sent-automatically; deleted\n--m--\n"},
	{"challenge", "",
		"Return-Path: <bounce@spamarrest.example>\nFrom: Siti <siti@murid.example.sch.id>\nSubject: Re: 2 buku (verification)\nIn-Reply-To: <" +
			sampleID + ">\n\nPlease confirm that you are a person: " + sampleTo + "\n"},
	{"delivered, in text", "", note(exim, "Message delivered",
		"This message was created automatically by mail delivery software.\n\nA message that you sent was successfully delivered to "+
			sampleTo+".\n")},
	{"delivered by exchange", "", strings.Replace(report(exchange, "Delivered: 2 buku",
		"Your message has been delivered to the following recipients:\n\n"+sampleTo, "Reporting-MTA: dns;x",
		failed("2.0.0", "")), "Action: failed", "Action: delivered", 1)},
	{"expanded", "", strings.Replace(report(exchange, "Expanded: 2 buku", "x", "Reporting-MTA: dns;x",
		failed("2.0.0", "")), "Action: failed", "Action: expanded", 1)},
	{"quarantined for the recipient", "",
		"Return-Path: <quarantine@messaging.microsoft.com>\nFrom: quarantine@messaging.microsoft.com\nSubject: You have messages in quarantine\n\n" +
			sampleTo + " <" + sampleID + ">\n"},
}

func TestForms(t *testing.T) {
	for _, form := range forms {
		if form.class == "-" { // not siti's
			r, _ := Parse([]byte(form.raw), time.Unix(1, 0))
			for _, f := range r.Failures {
				assert.NotContains(t, f.Addresses, sampleTo, form.name)
			}
			continue
		}
		for _, end := range []string{"\n", "\r\n"} {
			r, ok := Parse([]byte(strings.ReplaceAll(form.raw, "\n", end)), time.Unix(1, 0))
			if form.class == "" {
				assert.False(t, ok, "%s: %+v", form.name, r)
				continue
			}
			if !assert.True(t, ok, form.name) {
				continue
			}
			head, _, _ := strings.Cut(form.raw, "\n\n")
			assert.True(t, Wanted([]byte(head+"\n\n")), form.name)
			named := len(r.IDs) > 0 && r.IDs[0] == sampleID || len(r.Refs) > 0 && r.Refs[0] == sampleRef
			assert.True(t, named, "%s: %v %v", form.name, r.IDs, r.Refs)
			found := false
			for _, f := range r.Failures {
				for _, a := range f.Addresses {
					if a == sampleTo {
						found = true
						assert.Equal(t, form.class, string(f.Class), "%s: %s", form.name, fmt.Sprintf("%+v", f))
						assert.NotContains(t, strings.ToLower(f.Text), "siti", form.name)
					}
				}
			}
			assert.True(t, found, "%s: %+v", form.name, r.Failures)
		}
	}
}
