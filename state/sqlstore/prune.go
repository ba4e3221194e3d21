package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	thinAfter  = 14 * day // older snapshots are thinned to one a day
	mostPruned = 10       // one pass deletes at most one in so many
)

// Prune deletes what is older than the retention, and of snapshots older than
// two weeks all but each day's last. One pass takes at most a tenth of anything,
// so that a clock that jumped ahead does not delete the past. What is owed, and
// an account's last snapshot, is never deleted. Without a retention nothing is
// deleted for its age, and no snapshot is thinned.
func (s *Store) Prune(ctx context.Context, now time.Time, retention time.Duration) error {
	before := time.UnixMicro(0) // nothing is older
	if retention > 0 {
		before = now.Add(-retention)
	}
	for _, p := range []struct {
		what, count, sentence string
		before                time.Time
	}{
		{"transitions", `SELECT count(*) FROM transitions`, `
			DELETE FROM transitions WHERE (source, account, rule, at, from_state, to_state) IN (
				SELECT source, account, rule, at, from_state, to_state FROM transitions WHERE at < $1 ORDER BY at LIMIT $2)`, before},
		{"notifications", `SELECT count(*) FROM notifications`, `
			DELETE FROM notifications WHERE id IN (
				SELECT id FROM notifications WHERE frozen_at < $1 AND status <> 'pending' ORDER BY frozen_at LIMIT $2)`, before},
		{"silences", `SELECT count(*) FROM silences`, `
			DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)`, now.Add(-silenceRetention)},
	} {
		if err := s.pruneTable(ctx, p.count, p.sentence, p.before); err != nil {
			return fmt.Errorf("prune %s: %w", p.what, err)
		}
	}
	if err := s.pruneStorms(ctx); err != nil {
		return fmt.Errorf("prune what digests spoke for: %w", err)
	}
	if err := s.write(ctx, mark, func(t *tx) error { return t.forgetRuleErrors(ctx, now.Add(-24*time.Hour)) }); err != nil {
		return fmt.Errorf("prune rules that fail: %w", err)
	}
	if retention <= 0 {
		return nil
	}
	if err := s.pruneSnapshots(ctx, now, retention); err != nil {
		return fmt.Errorf("prune snapshots: %w", err)
	}
	return nil
}

func (s *Store) pruneTable(ctx context.Context, count, sentence string, before time.Time) error {
	return s.write(ctx, batch, func(t *tx) error {
		var total int
		if err := t.row(ctx, count).Scan(&total); err != nil {
			return err
		}
		_, err := t.exec(ctx, sentence, before, share(total))
		return err
	})
}

// pruneStorms forgets what a digest spoke for that is deleted itself.
func (s *Store) pruneStorms(ctx context.Context) error {
	return s.write(ctx, batch, func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM storms WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.id = storms.id)`)
		return err
	})
}

func share(total int) int { return (total + mostPruned - 1) / mostPruned }

// pruneSnapshots goes account by account, a few hundred in a transaction, so
// that marks and claims get their turn in between.
func (s *Store) pruneSnapshots(ctx context.Context, now time.Time, retention time.Duration) error {
	source, account := "", ""
	for {
		var keys [][2]string
		err := s.read(ctx, func(t *tx) error {
			keys = nil
			return t.each(ctx, func(rows *sql.Rows) error {
				var k [2]string
				err := rows.Scan(&k[0], &k[1])
				keys = append(keys, k)
				return err
			}, `SELECT source, account FROM accounts WHERE (source, account) > ($1, $2) ORDER BY source, account LIMIT 200`, source, account)
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.write(ctx, batch, func(t *tx) error {
			for _, k := range keys {
				if err := t.thin(ctx, k[0], k[1], now, retention); err != nil {
					return fmt.Errorf("of %s/%s: %w", k[0], k[1], err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		source, account = keys[len(keys)-1][0], keys[len(keys)-1][1]
	}
}

func (t *tx) thin(ctx context.Context, source, account string, now time.Time, retention time.Duration) error {
	var total int
	if err := t.row(ctx, `SELECT count(*) FROM snapshots WHERE source = $1 AND account = $2`, source, account).Scan(&total); err != nil {
		return err
	}
	_, err := t.exec(ctx, `
		DELETE FROM snapshots WHERE source = $1 AND account = $2 AND seq IN (
			SELECT s.seq FROM snapshots s
			JOIN snapshots n ON n.source = s.source AND n.account = s.account AND n.seq = (
				SELECT MIN(m.seq) FROM snapshots m WHERE m.source = s.source AND m.account = s.account AND m.seq > s.seq)
			WHERE s.source = $1 AND s.account = $2
				AND (s.seen_at < $3 OR (s.seen_at < $4 AND n.at / $5 = s.at / $5))
			ORDER BY s.seq LIMIT $6)`,
		source, account, now.Add(-retention), now.Add(-thinAfter), day.Microseconds(), share(total))
	return err
}
