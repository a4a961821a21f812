package main

import (
	"context"
	"fmt"
	"net"
	"sync"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/sirupsen/logrus"
)

// startMySQL serves an empty database with this name, in memory, on a free port that only this computer reaches, until
// stop is called. The user is root without a password.
//
// The engine takes no row locks, and of two writes at the same time it silently loses one. So its statements run one
// after the other. It is good for looking at reminders, not for relying on them.
func startMySQL(name string) (port int, stop func() error, err error) {
	logrus.SetLevel(logrus.ErrorLevel) // otherwise every connection is logged
	db := memory.NewDatabase(name)
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, fmt.Errorf("start the sample database: %w", err)
	}
	config := server.Config{Protocol: "tcp", Address: listener.Addr().String(), Listener: listener}
	oneByOne := func(h mysql.Handler) (mysql.Handler, error) { return &serial{Handler: h}, nil }
	s, err := server.NewServerWithHandler(config, sqle.NewDefault(provider), sql.NewContext,
		memory.NewSessionBuilder(provider), nil, oneByOne)
	if err != nil {
		listener.Close()
		return 0, nil, fmt.Errorf("start the sample database: %w", err)
	}
	go s.Start() // ends with stop; any other failure shows at the first statement
	return listener.Addr().(*net.TCPAddr).Port, s.Close, nil
}

// serial runs one statement at a time, whatever connection it comes from. The program writes its parameters into its
// statements, so there are no prepared ones.
type serial struct {
	mysql.Handler
	mu sync.Mutex
}

func (s *serial) ComQuery(ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Handler.ComQuery(ctx, c, query, callback)
}

func (s *serial) ComMultiQuery(
	ctx context.Context, c *mysql.Conn, query string, callback mysql.ResultSpoolFn,
) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Handler.ComMultiQuery(ctx, c, query, callback)
}
