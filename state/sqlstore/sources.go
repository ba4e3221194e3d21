package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// SourceRow is how the polls of a source go.
type SourceRow struct {
	Source      string            `json:"source"`
	Holder      string            `json:"holder"` // the replica that polls it
	RoundAt     time.Time         `json:"round_at,omitzero"`
	GoodAt      time.Time         `json:"good_at,omitzero"` // of the last round without an error
	Error       string            `json:"error,omitempty"`
	Failure     billwatch.Failure `json:"failure,omitzero"`
	FailingAt   time.Time         `json:"failing_at,omitzero"` // since when rounds fail
	PausedUntil time.Time         `json:"paused_until,omitzero"`
	Shortage    string            `json:"shortage,omitempty"`
	Requests    []time.Time       `json:"requests,omitempty"` // the last ones
	Problems    []string          `json:"problems,omitempty"`
	Accounts    AccountCounts     `json:"accounts"`
}

// AccountCounts counts a source's accounts by how they can be seen. Those that
// the source leaves out are not counted.
type AccountCounts struct {
	Known    int       `json:"known"` // those that are not gone
	Missing  int       `json:"missing"`
	Gone     int       `json:"gone"`
	Failing  int       `json:"failing"`
	Derived  int       `json:"derived"` // whose history follows from our own snapshots
	OldestAt time.Time `json:"oldest_at,omitzero"`
}

// AccountFailure is why an account could not be read.
type AccountFailure struct {
	Account string            `json:"account"`
	Since   time.Time         `json:"since"`
	Failure billwatch.Failure `json:"failure"`
}

// Sources returns every source that was ever watched, by name.
func (s *Store) Sources(ctx context.Context) ([]SourceRow, error) {
	var found []SourceRow
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var r SourceRow
			c := &r.Accounts
			err := rows.Scan(&r.Source, &r.Holder, stamp(&r.RoundAt), stamp(&r.GoodAt), &r.Error, &r.Failure.Kind, &r.Failure.Endpoint,
				&r.Failure.Status, stamp(&r.FailingAt), stamp(&r.PausedUntil), &r.Shortage, document(&r.Requests), document(&r.Problems),
				&c.Known, &c.Missing, &c.Gone, &c.Failing, &c.Derived, stamp(&c.OldestAt))
			r.Failure.Message = r.Error
			found = append(found, r)
			return err
		}, `
			SELECT s.source, s.holder, s.round_at, s.good_at, s.error, s.error_kind, s.error_endpoint, s.error_status, s.failing_at,
				s.paused_until, s.shortage, s.requests, s.problems, COALESCE(a.known, 0), COALESCE(a.missing, 0),
				COALESCE(a.gone, 0), COALESCE(a.failing, 0), COALESCE(a.derived, 0), COALESCE(a.oldest, 0)
			FROM sources s LEFT JOIN (
				SELECT c.source AS source, SUM(1 - c.gone) AS known, SUM(CASE WHEN c.missing > 0 AND c.gone = 0 THEN 1 ELSE 0 END) AS missing,
					SUM(c.gone) AS gone, SUM(CASE WHEN c.failing_at <> 0 AND c.gone = 0 THEN 1 ELSE 0 END) AS failing,
					SUM(c.derived) AS derived, MIN(CASE WHEN c.gone = 0 AND c.deleted_at = 0 THEN p.seen_at + c.read_skew END) AS oldest
				FROM accounts c LEFT JOIN snapshots p ON p.source = c.source AND p.account = c.account AND p.seq = c.last_seq
				WHERE c.excluded = 0 GROUP BY c.source
			) a ON a.source = s.source
			WHERE s.source <> '' ORDER BY s.source`)
	})
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return found, nil
}

// Failures returns why accounts of a source cannot be read, those that failed
// first before the others.
func (s *Store) Failures(ctx context.Context, source string, limit int) ([]AccountFailure, error) {
	var found []AccountFailure
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var f AccountFailure
			err := rows.Scan(&f.Account, stamp(&f.Since), &f.Failure.Message, &f.Failure.Kind, &f.Failure.Endpoint, &f.Failure.Status)
			found = append(found, f)
			return err
		}, `
			SELECT account, failing_at, error, error_kind, error_endpoint, error_status FROM accounts
			WHERE source = $1 AND failing_at <> 0 AND gone = 0 AND excluded = 0 ORDER BY failing_at, account LIMIT $2`, source, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read failures of %s: %w", source, err)
	}
	return found, nil
}
