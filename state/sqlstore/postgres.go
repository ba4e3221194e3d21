package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connections      = 8
	connectTimeout   = 5 * time.Second
	unansweredFor    = 10 * time.Second // then the kernel gives the connection up
	tcpUserTimeout   = 0x12             // TCP_USER_TIMEOUT, which syscall does not name
	listenAgainAfter = 5 * time.Second
)

func (s *Store) openPostgres(ctx context.Context, c Config) error {
	config, err := pgx.ParseConfig(c.DSN)
	if err != nil {
		return errors.New("state: is not a valid PostgreSQL address") // err quotes the address
	}
	bound(config)
	if c.ReadOnly { // the server refuses what we must not do
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	s.dialect = dialect{
		lock:      "FOR UPDATE SKIP LOCKED",
		clock:     `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`,
		notify:    `NOTIFY billwatch`,
		readLevel: sql.LevelRepeatableRead,
		transient: passing,
		noTable:   undefinedTable,
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.writer, s.reader = db, db
	s.closing = append(s.closing, db.Close)
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if err := s.migrate(ctx, c); err != nil {
		return err
	}
	if !c.ReadOnly {
		s.listen(ctx, config)
	}
	return nil
}

// bound gives every session its limits: a server that hangs, or a client that
// is paused in the middle of a transaction, must not hold up the others.
func bound(config *pgx.ConnConfig) {
	config.ConnectTimeout = connectTimeout
	for name, value := range map[string]string{
		"statement_timeout":                   "10s",
		"lock_timeout":                        "5s",
		"idle_in_transaction_session_timeout": "15s",
		"application_name":                    "billwatch",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	dialer := &net.Dialer{
		Timeout:   connectTimeout,
		KeepAlive: unansweredFor,
		Control: func(network, _ string, c syscall.RawConn) error {
			if network == "unix" {
				return nil
			}
			var failed error
			err := c.Control(func(fd uintptr) {
				failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unansweredFor.Milliseconds()))
			})
			return errors.Join(err, failed)
		},
	}
	config.DialFunc = dialer.DialContext
}

// listen starts a goroutine that hears of what other replicas made due; Close
// ends it and waits for it.
func (s *Store) listen(ctx context.Context, config *pgx.ConnConfig) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	s.closing = append(s.closing, func() error {
		cancel()
		<-done
		return nil
	})
	go func() {
		defer close(done)
		again := time.NewTimer(0)
		defer again.Stop()
		for {
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
			s.hear(ctx, config.Copy())
			again.Reset(listenAgainAfter)
		}
	}()
}

// hear listens on one connection until it breaks. While nobody listens, the
// dispatcher's own timer finds what is due.
func (s *Store) hear(ctx context.Context, config *pgx.ConnConfig) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the line is given up, whatever it says
	}()
	if _, err := conn.Exec(ctx, "LISTEN billwatch"); err != nil {
		return
	}
	s.knock() // what came while nobody listened
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		s.knock()
	}
}

// passing says whether an error is worth another try at once: a deadlock or a
// lock not got, a server that goes down or comes up, a connection that broke.
func passing(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03":
			return true
		}
		return refused.Code[:2] == "08"
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || broken(err)
}

func undefinedTable(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "42P01"
}

// broken says whether the connection ended in the middle: then nobody knows
// what became of the transaction, and it is run again.
func broken(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, driver.ErrBadConn} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
