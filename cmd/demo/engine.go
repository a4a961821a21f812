package main

import (
	"fmt"
	"net"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/sirupsen/logrus"
)

// startMySQL serves an empty database with this name, in memory, on a free port that only this computer reaches, until
// stop is called. The user is root without a password.
//
// The engine takes no row locks, and of two transactions that are open at a time it silently loses writes. So there
// must never be more than one connection that writes. It is good for looking at reminders, not for relying on them.
func startMySQL(name string) (port int, stop func() error, err error) {
	logrus.SetLevel(logrus.ErrorLevel) // it tells of every connection
	db := memory.NewDatabase(name)
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, fmt.Errorf("start the sample database: %w", err)
	}
	config := server.Config{Protocol: "tcp", Address: listener.Addr().String(), Listener: listener}
	s, err := server.NewServer(config, sqle.NewDefault(provider), sql.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		listener.Close()
		return 0, nil, fmt.Errorf("start the sample database: %w", err)
	}
	go s.Start() // ends with stop; whatever else goes wrong shows at the first statement
	return listener.Addr().(*net.TCPAddr).Port, s.Close, nil
}
