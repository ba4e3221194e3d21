package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// Shift moves every running clock by the same amount, in one transaction, so
// that no duration completes or stalls because the clock jumped: for and
// keep_firing_for, group and repeat clocks, silences, next attempts, pauses,
// leases, and since when nothing was seen.
// When something happened stays as it was written.
func (s *Store) Shift(ctx context.Context, by time.Duration) error {
	err := s.write(ctx, mark, func(t *tx) error { return t.shift(ctx, by) })
	if err != nil {
		return fmt.Errorf("shift running clocks by %s: %w", by, err)
	}
	return nil
}

// Rewind shifts the running clocks back where the state was last written in the
// future: the machine came up with a clock that is behind. It returns by how
// much.
func (s *Store) Rewind(ctx context.Context, now time.Time) (time.Duration, error) {
	var by time.Duration
	err := s.write(ctx, mark, func(t *tx) error {
		by = 0
		var last time.Time
		// It changes nothing, but lets one replica at a time look.
		if _, err := t.exec(ctx, `UPDATE replicas SET expires_at = expires_at`); err != nil {
			return err
		}
		for _, written := range []string{
			`SELECT COALESCE(MAX(claimed_at), 0) FROM sources`,
			`SELECT COALESCE(MAX(told_at), 0) FROM alert_groups`,
			`SELECT COALESCE(MAX(first_at), 0) FROM notifications WHERE status = 'pending'`,
		} {
			var at time.Time
			if err := t.row(ctx, written).Scan(stamp(&at)); err != nil {
				return err
			}
			last = latest(last, at)
		}
		if last.Sub(now) <= unlikely {
			return nil
		}
		by = now.Sub(last)
		return t.shift(ctx, by)
	})
	if err != nil {
		return 0, fmt.Errorf("look for times in the future: %w", err)
	}
	return by, nil
}

// shift moves what is not zero, which says never; a moment may come to lie before
// 1970 by it, where a machine boots without a time server.
func (t *tx) shift(ctx context.Context, by time.Duration) error {
	for _, sentence := range []string{
		`UPDATE replicas SET expires_at = CASE WHEN expires_at < 0 THEN expires_at - $1 ELSE expires_at + $1 END`,
		`UPDATE current_configuration SET carried_at = carried_at + $1 WHERE carried_at <> 0`,
		`UPDATE rule_errors SET since_at = since_at + $1`,
		`UPDATE accounts SET history_asked = history_asked + $1 WHERE history_asked <> 0`,
		`UPDATE accounts SET watched_at = watched_at + $1 WHERE watched_at <> 0`,
		`UPDATE accounts SET gone_at = gone_at + $1 WHERE gone_at <> 0`,
		`UPDATE accounts SET failing_at = failing_at + $1 WHERE failing_at <> 0`,
		`UPDATE accounts SET read_skew = read_skew + $1`,
		`UPDATE alert_groups SET due_at = due_at + $1 WHERE due_at <> 0`,
		`UPDATE alert_groups SET wanted_at = wanted_at + $1 WHERE wanted_at <> 0`,
		`UPDATE alert_groups SET told_at = told_at + $1 WHERE told_at <> 0`,
		`UPDATE members SET muted_until = muted_until + $1 WHERE muted_until <> 0`,
		// Those that are over, too, or a clock that goes back would wake them.
		`UPDATE silences SET starts_at = starts_at + $1, ends_at = ends_at + $1`,
		`UPDATE silences SET unmatched_at = unmatched_at + $1 WHERE unmatched_at <> 0`,
		`UPDATE quiet SET version = version + 1 WHERE CAST($1 AS BIGINT) <> 0 AND EXISTS (SELECT 1 FROM silences)`,
		`UPDATE notifications SET next_at = next_at + $1, first_at = first_at + $1 WHERE status = 'pending'`,
		`UPDATE pauses SET until_at = until_at + $1`,
		`UPDATE sources SET watched_at = watched_at + $1 WHERE watched_at <> 0`,
		`UPDATE sources SET tick_at = tick_at + $1 WHERE tick_at <> 0`,
		`UPDATE sources SET round_at = round_at + $1 WHERE round_at <> 0`,
		`UPDATE sources SET good_at = good_at + $1 WHERE good_at <> 0`,
		`UPDATE sources SET read_at = read_at + $1 WHERE read_at <> 0`,
		`UPDATE sources SET failing_at = failing_at + $1 WHERE failing_at <> 0`,
		`UPDATE sources SET broken_at = broken_at + $1 WHERE broken_at <> 0`,
		`UPDATE sources SET back_at = back_at + $1 WHERE back_at <> 0`,
		`UPDATE sources SET paused_until = paused_until + $1 WHERE paused_until <> 0`,
		// Slots are cut from the new time, so the old number says nothing.
		`UPDATE sources SET claimed_at = claimed_at + $1, last_slot = -1, counted_slot = NULL WHERE claimed_at <> 0`,
	} {
		if _, err := t.exec(ctx, sentence, by); err != nil {
			return err
		}
	}
	if err := t.shiftRequests(ctx, by); err != nil {
		return err
	}
	t.woken = true
	return t.shiftAlerts(ctx, by)
}

func (t *tx) shiftRequests(ctx context.Context, by time.Duration) error {
	requests := map[string][]time.Time{}
	err := t.each(ctx, func(rows *sql.Rows) error {
		var source string
		var asked []time.Time
		err := rows.Scan(&source, document(&asked))
		requests[source] = asked
		return err
	}, `SELECT source, requests FROM sources`)
	if err != nil {
		return err
	}
	for source, asked := range requests {
		for i := range asked {
			asked[i] = asked[i].Add(by)
		}
		body, err := text(asked)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE sources SET requests = $2 WHERE source = $1`, source, body); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) shiftAlerts(ctx context.Context, by time.Duration) error {
	alerts, err := t.standing(ctx, ``)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.State == billwatch.Pending {
			a.PendingFrom = a.PendingFrom.Add(by)
		}
		if !a.FalseFrom.IsZero() {
			a.FalseFrom = a.FalseFrom.Add(by)
		}
		if err := t.alert(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
