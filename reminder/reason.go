package reminder

import (
	"regexp"
	"strings"

	"github.com/mtsn6garut/pengingat/mail"
)

// Plainly says a recorded reason for a person, and what a machine said behind it, or "". A reason is recorded as a word or
// as the error of a mail server; anything else was written for a person and stays.
func Plainly(reason string) (text Text, detail string) {
	reason = strings.TrimPrefix(reason, GoesLast)
	if text, ok := reasons[reason]; ok {
		return text, ""
	}
	if !mailError.MatchString(reason) {
		said, cause, _ := strings.Cut(reason, " [") // a Fault's, which was cut to its column
		return Text{said, said}, strings.TrimSuffix(cause, "]")
	}
	for _, r := range mailReasons {
		if r.pattern.MatchString(reason) {
			return r.text, reason
		}
	}
	return Text{"Server surel tidak menerima surel itu.", "The mail server did not accept the mail."}, reason
}

// mailError is the form of [mail.Error].
var mailError = regexp.MustCompile(`^[a-z]+: (unknown|retry|refused|bad_address|stop)\b`)

// reasons are the words.
var reasons = map[string]Text{
	ReasonOutsideWindow: {"di luar jam kirim", "outside the send window"},
	ReasonClosedDay:     {"hari tutup", "closed day"},
	ReasonMaxPerRun:     {"terlalu banyak sekaligus", "too many at once"},
	ReasonLooksRestored: {"basis data tampak dipulihkan", "the database looks restored"},
	ReasonDailyLimit:    {"batas harian tercapai", "the daily limit is reached"},
	ReasonTimeSpent:     {"waktu habis", "the time was spent"},
	ReasonInterrupted:   {"dihentikan", "interrupted"},
	ReasonQuarantined:   {"karantina", "quarantine"},

	string(PauseByPerson):         {"oleh orang", "by a person"},
	string(mail.PauseCredentials): {"login surel ditolak", "the mail login was refused"},
	string(mail.PauseSender):      {"pengirim ditolak", "the sender was refused"},
	string(mail.PauseQuota):       {"batas akun surel", "the mail account's limit"},
	string(mail.PauseServer):      {"server surel terganggu", "the mail server is out of order"},

	ReasonReturned:             {"bukunya sudah kembali", "the book is back"},
	ReasonRenewed:              {"pinjaman diperpanjang", "the loan was renewed"},
	ReasonSuperseded:           {"ada pengingat yang lebih baru", "a newer reminder says more"},
	"empty":                    {"tidak ada lagi yang perlu diingatkan", "nothing was left to tell"},
	"by a person":              {"oleh orang", "by a person"},
	string(VerdictTooOld):      {"terlalu lama terlambat", "late for too long"},
	string(VerdictOnHold):      {"ditahan oleh sistem perpustakaan", "held by the library's system"},
	string(VerdictOdd):         {"datanya tidak dapat dibaca; 'pengingat doctor' menyebut kolomnya", "its data cannot be read; 'pengingat doctor' names the column"},
	string(VerdictOptedOut):    {"peminjam tidak ingin diingatkan", "the borrower wants no reminders"},
	string(VerdictUnreachable): {"tidak punya alamat surel yang dapat dipakai", "no usable e-mail address"},
	string(VerdictBadAddress):  {"alamatnya pernah ditolak server surel", "the address was refused by the mail server"},
	string(VerdictWithheld):    {"ditahan oleh REMINDER_ONLY_TO", "withheld by REMINDER_ONLY_TO"},
	string(VerdictNotYet):      {"belum waktunya", "its time has not come"},
	string(VerdictTold):        {"sudah diingatkan", "told already"},
	string(StateFailed):        {"gagal", "failed"},
	string(StateRefused):       {"ditolak", "refused"},
	ReasonByPerson:             {"dibatalkan oleh orang", "canceled by a person"},
	ReasonReleased:             {"karantinanya dicabut", "its quarantine was taken back"},
	ReasonMoved:                {"pinjaman itu lalu pindah ke peminjam lain", "the loan then moved to another borrower"},

	"the run ended in the hand-over": {"program terhenti tepat saat menyerahkan surel itu", "the program ended just while handing the mail over"},
	"every run that took it died":    {"program selalu terhenti pada surel ini", "the program always ended at this mail"},
}

// mailReasons are what mail servers say, the special before the general.
var mailReasons = []struct {
	pattern *regexp.Regexp
	text    Text
}{
	{regexp.MustCompile(answeredAlike), Text{"Beberapa peminjam yang berbeda dijawab sama oleh server surel.",
		"The mail server gave different borrowers the same answer."}},
	{regexp.MustCompile(`emails in a row`), Text{"Server surel menolak beberapa surel berturut-turut.",
		"The mail server refused several mails in a row."}}, // on record from older versions
	{regexp.MustCompile(`^resolve:|^connect: .*no such host`), Text{"Nama server MAIL_HOST tidak ditemukan.", "The server MAIL_HOST was not found."}},
	{regexp.MustCompile(`^connect:`), Text{"Server surel tidak terjangkau.", "The mail server cannot be reached."}},
	{regexp.MustCompile(`certificate has expired or is not yet valid`), Text{"Sertifikat server di luar masa berlakunya.",
		"The server's certificate is outside its time."}},
	{regexp.MustCompile(`x509|certificate`), Text{"Sertifikat server tidak dikenal.", "The server's certificate is not known."}},
	{regexp.MustCompile(`^(tls|starttls):`), Text{"Sambungan aman ke server surel gagal.", "The secure connection to the mail server failed."}},
	{regexp.MustCompile(`^auth: stop`), Text{"Server surel menolak login.", "The mail server refused the login."}},
	{regexp.MustCompile(`^compose:`), Text{"Surel itu tidak dapat disusun; periksa templat dan datanya.",
		"The mail could not be composed; look at the templates and its data."}},
	{regexp.MustCompile(`^file:`), Text{"Surel tidak dapat ditulis ke MAIL_FILE_DIR.", "The mail could not be written to MAIL_FILE_DIR."}},
	{regexp.MustCompile(`: unknown\b`), Text{"Sambungan putus tepat saat server menerimanya; mungkin sudah sampai.",
		"The connection broke just when the server took it; it may have arrived."}},
	{regexp.MustCompile(`\b[45]\.2\.2\b`), Text{"Kotak surel peminjam penuh.", "The borrower's mailbox is full."}},
	{regexp.MustCompile(`: bad_address`), Text{"Alamat itu tidak ada, menurut server surel.", "There is no such address, says the mail server."}},
	{regexp.MustCompile(`\b[45]\.(4\.5|7\.28|5\.3|2\.1)\b|\b(421|452|454)\b.*(limit|quota|rate)`), Text{"Batas kirim akun surel tercapai.",
		"The mail account's limit is reached."}},
	{regexp.MustCompile(`^mail: (stop|refused)`), Text{"Server surel tidak mengizinkan pengirim ini (MAIL_FROM_ADDRESS).",
		"The mail server does not allow this sender (MAIL_FROM_ADDRESS)."}},
	{regexp.MustCompile(`: refused`), Text{"Server surel menolak surel itu untuk seterusnya.", "The mail server refused the mail for good."}},
	{regexp.MustCompile(`: (retry|stop)`), Text{"Server surel belum mau menerimanya.",
		"The mail server would not take it yet."}},
}
