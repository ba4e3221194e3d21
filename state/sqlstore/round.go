package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// enough is in how many complete listings in a row an account must be missing
// to be gone.
const enough = 3

// EndRound stores how a poll of a whole source ended and counts the accounts
// that its listing lacked. It returns ErrLeaseLost where another replica has
// taken the source over.
func (s *Store) EndRound(ctx context.Context, r billwatch.Round) error {
	err := s.write(ctx, batch, func(t *tx) error {
		if err := t.hold(ctx, r.Lease, r.Requests); err != nil {
			return err
		}
		if err := t.result(ctx, r); err != nil {
			return err
		}
		if r.Err != nil || !r.Complete {
			return nil //nolint:nilerr // the round's failure is what was stored
		}
		return t.count(ctx, r)
	})
	if err != nil {
		return fmt.Errorf("end the round of %s: %w", r.Lease.Source, err)
	}
	return nil
}

func (t *tx) result(ctx context.Context, r billwatch.Round) error {
	problems, err := text(r.Problems)
	if err != nil {
		return err
	}
	failure := billwatch.FailureOf(r.Err)
	_, err = t.exec(ctx, `
		UPDATE sources SET round_at = $2, good_at = CASE WHEN CAST($3 AS TEXT) = '' THEN $2 ELSE good_at END,
			failing_at = CASE WHEN CAST($3 AS TEXT) = '' THEN 0 WHEN failing_at = 0 THEN $2 ELSE failing_at END,
			error = CAST($3 AS TEXT), error_kind = $5, error_endpoint = $6, error_status = $7, problems = $4,
			paused_until = $8, empty_listings = $9, shortage = $10
		WHERE source = $1`, r.Lease.Source, r.Now, failure.Message, problems,
		failure.Kind, failure.Endpoint, failure.Status, r.PausedUntil, r.EmptyListings, r.Shortage)
	if err != nil || r.Err != nil {
		return err
	}
	if err := t.works(ctx, r.Lease.Source, r.Now); err != nil {
		return err
	}
	return t.exclude(ctx, r)
}

// works notes that something of the source was read well: it is not down.
func (t *tx) works(ctx context.Context, source string, now time.Time) error {
	_, err := t.exec(ctx, `
		UPDATE sources SET read_at = $2, back_at = CASE WHEN down = 1 THEN $2 ELSE back_at END, down = 0, failing_at = 0
		WHERE source = $1`, source, now)
	return err
}

// exclude notes which of the listed accounts the source leaves out. One that it
// takes in again is known from now on: nobody has looked at it lately.
func (t *tx) exclude(ctx context.Context, r billwatch.Round) error {
	out := make(map[string]bool, len(r.Excluded))
	for _, id := range r.Excluded {
		out[clean(id)] = true
	}
	was := map[string]bool{}
	err := t.each(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		was[id] = true
		return err
	}, `SELECT account FROM accounts WHERE source = $1 AND excluded = 1`, r.Lease.Source)
	if err != nil {
		return err
	}
	for _, id := range r.Seen {
		id = clean(id)
		if out[id] == was[id] {
			continue
		}
		if _, err := t.exec(ctx, `UPDATE accounts SET excluded = $3, watched_at = $4 WHERE source = $1 AND account = $2`,
			r.Lease.Source, id, out[id], r.Now); err != nil {
			return err
		}
	}
	return nil
}

// count counts a complete listing, once: a repetition of a round whose answer
// got lost finds its slot counted. An empty listing is one that the poller
// believes: then all are gone at once.
func (t *tx) count(ctx context.Context, r billwatch.Round) error {
	n, err := t.exec(ctx, `
		UPDATE sources SET counted_slot = $2 WHERE source = $1 AND (counted_slot IS NULL OR counted_slot <> $2)`,
		r.Lease.Source, r.Lease.Slot)
	if err != nil || n == 0 {
		return err
	}
	seen := make(map[string]bool, len(r.Seen))
	for _, id := range r.Seen {
		seen[clean(id)] = true
	}
	known, err := t.listed(ctx, r.Lease.Source)
	if err != nil {
		return err
	}
	for id, missing := range known {
		now := min(missing+1, enough)
		switch {
		case seen[id]:
			now = 0
		case len(seen) == 0:
			now = enough
		}
		if err := t.recount(ctx, billwatch.AccountKey{Source: r.Lease.Source, ID: id}, missing, now, r.Now); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) listed(ctx context.Context, source string) (map[string]int, error) {
	missing := map[string]int{}
	err := t.each(ctx, func(rows *sql.Rows) error {
		var id string
		var n int
		err := rows.Scan(&id, &n)
		missing[id] = n
		return err
	}, `SELECT account, missing FROM accounts WHERE source = $1`, source)
	return missing, err
}

// recount stores in how many listings an account was missing. One that is back
// after it was gone is known from now on.
func (t *tx) recount(ctx context.Context, k billwatch.AccountKey, was, now int, at time.Time) error {
	if was == now {
		return nil
	}
	_, err := t.exec(ctx, `
		UPDATE accounts SET missing = $3, gone = $4, watched_at = CASE WHEN gone = 1 THEN $5 ELSE watched_at END
		WHERE source = $1 AND account = $2`, k.Source, k.ID, now, now >= enough, at)
	return err
}
