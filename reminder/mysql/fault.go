package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

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
	cause := fmt.Errorf("%s: %w", op, err)
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		if f, ok := remedies[e.Number]; ok {
			return &reminder.Fault{Text: f, Err: cause}
		}
		return &reminder.Fault{Temporary: transient(err), Text: reminder.Text{
			ID: "Basis data menolak sebuah perintah. Jalankan 'pengingat doctor'.",
			EN: "The database refused a statement. Run 'pengingat doctor'.",
		}, Err: cause}
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, mysql.ErrInvalidConn) {
		return &reminder.Fault{Temporary: true, Text: unreachable, Err: cause}
	}
	if errors.Is(err, driver.ErrBadConn) { // what RejectReadOnly makes of the server's answer
		return &reminder.Fault{Temporary: true, Text: readOnly, Err: cause}
	}
	return cause
}

var unreachable = reminder.Text{
	ID: "Basis data tidak dapat dihubungi. Periksa apakah MySQL/MariaDB (XAMPP, Laragon) sedang berjalan, lalu DB_HOST dan DB_PORT.",
	EN: "The database cannot be reached. Check that MySQL/MariaDB is running, then DB_HOST and DB_PORT.",
}

var readOnly = reminder.Text{
	ID: "Basis data memutus koneksi atau tidak dapat ditulisi. Periksa apakah MySQL/MariaDB dalam mode read-only.",
	EN: "The database hangs up or takes no writes. Check whether MySQL/MariaDB is in read-only mode.",
}

var (
	remedyLogin = reminder.Text{
		ID: "Basis data menolak login. Periksa DB_USERNAME dan DB_PASSWORD.",
		EN: "The database refused the login. Check DB_USERNAME and DB_PASSWORD.",
	}
	remedyGrant = reminder.Text{
		ID: "Pengguna basis data tidak punya hak yang diperlukan. Jalankan deploy/grants.sql sebagai administrator basis data.",
		EN: "The database user lacks a right that is needed. Run deploy/grants.sql as the database's administrator.",
	}
	remedyDatabase = reminder.Text{
		ID: "Basis data itu tidak ada. Periksa DB_DATABASE.",
		EN: "There is no such database. Check DB_DATABASE.",
	}
	remedyView = reminder.Text{
		ID: "View reminder_loans tidak ada atau rusak. Jalankan 'pengingat migrate --source perpustakaan' (atau sumber lain).",
		EN: "The view reminder_loans is missing or broken. Run 'pengingat migrate --source perpustakaan' (or another source).",
	}
	remedyMigrate = reminder.Text{
		ID: "Tabel reminder_* belum lengkap. Jalankan 'pengingat migrate --source perpustakaan' (atau sumber lain).",
		EN: "The reminder_* tables are not complete. Run 'pengingat migrate --source perpustakaan' (or another source).",
	}
	remedyFull = reminder.Text{
		ID: "Penyimpanan basis data penuh. Kosongkan ruang disk; tidak ada pengingat yang hilang.",
		EN: "The database's storage is full. Free some disk space; no reminder is lost.",
	}
)

// remedies say by MySQL error number what mends it, where trying again does not.
var remedies = map[uint16]reminder.Text{
	1044: remedyDatabase, // access denied to the database: it does not exist for us
	1049: remedyDatabase,
	1045: remedyLogin, 1698: remedyLogin,
	1142: remedyGrant, 1143: remedyGrant, 1227: remedyGrant,
	1054: remedyView, 1356: remedyView, 1449: remedyView,
	1146: remedyMigrate,
	1021: remedyFull, 1114: remedyFull, 3: remedyFull, 20: remedyFull,
}
