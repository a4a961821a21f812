package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// Explain says of an error of OpenDB's database what a person can do about it.
func Explain(op string, err error) error { return fault(op, err) }

// fault says of a database error what a person can do about it. op names what was being done. Duplicate-key errors never
// get here: their text holds the key.
func fault(op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, reminder.ErrLost) {
		return err
	}
	if _, ok := errors.AsType[*reminder.Fault](err); ok {
		return err
	}
	f := &reminder.Fault{Temporary: transient(err), Text: remedyDoctor, Err: fmt.Errorf("%s: %w", op, err)}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch {
		case e.Number == 1146 && aboutView.MatchString(e.Message):
			f.Text = remedyView
		case e.Number == 1030 && strings.Contains(e.Message, "28"): // the operating system's "no space left"
			f.Text = remedyFull
		default:
			for text, numbers := range remedies {
				if slices.Contains(numbers, e.Number) {
					f.Text = *text
				}
			}
		}
		if strings.Contains(e.Message, ClosedDaysView) {
			f.Text = reminder.Text{ID: strings.Replace(f.Text.ID, LoansView, ClosedDaysView, 1), EN: strings.Replace(f.Text.EN, LoansView, ClosedDaysView, 1)}
		}
		f.Temporary = f.Temporary || f.Text == remedyBusy || f.Text == remedySlow
		return f
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, mysql.ErrInvalidConn) {
		f.Text = unreachable
		return f
	}
	for text, causes := range remediesByCause {
		if slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(err, cause) }) {
			f.Text = *text
			return f
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.Text = remedyCertificate
		return f
	}
	return f.Err
}

// aboutView matches the message about a table that is missing where that is one of the views.
var aboutView = regexp.MustCompile(`\b(` + LoansView + "|" + ClosedDaysView + ")\\b")

// The texts say what is wrong and what mends it.
var (
	remedyDoctor = reminder.Text{
		ID: "Basis data menolak sebuah perintah. Jalankan 'pengingat doctor'.",
		EN: "The database refused a statement. Run 'pengingat doctor'.",
	}
	unreachable = reminder.Text{
		ID: "Basis data tidak dapat dihubungi. Periksa apakah MySQL/MariaDB (XAMPP, Laragon) sedang berjalan, lalu DB_HOST dan DB_PORT.",
		EN: "The database cannot be reached. Check that MySQL/MariaDB is running, then DB_HOST and DB_PORT.",
	}
	readOnly = reminder.Text{
		ID: "Basis data memutus koneksi atau tidak dapat ditulisi. Periksa apakah MySQL/MariaDB dalam mode read-only.",
		EN: "The database hangs up or takes no writes. Check whether MySQL/MariaDB is in read-only mode.",
	}
	remedyLogin = reminder.Text{
		ID: "Basis data menolak login. Periksa DB_USERNAME dan DB_PASSWORD; bila akun itu wajib TLS, isi DB_TLS=true.",
		EN: "The database refused the login. Check DB_USERNAME and DB_PASSWORD; where the account requires TLS, set DB_TLS=true.",
	}
	remedyAccount = reminder.Text{
		ID: "Akun basis data terkunci atau kata sandinya kedaluwarsa. Minta administrator basis data memberi kata sandi baru (ALTER USER).",
		EN: "The database account is locked or its password has expired. Ask the database's administrator for a new one (ALTER USER).",
	}
	remedyPlugin = reminder.Text{
		ID: "Cara login akun basis data ini tidak didukung. Minta administrator basis data memakai mysql_native_password atau caching_sha2_password.",
		EN: "The way in which this database account logs in is not supported. Ask the database's administrator for mysql_native_password or caching_sha2_password.",
	}
	remedyHost = reminder.Text{
		ID: "Basis data tidak menerima koneksi dari komputer ini. Minta administrator basis data mengizinkannya (CREATE USER 'nama'@'komputer ini'), atau membuka blokirnya (FLUSH HOSTS).",
		EN: "The database takes no connection from this computer. Ask the database's administrator to allow it (CREATE USER 'name'@'this computer'), or to unblock it (FLUSH HOSTS).",
	}
	remedyTLS = reminder.Text{
		ID: "Basis data mewajibkan TLS. Isi DB_TLS=true, dan DB_CA_FILE dengan sertifikat CA servernya.",
		EN: "The database requires TLS. Set DB_TLS=true, and DB_CA_FILE to the server's CA certificate.",
	}
	remedyNoTLS = reminder.Text{
		ID: "Server basis data tidak menawarkan TLS. Aktifkan TLS di server itu (ssl_cert, ssl_key).",
		EN: "The database server offers no TLS. Turn on TLS in the server (ssl_cert, ssl_key).",
	}
	remedyCertificate = reminder.Text{
		ID: "Sertifikat TLS basis data tidak dipercaya. Isi DB_CA_FILE dengan sertifikat CA servernya; bila namanya tidak cocok dengan DB_HOST, isi juga DB_TLS=verify-ca.",
		EN: "The database's TLS certificate is not trusted. Set DB_CA_FILE to the server's CA certificate; where its name is not DB_HOST, set DB_TLS=verify-ca too.",
	}
	remedyBusy = reminder.Text{
		ID: "Basis data sedang terlalu sibuk: terlalu banyak koneksi, atau tabel dikunci program lain. Coba lagi nanti; bila terus terjadi, naikkan max_connections di server atau kecilkan DB_CONNECTIONS.",
		EN: "The database is too busy: too many connections, or another program locks a table. Try again later; if it goes on, raise the server's max_connections or lower DB_CONNECTIONS.",
	}
	remedySlow = reminder.Text{
		ID: "Basis data terlalu lama membaca pinjaman, dan perintahnya dihentikan. Jalankan 'pengingat doctor': ia menyebut indeks yang mempercepatnya.",
		EN: "The database takes too long to read the loans, and the statement was ended. Run 'pengingat doctor': it names the index that makes it fast.",
	}
	remedyGrant = reminder.Text{
		ID: "Pengguna basis data tidak punya hak yang diperlukan. Jalankan deploy/grants.sql sebagai administrator basis data; 'pengingat migrate' memerlukan DB_USERNAME dan DB_PASSWORD administrator itu.",
		EN: "The database user lacks a right that is needed. Run deploy/grants.sql as the database's administrator; 'pengingat migrate' needs that administrator's DB_USERNAME and DB_PASSWORD.",
	}
	remedyDatabase = reminder.Text{
		ID: "Basis data itu tidak ada. Periksa DB_DATABASE.",
		EN: "There is no such database. Check DB_DATABASE.",
	}
	remedyView = reminder.Text{
		ID: "View reminder_loans tidak ada atau rusak. Jalankan 'pengingat migrate --source perpustakaan' (atau sumber lain).",
		EN: "The view reminder_loans is missing or broken. Run 'pengingat migrate --source perpustakaan' (or another source).",
	}
	remedyDefiner = reminder.Text{
		ID: "Pengguna yang membuat view reminder_loans sudah tidak ada atau kehilangan haknya. Jalankan lagi 'pengingat migrate --source perpustakaan' (atau sumber lain).",
		EN: "The user who made the view reminder_loans is gone or has lost his rights. Run 'pengingat migrate --source perpustakaan' (or another source) again.",
	}
	remedyMigrate = reminder.Text{
		ID: "Tabel reminder_* belum lengkap. Jalankan 'pengingat migrate --source perpustakaan' (atau sumber lain).",
		EN: "The reminder_* tables are not complete. Run 'pengingat migrate --source perpustakaan' (or another source).",
	}
	remedyFull = reminder.Text{
		ID: "Penyimpanan basis data penuh. Kosongkan ruang disk; tidak ada pengingat yang hilang.",
		EN: "The database's storage is full. Free some disk space; no reminder is lost.",
	}
	remedyBroken = reminder.Text{
		ID: "Sebuah tabel basis data rusak. Perbaiki dengan REPAIR TABLE atau mysqlcheck --repair, atau pulihkan dari cadangan.",
		EN: "A table of the database is damaged. Mend it with REPAIR TABLE or mysqlcheck --repair, or restore it from a backup.",
	}
	remedyBinlog = reminder.Text{
		ID: "Log biner basis data tidak menerima perubahan ini. Minta administrator basis data mengatur binlog_format = ROW atau MIXED.",
		EN: "The database's binary log does not take this change. Ask the database's administrator to set binlog_format = ROW or MIXED.",
	}
	remedyPacket = reminder.Text{
		ID: "Perintah terlalu panjang untuk basis data ini. Naikkan max_allowed_packet di server, misalnya ke 16M.",
		EN: "A statement is too long for this database. Raise the server's max_allowed_packet, to 16M for example.",
	}
	remedyOld = reminder.Text{
		ID: "Basis data ini terlalu tua. Perbarui ke MariaDB 10.4 atau MySQL 5.7, atau yang lebih baru.",
		EN: "This database is too old. Update it to MariaDB 10.4 or MySQL 5.7, or newer.",
	}
)

// remedies say which of the server's errors, by number, each text is for.
var remedies = map[*reminder.Text][]uint16{
	&unreachable:    {1053, 3168},
	&remedyDatabase: {1044, 1049}, // 1044: it does not exist for us
	&remedyLogin:    {1045, 1698},
	&remedyAccount:  {1820, 1862, 3118, 4151},
	&remedyPlugin:   {1251, 1275, 1524},
	&remedyHost:     {1129, 1130},
	&remedyTLS:      {3159},
	&remedyBusy:     {1040, 1203, 1205, 1213, 1226},
	&remedySlow:     {1969, 3024}, // MariaDB, MySQL
	&remedyGrant:    {1142, 1143, 1227, 1370, 8121},
	&remedyView:     {1054, 1267, 1271, 1305, 1356},
	&remedyDefiner:  {1449},
	&remedyMigrate:  {1146},
	&remedyFull:     {1021, 1114, 1878, 3, 20},
	&remedyBroken:   {126, 127, 134, 144, 145, 1016, 1034, 1035, 1194, 1195, 1712, 1812, 1932},
	&remedyBinlog:   {1665},
	&remedyPacket:   {1153},
	&remedyOld:      {1115, 1273},
}

// remediesByCause say it of the driver's errors.
var remediesByCause = map[*reminder.Text][]error{
	&readOnly:     {driver.ErrBadConn}, // what RejectReadOnly makes of the server's answer
	&remedyNoTLS:  {mysql.ErrNoTLS},
	&remedyPlugin: {mysql.ErrCleartextPassword, mysql.ErrNativePassword, mysql.ErrOldPassword, mysql.ErrUnknownPlugin},
	&remedyPacket: {mysql.ErrPktTooLarge},
	&remedyOld:    {mysql.ErrOldProtocol},
}
