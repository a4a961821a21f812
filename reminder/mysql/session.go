package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtsn6garut/pengingat/reminder"
)

// sessions is a connector. All of its sessions have the same settings, whatever the server or its init_connect sets.
type sessions struct {
	driver.Connector
	packet   *atomic.Int64             // the maximum length of a statement, in bytes
	zone     string                    // the expression for time_zone
	cold     *coldStart                // nil: a connection that fails is not tried again
	required []string                  // settings without which a session is not used
	optional *atomic.Pointer[[]string] // settings that not every server has, without those that this one refused
}

// maxPacket is the maximum length of a statement, in bytes, unless the server allows less.
const maxPacket = 1<<20 - 1

// newSessions returns a connector for a library in the zone cfg.Loc. Settings in cfg.Params win over its own.
func newSessions(cfg *mysql.Config) (sessions, error) {
	limit := cfg.ReadTimeout * 4 / 5 // the server stops a statement before the driver gives up and leaves it running
	s := sessions{packet: new(atomic.Int64), optional: new(atomic.Pointer[[]string]), zone: sessionZone(cfg.Loc)}
	s.required = []string{
		// Without autocommit nothing would be committed. Turning it on also commits a transaction of an init_connect.
		"autocommit = 0", "autocommit = 1",
		"sql_select_limit = 9223372036854775807", // DEFAULT would be the server's setting
		"time_zone = " + sessionZone(cfg.Loc),
		// Without strict mode an INSERT would cut a key that is too long, and merge two loans.
		"sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
		"character_set_client = utf8mb4", "character_set_results = utf8mb4", "collation_connection = " + collation,
	}
	optional := []string{
		"completion_type = 0", // with CHAIN, a COMMIT would begin a new transaction, which would never be committed
		"unique_checks = 1", "foreign_key_checks = 1", "sql_auto_is_null = 0", "timestamp = DEFAULT",
		"div_precision_increment = 4", "max_sort_length = 1024", "group_concat_max_len = 1048576",
		"lc_time_names = 'en_US'", "default_storage_engine = InnoDB",
		"sql_safe_updates = 0", "max_join_size = 18446744073709551615", "sql_big_selects = 1",
		// A connection may be idle in the pool, or the program may be slow to read the rows of a statement.
		"wait_timeout = 600", "net_read_timeout = 60", "net_write_timeout = 60",
		"/*M! idle_transaction_timeout = 0 */", "/*M! idle_write_transaction_timeout = 0 */",
		"lock_wait_timeout = 20", "innodb_lock_wait_timeout = 20",
		fmt.Sprintf("/*!50708 max_execution_time = %d */", limit.Milliseconds()), // MySQL, only for SELECT
		fmt.Sprintf("/*M! max_statement_time = %g */", limit.Seconds()),          // MariaDB, for all statements
	}
	optional = slices.DeleteFunc(optional, func(set string) bool {
		name, _, _ := strings.Cut(set, " =")
		_, ok := cfg.Params[name]
		return ok
	})
	s.optional.Store(&optional)
	s.packet.Store(maxPacket)
	cfg.Loc = time.UTC
	err := cfg.Apply(mysql.BeforeConnect(func(_ context.Context, cfg *mysql.Config) error {
		cfg.MaxAllowedPacket = int(s.packet.Load())
		return nil
	}))
	if err == nil {
		s.Connector, err = mysql.NewConnector(cfg)
	}
	return s, err
}

// collation is the collation of literals. Keys have a binary collation of their own, which takes precedence.
const collation = "utf8mb4_general_ci"

func (c sessions) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	for err != nil && c.cold.retries(ctx, err) {
		conn, err = c.Connector.Connect(ctx)
	}
	if err != nil {
		return nil, err
	}
	c.cold.finish()
	packet, err := c.begin(ctx, conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if packet < c.packet.Load() {
		c.packet.Store(packet)
		conn.Close()
		return c.Connect(ctx)
	}
	return conn, nil
}

// A coldStart is the time until a process has its first connection. In the cloud each hourly run is a new process, and
// the connection to a private network may take a minute to open. The run has not begun yet, so waiting does no harm.
type coldStart struct {
	patience time.Duration // how long to wait for the first connection
	begun    sync.Once
	over     context.Context // ends when patience is over or the first connection is open
	end      context.CancelFunc
}

// retries reports, after a pause, whether to try again to connect after an error.
func (c *coldStart) retries(ctx context.Context, err error) bool {
	if _, ok := errors.AsType[net.Error](err); c == nil || !ok {
		return false
	}
	c.begun.Do(func() { c.over, c.end = context.WithTimeout(context.Background(), c.patience) })
	pause := time.NewTimer(200 * time.Millisecond)
	defer pause.Stop()
	select {
	case <-pause.C:
		return c.over.Err() == nil
	case <-c.over.Done():
	case <-ctx.Done():
	}
	return false
}

func (c *coldStart) finish() {
	if c != nil {
		c.begun.Do(func() { c.over, c.end = context.WithCancel(context.Background()) })
		c.end()
	}
}

// begin applies the settings to a session, in three round trips, and returns the maximum length of a statement. Where
// the server refuses a setting, the first session applies them one by one, and later ones leave that one out.
func (c sessions) begin(ctx context.Context, conn driver.Conn) (packet int64, err error) {
	set := func(settings ...string) error {
		// The comma goes into the comment that only one family of servers reads.
		text := strings.NewReplacer(", /*!50708 ", "/*!50708 , ", ", /*M! ", "/*M! , ").Replace(strings.Join(settings, ", "))
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, "SET "+text, nil)
		return err
	}
	optional := *c.optional.Load()
	if err := set(slices.Concat(c.required, optional)...); unsettable(err) {
		if err := set(c.required...); err != nil {
			return 0, err
		}
		var settable []string
		for _, one := range optional {
			if err := set("@pengingat = 0", one); err == nil {
				settable = append(settable, one)
			} else if !unsettable(err) {
				return 0, err
			}
		}
		c.optional.Store(&settable)
	} else if err != nil {
		return 0, err
	}
	level, packet, err := c.verify(ctx, conn)
	if err == nil {
		_, err = conn.(driver.ExecerContext).ExecContext(ctx, level, nil)
	}
	return packet, err
}

// The isolation levels. With READ COMMITTED, a claim locks the rows that it takes, but not the gaps between them. If
// the server's binary log has statements instead of rows, InnoDB refuses such writes (error 1665); then REPEATABLE READ
// is used, and runs may wait for each other. The level is set by a statement, because the variable has different names
// in MySQL and MariaDB.
const (
	readCommitted  = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
	repeatableRead = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE"
)

// verify checks that the settings are in effect. It returns the statement for the isolation level, and the maximum
// length of a statement.
func (c sessions) verify(ctx context.Context, conn driver.Conn) (level string, packet int64, err error) {
	ask := func(byStatement string) (answer driver.Value, err error) {
		rows, err := conn.(driver.QueryerContext).QueryContext(ctx, `SELECT CONCAT_WS(' ', @@SESSION.max_allowed_packet,
			@@SESSION.autocommit = 1 AND @@SESSION.sql_select_limit > 1000000000 AND @@SESSION.time_zone = `+c.zone+`, `+byStatement+`)`, nil)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		row := make([]driver.Value, 1)
		err = rows.Next(row)
		return row[0], err
	}
	answer, err := ask("@@GLOBAL.log_bin AND @@SESSION.binlog_format = 'STATEMENT'")
	if unsettable(err) { // the server has no such log
		answer, err = ask("0")
	}
	if err != nil {
		return "", 0, err
	}
	var pinned, byStatement int
	_, err = fmt.Sscanf(fmt.Sprintf("%s", answer), "%d %d %d", &packet, &pinned, &byStatement)
	if err != nil || pinned == 0 {
		return "", 0, reminder.NewFault(errors.New("autocommit, sql_select_limit or time_zone is not as it was set"),
			"database.session")
	}
	if level = readCommitted; byStatement == 1 {
		level = repeatableRead
	}
	return level, packet - 1, nil
}

// unsettable reports whether the server does not know a setting or its value, or does not allow to set it. The engine
// of the demonstration answers with error 1105.
func unsettable(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && slices.Contains([]uint16{1064, 1105, 1193, 1227, 1228, 1229, 1231, 1232, 1235, 1238, 1621}, e.Number)
}
