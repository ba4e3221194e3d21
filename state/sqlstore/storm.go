package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/billwatch/billwatch"
)

// Storms says how an integration's digests stand.
func (s *Store) Storms(ctx context.Context, q billwatch.StormQuery) (billwatch.Storms, error) {
	var found billwatch.Storms
	err := s.read(ctx, func(t *tx) error {
		found = billwatch.Storms{Tally: map[string]int{}}
		var waiting billwatch.Notification
		err := t.row(ctx, `
			SELECT body, attempts, revision FROM notifications
			WHERE status = 'pending' AND ambiguous = 0 AND integration = $1 AND group_key = $2 ORDER BY seq DESC LIMIT 1`,
			q.Integration, billwatch.StormKey).Scan(document(&waiting), &found.Attempts, &found.Revision)
		if err == nil {
			found.Waiting = &waiting
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := t.row(ctx, `SELECT count(*) FROM notifications WHERE frozen_at > $2 AND integration = $1 AND group_key <> $3`,
			q.Integration, q.Since, billwatch.StormKey).Scan(&found.Recent); err != nil {
			return err
		}
		if err := t.row(ctx, `SELECT COALESCE(MAX(frozen_at), 0) FROM notifications WHERE frozen_at > $2 AND integration = $1 AND group_key = $3`,
			q.Integration, q.LastSince, billwatch.StormKey).Scan(stamp(&found.Last)); err != nil {
			return err
		}
		return t.each(ctx, func(rows *sql.Rows) error {
			var rule string
			var resolved int
			err := rows.Scan(&rule, &resolved)
			found.Tally[rule] = resolved
			return err
		}, `SELECT rule, resolved FROM tallies WHERE integration = $1`, q.Integration)
	})
	if err != nil {
		return billwatch.Storms{}, fmt.Errorf("read digests of %s: %w", q.Integration, err)
	}
	return found, nil
}

// FreezeStorm stores a digest and the groups in it: all of it or nothing. It
// returns ErrStormMoved where the digest that it goes on from has changed, and
// ErrLeaseLost where a claim ran out. Where an end that the digest counts was
// told meanwhile, all its groups are due again instead.
func (s *Store) FreezeStorm(ctx context.Context, f billwatch.StormFlush) error {
	moved := false
	err := s.write(ctx, mark, func(t *tx) error {
		moved = false
		if late, err := t.overtakenInside(ctx, f); err != nil || late {
			return err
		}
		var done bool
		var err error
		if moved, done, err = t.enqueueDigest(ctx, f); err != nil || moved || done {
			return err
		}
		if err := t.cover(ctx, f); err != nil {
			return err
		}
		return t.takeTally(ctx, f)
	})
	if err != nil {
		return fmt.Errorf("freeze digest of %s: %w", f.Digest.Integration, err)
	}
	if moved {
		return billwatch.ErrStormMoved
	}
	return nil
}

// enqueueDigest puts the digest into the outbox, or lets the waiting one grow. It
// is done already where the answer to an earlier commit got lost, and moved where
// the waiting one is no longer as it was.
func (t *tx) enqueueDigest(ctx context.Context, f billwatch.StormFlush) (moved, done bool, err error) {
	n := f.Digest
	body, err := text(n)
	if err != nil {
		return false, false, err
	}
	var stored string
	switch err := t.row(ctx, `SELECT body FROM notifications WHERE id = $1`, n.ID).Scan(&stored); {
	case err == nil && stored == clean(body):
		return false, true, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return false, false, err
	}
	const last = `(SELECT COALESCE(MAX(seq), 0) + 1 FROM notifications o WHERE o.status = 'pending' AND o.integration = $2 AND o.id <> $1)`
	if f.Replaces == n.ID {
		changed, err := t.exec(ctx, `
			UPDATE notifications SET body = $3, next_at = $4, revision = revision + 1, seq = CASE WHEN seq > `+last+` THEN seq ELSE `+last+` END
			WHERE id = $1 AND integration = $2 AND status = 'pending' AND attempts = 0 AND revision = $5`,
			n.ID, n.Integration, body, f.Due, f.Revision)
		t.woken = true
		return changed == 0, false, err
	}
	if f.Replaces != "" {
		changed, err := t.exec(ctx, `UPDATE notifications SET status = 'superseded' WHERE id = $1 AND status = 'pending' AND ambiguous = 0`, f.Replaces)
		if err != nil || changed == 0 {
			return true, false, err
		}
		if _, err := t.exec(ctx, `UPDATE storms SET id = $2 WHERE id = $1`, f.Replaces, n.ID); err != nil {
			return false, false, err
		}
	}
	_, err = t.exec(ctx, `
		INSERT INTO notifications (id, seq, integration, group_key, status, body, frozen_at, first_at, next_at)
		SELECT $1, CASE WHEN next.seq > $6 THEN next.seq ELSE $6 END, $2, $3, 'pending', $4, $5, $5, $7
		FROM (SELECT `+last+` AS seq) AS next`,
		n.ID, n.Integration, n.GroupKey, body, n.FrozenAt, micros(n.FrozenAt), f.Due)
	t.woken = true
	return false, false, err
}

// cover stores what the digest tells of each group, and that it speaks for it.
func (t *tx) cover(ctx context.Context, f billwatch.StormFlush) error {
	var keys []any
	for _, flush := range f.Flushes {
		if err := t.freezeInside(ctx, flush); err != nil {
			return fmt.Errorf("group %s: %w", flush.Group.Key, err)
		}
		keys = append(keys, flush.Group.Key)
	}
	for some := range slices.Chunk(keys, 500) {
		var rows strings.Builder
		for i := range some {
			fmt.Fprintf(&rows, ", ($1, $%d, $2)", i+3)
		}
		if _, err := t.exec(ctx, `INSERT INTO storms (integration, group_key, id) VALUES `+rows.String()[2:]+`
			ON CONFLICT (integration, group_key) DO UPDATE SET id = excluded.id`, append([]any{f.Digest.Integration, f.Digest.ID}, some...)...); err != nil {
			return err
		}
	}
	var listed, unlisted []any
	for _, a := range f.Digest.Alerts {
		listed = append(listed, a.Fingerprint)
	}
	for _, fingerprint := range f.Unlisted {
		unlisted = append(unlisted, fingerprint)
	}
	if err := t.counted(ctx, f.Digest.Integration, 1, unlisted); err != nil {
		return err
	}
	return t.counted(ctx, f.Digest.Integration, 0, listed)
}

// counted notes whether alerts were told without being listed. The empty text
// keeps SQLite from reading all members of the integration: it is to look for
// the few fingerprints.
func (t *tx) counted(ctx context.Context, integration string, value int, fingerprints []any) error {
	if len(fingerprints) == 0 {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE members SET counted = CAST($2 AS INTEGER) WHERE integration || '' = $1 AND fingerprint IN (`+
		blanks(3, len(fingerprints))+`)`, append([]any{integration, value}, fingerprints...)...)
	return err
}

// blanks is a list of so many placeholders.
func blanks(from, n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ", $%d", from+i)
	}
	return list.String()[2:]
}

// freezeInside is freeze for a group whose news is in a digest.
func (t *tx) freezeInside(ctx context.Context, f billwatch.Flush) error {
	row, err := t.holdGroup(ctx, f.Group)
	if err != nil {
		return err
	}
	if row.claim != f.Group.Claim {
		return fmt.Errorf("%w: the group is no longer claimed by this replica", billwatch.ErrLeaseLost)
	}
	if f.Notification != nil {
		row.told, row.incident = f.Notification.FrozenAt, "" // a digest goes on with nothing
		if err := t.supersede(ctx, f.Group); err != nil {
			return err
		}
	}
	f.Tally, f.Inside = nil, true // the digest counts it, and says which it lists
	if err := t.settleMembers(ctx, f); err != nil {
		return err
	}
	return t.release(ctx, f, row)
}

// tally keeps count of alerts that ended and that only the next digest will
// count.
func (t *tx) tally(ctx context.Context, integration string, ended []billwatch.Member) error {
	counts := map[string]int{}
	for _, m := range ended {
		counts[m.Alert.Key.Rule]++
	}
	for _, rule := range slices.Sorted(maps.Keys(counts)) {
		if _, err := t.exec(ctx, `
			INSERT INTO tallies (integration, rule, resolved) VALUES ($1, $2, $3)
			ON CONFLICT (integration, rule) DO UPDATE SET resolved = tallies.resolved + excluded.resolved`,
			integration, rule, counts[rule]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) takeTally(ctx context.Context, f billwatch.StormFlush) error {
	for rule, resolved := range f.Tally {
		if _, err := t.exec(ctx, `UPDATE tallies SET resolved = resolved - $3 WHERE integration = $1 AND rule = $2`,
			f.Digest.Integration, rule, resolved); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `DELETE FROM tallies WHERE integration = $1 AND resolved <= 0`, f.Digest.Integration)
	return err
}
