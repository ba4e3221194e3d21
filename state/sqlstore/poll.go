package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/billwatch/billwatch"
)

// stored is an account as the transaction found it.
type stored struct {
	account  string
	seq      int64
	through  time.Time
	asked    time.Time
	watched  time.Time     // since when it is known and selected
	skew     time.Duration // by how much the clock jumped since it was last read
	missing  int
	deleted  time.Time
	derived  bool
	failing  time.Time
	failure  billwatch.Failure
	snapshot sql.NullString
}

// poll stores what one attempt to read an account gave. What is as it was is
// not written: most polls are such.
func (t *tx) poll(ctx context.Context, p billwatch.Poll) error {
	was, err := t.stored(ctx, p.Account.Key())
	if err != nil {
		return err
	}
	now := was
	if now.account, err = text(p.Account); err != nil {
		return err
	}
	now.attempted(p)
	if p.Snapshot != nil {
		if now.seq, err = t.snapshot(ctx, *p.Snapshot, was); err != nil {
			return err
		}
	}
	if len(p.Records) > 0 || !p.RecordsFrom.IsZero() {
		if now.through, err = t.records(ctx, p); err != nil {
			return err
		}
	}
	if p.Derive { // what was derived is nothing that the provider has
		now.through = time.Time{}
	}
	if now == was {
		return nil
	}
	_, err = t.exec(ctx, `
		INSERT INTO accounts (source, account, body, last_seq, history_through, history_asked, watched_at, read_skew,
			deleted_at, derived, failing_at, error, error_kind, error_endpoint, error_status, missing, gone)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (source, account) DO UPDATE SET body = excluded.body, last_seq = excluded.last_seq,
			history_through = excluded.history_through, history_asked = excluded.history_asked,
			watched_at = excluded.watched_at, missing = excluded.missing, gone = excluded.gone, read_skew = excluded.read_skew, deleted_at = excluded.deleted_at, derived = excluded.derived,
			failing_at = excluded.failing_at, error = excluded.error, error_kind = excluded.error_kind,
			error_endpoint = excluded.error_endpoint, error_status = excluded.error_status`,
		p.Account.Source, p.Account.ID, now.account, now.seq, now.through, now.asked, now.watched, now.skew,
		now.deleted, now.derived, now.failing, now.failure.Message, now.failure.Kind, now.failure.Endpoint, now.failure.Status,
		now.missing, now.missing >= enough)
	return err
}

// attempted notes how the attempt went.
func (s *stored) attempted(p billwatch.Poll) {
	if p.HistoryAsked {
		s.asked = p.At
	}
	if s.watched.IsZero() {
		s.watched = p.At
	}
	s.failure = billwatch.FailureOf(p.Err)
	s.failure.Message = clean(s.failure.Message)
	if p.Snapshot == nil {
		if s.failing.IsZero() {
			s.failing = p.At
		}
		return
	}
	if s.missing >= enough { // it is back
		s.watched = p.At
	}
	s.failing, s.skew, s.missing, s.derived = time.Time{}, 0, 0, p.Derive || s.derived && !p.HistoryAsked
	s.deleted, _ = p.Snapshot.DeletedAt.Get()
}

func (t *tx) stored(ctx context.Context, k billwatch.AccountKey) (stored, error) {
	var was stored
	var skew int64
	var derived int
	err := t.row(ctx, `
		SELECT a.body, a.last_seq, a.history_through, a.history_asked, a.watched_at, a.read_skew, a.missing, a.deleted_at, a.derived,
			a.failing_at, a.error, a.error_kind, a.error_endpoint, a.error_status, s.body
		FROM accounts a LEFT JOIN snapshots s ON s.source = a.source AND s.account = a.account AND s.seq = a.last_seq
		WHERE a.source = $1 AND a.account = $2`, k.Source, k.ID).
		Scan(&was.account, &was.seq, stamp(&was.through), stamp(&was.asked), stamp(&was.watched), &skew, &was.missing, stamp(&was.deleted), &derived,
			stamp(&was.failing), &was.failure.Message, &was.failure.Kind, &was.failure.Endpoint, &was.failure.Status, &was.snapshot)
	was.skew, was.derived = time.Duration(skew)*time.Microsecond, derived != 0
	if errors.Is(err, sql.ErrNoRows) {
		return stored{}, nil
	}
	return was, err
}
