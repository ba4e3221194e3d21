// Package sqlstore keeps everything that must outlive the process in SQLite or
// PostgreSQL: leases, accounts, snapshots, alerts, groups and the outbox.
//
// Both databases run the same sentences. They have one blank, {{lock}}, which
// is empty on SQLite and FOR UPDATE SKIP LOCKED on PostgreSQL; what else
// differs (how to open, how to wake up, what the time is) is in sqlite.go and
// postgres.go. Times are integer microseconds, UTC, 0 for none. The store reads
// a clock in Now only; every other method is told the time.
//
// To change the schema add a migration: it only adds, and names the oldest
// schema whose program can still work on it.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Config says where the state is.
type Config struct {
	DSN       string // "sqlite:path" or "postgres://user@host/db"
	NoMigrate bool   // refuse a schema that is older than this program, rather than migrate it
	ReadOnly  bool   // look only: no lock, no migration, nothing is created
	Volatile  bool   // a SQLite file that nobody needs after the process: nothing waits for the disk
}

// HeldError says that another process holds the SQLite file.
type HeldError struct {
	Path string
	PID  int // of the holder; 0 where it is not known
}

// Error names the file and its holder.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return e.Path + ": in use by another process"
	}
	return fmt.Sprintf("%s: in use by process %d", e.Path, e.PID)
}

// OlderError says that the schema is older than this program's, and was not to
// be migrated.
type OlderError struct {
	Schema int64 // of the database
	Own    int64 // schema of this program
}

// Error says what mends it.
func (e *OlderError) Error() string {
	return fmt.Sprintf("state has schema %d, this program needs %d: start once without --no-migrate", e.Schema, e.Own)
}

// TooOldError says that the schema is newer than this program can work on.
type TooOldError struct {
	Schema int64 // of the database
	Oldest int64 // schema of the oldest program that can work on it
	Own    int64 // schema of this program
}

// Error says which program is needed.
func (e *TooOldError) Error() string {
	return fmt.Sprintf("state has schema %d, which needs a program of schema %d or newer; this one has %d: use a newer billwatch",
		e.Schema, e.Oldest, e.Own)
}

// Store is an open state. It is safe for concurrent use.
type Store struct {
	writer  *sql.DB
	reader  *sql.DB
	dialect dialect
	turns   *turnstile // SQLite has one writer; nil on PostgreSQL
	wake    chan struct{}
	closing []func() error // in the order of opening

	settling settling

	mu     sync.Mutex
	broken error // of the last write, where the database was at fault
}

// dialect is what the two databases do not have in common.
type dialect struct {
	lock      string // fills {{lock}}
	clock     string // asks for the database's time; "" where the wall clock decides
	notify    string // wakes the other replicas; "" where there are none
	prepare   bool   // statements of a batch are prepared once
	readLevel sql.IsolationLevel
	transient func(error) bool
	noTable   func(error) bool
}

// Open opens the state, creating or migrating it where needed. Errors never
// spell out the address, which may hold a password.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{wake: make(chan struct{}, 1), settling: settling{turn: make(chan struct{}, 1)}}
	err := s.open(ctx, c)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) error {
	kind, rest, _ := strings.Cut(c.DSN, ":")
	switch kind {
	case "sqlite":
		return s.openSQLite(ctx, rest, c)
	case "postgres", "postgresql":
		return s.openPostgres(ctx, c)
	}
	return errors.New(`state: must begin with "sqlite:" or "postgres://"`)
}

// Close ends everything that Open started, last first.
func (s *Store) Close() error {
	var errs []error
	for i := len(s.closing) - 1; i >= 0; i-- {
		errs = append(errs, s.closing[i]())
	}
	s.closing = nil
	return errors.Join(errs...)
}

// Ping says whether the store can be used: it answers, and the last write was
// not refused by the database (a full disk, a read-only replica).
func (s *Store) Ping(ctx context.Context) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken != nil {
		return broken
	}
	return s.read(ctx, func(t *tx) error {
		var one int
		return t.row(ctx, `SELECT 1`).Scan(&one)
	})
}

// Now is the time that decides: the database's on PostgreSQL, so that replicas
// agree, and the wall clock on SQLite.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if s.dialect.clock == "" {
		return time.Now().UTC(), nil
	}
	var now time.Time
	err := s.read(ctx, func(t *tx) error {
		return t.row(ctx, s.dialect.clock).Scan(stamp(&now))
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the database for the time: %w", err)
	}
	return now, nil
}

// Shared says whether the database tells the time, for all replicas on it.
func (s *Store) Shared() bool { return s.dialect.clock != "" }

// Wake tells when something became due, here or at another replica.
func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) knock() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
