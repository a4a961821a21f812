package mysql

import (
	"cmp"
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

// Number returns the number of an error of the server, or 0 for any other error.
func Number(err error) uint16 {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// isDuplicate reports whether a row was refused because its key exists already. TiDB may report that only at COMMIT,
// with different numbers.
func isDuplicate(err error) bool { return slices.Contains([]uint16{1062, 8141, 8147}, Number(err)) }

func isFault(err error) bool {
	_, ok := errors.AsType[*reminder.Fault](err)
	return ok
}

// Explain returns a Fault for an error of a database that OpenDB opened. op says what was being done, for a log.
func Explain(op string, err error) error { return fault(op, err) }

// fault returns a Fault for an error of the database, with a message that says what a person can do about it. op says
// what was being done, for a log. The caller handles duplicate-key errors, because their text contains the key.
func fault(op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, reminder.ErrLost) || isFault(err) {
		return err
	}
	f := &reminder.Fault{Temporary: transient(err), Message: reminder.Say("database.refused"),
		Err: fmt.Errorf("%s: %w", op, err)}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		key := f.Message.Key
		switch {
		case e.Number == 1146 && aboutView.MatchString(e.Message):
			key = "database.view"
		case e.Number == 1030 && strings.Contains(e.Message, "28"): // ENOSPC
			key = "database.full"
		default:
			key = cmp.Or(remedyFor(e.Number), key)
		}
		view := LoansView
		if strings.Contains(e.Message, ClosedDaysView) {
			view = ClosedDaysView
		}
		f.Message = reminder.Say(key, "View", view)
		f.Temporary = f.Temporary || key == "database.busy" || key == "database.slow"
		return f
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, mysql.ErrInvalidConn) {
		f.Message = reminder.Say("database.unreachable")
		return f
	}
	for remedy, causes := range remediesByCause {
		if slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(err, cause) }) {
			f.Message = reminder.Say(remedy)
			return f
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.Message = reminder.Say("database.certificate")
		return f
	}
	return f.Err
}

// aboutView matches the message about a missing table if that is one of the views.
var aboutView = regexp.MustCompile(`\b(` + LoansView + "|" + ClosedDaysView + ")\\b")

// remedies has the keys of messages for a person, each with the numbers of the server's errors that it is for.
var remedies = map[string][]uint16{
	"database.unreachable": {1053, 3168},
	"database.no_database": {1044, 1049}, // 1044: the user has no rights on it, so it may not exist
	"database.login":       {1045, 1698},
	"database.account":     {1820, 1862, 3118, 4151},
	"database.plugin":      {1251, 1275, 1524},
	"database.host":        {1129, 1130},
	"database.tls":         {3159},
	"database.busy":        {1040, 1203, 1205, 1213, 1226},
	"database.slow":        {1969, 3024}, // MariaDB, MySQL
	"database.grant":       {1142, 1143, 1227, 1370, 8121},
	"database.view":        {1054, 1267, 1271, 1305, 1356},
	"database.definer":     {1449},
	"database.migrate":     {1146},
	"database.full":        {1021, 1114, 1878, 3, 20},
	"database.broken":      {126, 127, 134, 144, 145, 1016, 1034, 1035, 1194, 1195, 1712, 1812, 1932},
	"database.binlog":      {1665},
	"database.packet":      {1153},
	"database.old":         {1115, 1273},
}

// remedyFor returns the key of the message for an error, or "".
func remedyFor(number uint16) string {
	for remedy, numbers := range remedies {
		if slices.Contains(numbers, number) {
			return remedy
		}
	}
	return ""
}

// remediesByCause is like remedies, for the driver's errors.
var remediesByCause = map[string][]error{
	"database.read_only": {driver.ErrBadConn}, // RejectReadOnly turns the server's error into this one
	"database.no_tls":    {mysql.ErrNoTLS},
	"database.plugin": {mysql.ErrCleartextPassword, mysql.ErrNativePassword, mysql.ErrOldPassword,
		mysql.ErrUnknownPlugin},
	"database.packet": {mysql.ErrPktTooLarge},
	"database.old":    {mysql.ErrOldProtocol},
}
