package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) testMailCommand() *cobra.Command {
	var to, loan string
	cmd := &cobra.Command{
		Use:   p.say("test-mail --to ALAMAT", "test-mail --to ADDRESS"),
		Short: p.say("Kirim satu surel percobaan, langkah demi langkah", "Send one sample mail, step by step"),
		Long: p.say(`Menghubungi server surel, menunjukkan setiap langkah, dan mengirim satu surel contoh. Bila gagal,
disebutkan sebabnya dan apa yang dapat dilakukan. Alamat peminjam ditolak, kecuali dengan --loan:
lalu yang dikirim adalah surel tentang pinjaman itu.`,
			`Connects to the mail server, shows every step, and sends one sample mail. When it fails, it says why and
what can be done. A borrower's address is refused, unless --loan is given: then what is sent is the
mail about that loan.`),
		Example: "  pengingat test-mail --to pustakawan@sekolah.sch.id",
		RunE: p.withApp(func(ctx context.Context, app *setup.App, _ []string) error {
			addr, err := mail.ParseAddress(to)
			if err != nil {
				return p.usagef("--to bukan alamat surel yang dapat dipakai", "--to is not a usable e-mail address")
			}
			m, err := p.sample(ctx, app, addr, loan)
			if err != nil {
				return err
			}
			m.To = addr
			return p.sendSample(ctx, app, m)
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", p.say("`alamat` tujuan", "`address` to send to"))
	cmd.Flags().StringVar(&loan, "loan", "", p.say("kirim surel tentang `pinjaman` ini", "send the mail about this `loan`"))
	return cmd
}

// sample composes the mail to send: an invented one, or the one about a loan.
func (p *program) sample(ctx context.Context, app *setup.App, to mail.Address, loan string) (mail.Message, error) {
	if loan != "" {
		loan, err := p.loan(ctx, app, loan)
		if err != nil {
			return mail.Message{}, err
		}
		return app.Runner.Sample(ctx, reminder.DateOf(app.Runner.Now(), app.Runner.Settings.Zone), loan)
	}
	theirs, _, err := app.Store.Search(ctx, to.Addr, func(l reminder.Loan) bool { return isBorrower(l.Borrower, to.Addr) })
	switch {
	case err != nil:
		return mail.Message{}, err
	case len(theirs) > 0:
		return mail.Message{}, p.usagef("Itu alamat seorang peminjam: surel contoh akan membingungkannya. Pakai alamat sendiri, atau --loan.",
			"That is a borrower's address: a sample would confuse them. Use an address of your own, or --loan.")
	}
	return app.Runner.Example()
}

// sendSample shows the way to the server and sends the message.
func (p *program) sendSample(ctx context.Context, app *setup.App, m mail.Message) error {
	if smtp, ok := app.Runner.Sender.(*mail.SMTP); ok {
		for _, step := range smtp.Probe(ctx) {
			if step.Err != nil {
				p.printf("GAGAL  %s", "FAILED  %s", p.step(step.Name))
				return p.mailFault(app.Config, step.Err)
			}
			fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step(step.Name), step.Detail)
		}
	}
	receipt, err := app.Runner.Sender.Send(ctx, m, func(context.Context) error { return nil })
	if err != nil {
		return p.mailFault(app.Config, err)
	}
	fmt.Fprintf(p.out, "ok  %-18s %s\n", p.step("dot"), receipt.ID)
	p.printf("Diterima oleh server. Periksa kotak masuk, juga folder spam.", "The server accepted it. Look into the inbox, and the spam folder.")
	return app.Runner.Sender.Close()
}

// step names a step on the way to the mail server.
func (p *program) step(name string) string {
	text, ok := map[string]reminder.Text{
		"resolve": {ID: "mencari server", EN: "find the server"}, "connect": {ID: "menyambung", EN: "connect"},
		"tls": {ID: "mengamankan", EN: "encrypt"}, "starttls": {ID: "mengamankan", EN: "encrypt"}, "greet": {ID: "salam server", EN: "greeting"},
		"ehlo": {ID: "memperkenalkan diri", EN: "introduction"}, "auth": {ID: "masuk akun", EN: "log in"}, "dot": {ID: "menyerahkan surel", EN: "hand over"},
	}[name]
	if !ok {
		return name
	}
	return text.In(p.locale)
}

// mailFault adds to a mail error what can be done about it.
func (p *program) mailFault(cfg setup.Config, err error) error {
	f := &reminder.Fault{Temporary: true, Text: reminder.Text{
		ID: "Surel tidak terkirim. Coba lagi nanti; bila tetap gagal, tanyakan pesan di bawah kepada penyedia surel.",
		EN: "The mail was not sent. Try again later; if it keeps failing, ask the mail provider about the message below.",
	}, Err: err}
	e, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return f
	}
	gmail := strings.HasSuffix(cfg.MailHost, "gmail.com") || strings.HasSuffix(cfg.MailHost, "googlemail.com")
	invalid, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, unknownCA := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherHost := errors.AsType[x509.HostnameError](err)
	say := func(id, en string) { f.Text = reminder.Text{ID: id, EN: en} }
	switch {
	case knownRefusal(e.Error()) != reminder.Text{}:
		f.Temporary, f.Text = e.Pause == mail.PauseServer, knownRefusal(e.Error())
	case e.Phase == "resolve":
		say("Nama server MAIL_HOST tidak ditemukan. Periksa ejaannya, dan apakah komputer ini tersambung ke internet.",
			"The server MAIL_HOST was not found. Check its spelling, and that this computer is online.")
	case e.Phase == "connect" && cfg.MailPort == 25:
		say("Port 25 tidak terjangkau: hampir semua penyedia internet menutupnya. Pakai MAIL_PORT=587 atau 465.",
			"Port 25 cannot be reached: almost every internet provider blocks it. Use MAIL_PORT=587 or 465.")
	case e.Phase == "connect":
		say("Server surel tidak terjangkau di port itu. Periksa MAIL_PORT (587 atau 465), sambungan internet, dan firewall atau antivirus.",
			"The mail server cannot be reached on that port. Check MAIL_PORT (587 or 465), the connection, and firewall or antivirus.")
	case certificate && invalid.Reason == x509.Expired:
		say("Sertifikat server di luar masa berlakunya. Biasanya jam komputer ini yang salah: setel tanggal dan jamnya.",
			"The server's certificate is outside its time. Most often this computer's clock is wrong: set date and time.")
	case unknownCA || otherHost || certificate:
		say("Sertifikat server tidak dikenal. Antivirus atau jaringan sekolah mungkin menyela sambungan; untuk server sekolah sendiri isi MAIL_CA_FILE.",
			"The server's certificate is not known. An antivirus or the school's network may intercept; for a server of your own set MAIL_CA_FILE.")
	case e.Phase == "tls" || e.Phase == "starttls":
		say("Sambungan aman gagal. MAIL_PORT=587 dengan MAIL_ENCRYPTION=tls, atau MAIL_PORT=465 dengan MAIL_ENCRYPTION=ssl.",
			"The secure connection failed. Use MAIL_PORT=587 with MAIL_ENCRYPTION=tls, or MAIL_PORT=465 with MAIL_ENCRYPTION=ssl.")
	case e.Pause == mail.PauseCredentials && gmail:
		return reminder.NewFault(err, "Gmail menolak login. MAIL_PASSWORD harus 'Sandi Aplikasi' 16 huruf (Akun Google > Keamanan > Verifikasi 2 Langkah > Sandi aplikasi), bukan kata sandi biasa.",
			"Gmail refused the login. MAIL_PASSWORD must be a 16-letter App Password (Google Account > Security > 2-Step Verification > App passwords), not the normal one.")
	case e.Pause == mail.PauseCredentials:
		return reminder.NewFault(err, "Server menolak login. Periksa MAIL_USERNAME dan MAIL_PASSWORD (atau SENDGRID_API_KEY).",
			"The server refused the login. Check MAIL_USERNAME and MAIL_PASSWORD (or SENDGRID_API_KEY).")
	case e.Pause == mail.PauseSender:
		return reminder.NewFault(err, "Server tidak mengizinkan pengirim ini. MAIL_FROM_ADDRESS harus milik akun MAIL_USERNAME, atau sudah diverifikasi.",
			"The server does not allow this sender. MAIL_FROM_ADDRESS must belong to the account MAIL_USERNAME, or be verified.")
	case e.Pause == mail.PauseQuota:
		say("Batas kirim akun ini sudah tercapai. Tunggu beberapa jam.", "This account's sending limit is reached. Wait a few hours.")
	case e.Fate == mail.BadAddress:
		return reminder.NewFault(err, "Server menolak alamat tujuan itu.", "The server refused that recipient.")
	}
	return f
}

// knownRefusal says what to do about a reason that a person can do something special about; nothing about any other.
func knownRefusal(reason string) reminder.Text {
	switch {
	case strings.Contains(reason, mail.ErrOldTLS.Error()):
		return reminder.Text{
			ID: "Server surel hanya mengenal enkripsi lama (TLS 1.1 atau lebih tua), yang tidak aman lagi. Minta pengelola server menyalakan TLS 1.2, atau pakai penyedia surel lain (MAIL_HOST).",
			EN: "The mail server knows only an old encryption (TLS 1.1 or older), which is not safe any more. Ask whoever runs it to switch TLS 1.2 on, or use another mail provider (MAIL_HOST).",
		}
	case strings.Contains(reason, mail.ErrFilter.Error()):
		return reminder.Text{
			ID: "Sebuah penyaring atau portal jaringan menjawab sebagai ganti SendGrid. Minta pengelola jaringan mengizinkan api.sendgrid.com, atau masuk ke portal itu dulu.",
			EN: "A filter or portal of the network answers in place of SendGrid. Ask whoever runs the network to allow api.sendgrid.com, or log in to that portal first.",
		}
	case strings.Contains(reason, " 5.7.139"), strings.Contains(reason, " 5.7.30"):
		return reminder.Text{
			ID: "Microsoft menolak login SMTP dengan kata sandi. Minta pengelola Microsoft 365 menyalakan 'Authenticated SMTP' untuk akun ini, dan periksa kata sandinya; atau pakai penyedia surel lain (MAIL_HOST).",
			EN: "Microsoft refuses the SMTP login with a password. Ask the Microsoft 365 administrator to switch 'Authenticated SMTP' on for this mailbox, and check the password; or use another mail provider (MAIL_HOST).",
		}
	case strings.Contains(reason, " 5.7.515"):
		return reminder.Text{
			ID: "Microsoft menolak domain pengirim, karena SPF, DKIM, atau DMARC-nya kurang. Minta pengelola domain melengkapinya; 'pengingat doctor' menunjukkan yang kurang.",
			EN: "Microsoft refuses the sender's domain, because its SPF, DKIM or DMARC is incomplete. Ask whoever runs the domain to complete them; 'pengingat doctor' shows what is missing.",
		}
	}
	return reminder.Text{}
}
