package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	operationTimeout = 10 * time.Second      // of any call, its repetitions included
	firstPause       = 10 * time.Millisecond // before a transaction is tried again
	longestPause     = time.Second
)

// tx is a transaction that binds our types and fills the blank.
type tx struct {
	*sql.Tx
	dialect  *dialect
	prepared map[string]*sql.Stmt
	woken    bool // something became due
}

// read runs f in a transaction that sees one moment and changes nothing.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.repeat(ctx, func() error {
		return s.once(ctx, s.reader, &sql.TxOptions{ReadOnly: true, Isolation: s.dialect.readLevel}, f)
	})
}

// write runs f in a transaction: all of it happens or nothing. f may run more
// than once, also when its first run was committed and only the answer got
// lost; it must come to the same.
func (s *Store) write(ctx context.Context, u urgency, f func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	err := s.repeat(ctx, func() error {
		if s.turns != nil {
			if err := s.turns.enter(ctx, u); err != nil {
				return err
			}
			defer s.turns.leave()
		}
		return s.once(ctx, s.writer, nil, f)
	})
	s.remember(err)
	return err
}

// remember keeps the database's own errors for Ping; ours say nothing about it.
func (s *Store) remember(err error) {
	if errors.Is(err, billwatch.ErrLeaseLost) || errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// repeat tries again what failed for a passing reason, until ctx ends.
func (s *Store) repeat(ctx context.Context, try func() error) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := try()
		if err == nil || ctx.Err() != nil || !s.dialect.transient(err) {
			return err
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return err
		}
	}
}

func (s *Store) once(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*tx) error) error {
	begun, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	t := &tx{Tx: begun, dialect: &s.dialect}
	if err := t.run(ctx, f); err != nil {
		return errors.Join(err, ignoreDone(begun.Rollback()))
	}
	if err := begun.Commit(); err != nil {
		return err
	}
	if t.woken {
		s.knock()
	}
	return nil
}

func (t *tx) run(ctx context.Context, f func(*tx) error) error {
	if err := f(t); err != nil {
		return err
	}
	if t.woken && t.dialect.notify != "" {
		_, err := t.ExecContext(ctx, t.dialect.notify)
		return err
	}
	return nil
}

// ignoreDone drops the complaint that a transaction is over: it was rolled back
// with its connection or its context, and the first error says why.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// exec runs a sentence and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	done, err := t.do(ctx, query, bind(args))
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

func (t *tx) do(ctx context.Context, query string, args []any) (sql.Result, error) {
	if !t.dialect.prepare {
		return t.ExecContext(ctx, t.fill(query), args...)
	}
	statement, err := t.statement(ctx, query) //nolint:sqlclosecheck // the transaction's end closes it
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args...)
}

// row asks for one row; its Scan returns sql.ErrNoRows where there is none.
func (t *tx) row(ctx context.Context, query string, args ...any) *sql.Row {
	if t.dialect.prepare {
		if statement, err := t.statement(ctx, query); err == nil { //nolint:sqlclosecheck // as above
			return statement.QueryRowContext(ctx, bind(args)...)
		}
	}
	return t.QueryRowContext(ctx, t.fill(query), bind(args)...)
}

// each hands every row to f.
func (t *tx) each(ctx context.Context, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := t.rows(ctx, query, bind(args))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *tx) rows(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if !t.dialect.prepare {
		return t.QueryContext(ctx, t.fill(query), args...)
	}
	statement, err := t.statement(ctx, query) //nolint:sqlclosecheck // the transaction's end closes it
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

func (t *tx) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, found := t.prepared[query]; found {
		return statement, nil
	}
	statement, err := t.PrepareContext(ctx, t.fill(query))
	if err != nil {
		return nil, err
	}
	if t.prepared == nil {
		t.prepared = map[string]*sql.Stmt{}
	}
	t.prepared[query] = statement
	return statement, nil
}

func (t *tx) fill(query string) string { return strings.Replace(query, "{{lock}}", t.dialect.lock, 1) }
