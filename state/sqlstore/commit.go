package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Commit stores what a round learned of some accounts: all of it or nothing. It
// returns ErrLeaseLost where another replica has taken the source over.
func (s *Store) Commit(ctx context.Context, b billwatch.Batch) error {
	err := s.write(ctx, batch, func(t *tx) error {
		if err := t.hold(ctx, b.Lease, b.Requests); err != nil {
			return err
		}
		if err := t.rest(ctx, b); err != nil {
			return err
		}
		good := false
		for _, p := range b.Polls {
			if err := t.poll(ctx, p); err != nil {
				return fmt.Errorf("account %s: %w", p.Account.ID, err)
			}
			good = good || p.Snapshot != nil
		}
		if good {
			if err := t.works(ctx, b.Lease.Source, b.Now); err != nil {
				return err
			}
		}
		if err := t.ruleErrors(ctx, b); err != nil {
			return err
		}
		if err := t.changes(ctx, b); err != nil {
			return err
		}
		return t.dropAccounts(ctx, b.Lease.Source, b.Forget)
	})
	if err != nil {
		return fmt.Errorf("commit %d accounts of %s: %w", len(b.Polls), b.Lease.Source, err)
	}
	return nil
}

// rest stores a pause that a provider asked for while its round goes on. Nothing
// but the round's end ends one that is longer.
func (t *tx) rest(ctx context.Context, b billwatch.Batch) error {
	if b.PausedUntil.IsZero() {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE sources SET paused_until = $2 WHERE source = $1 AND paused_until < $2`, b.Lease.Source, b.PausedUntil)
	return err
}

// changes stores alerts, transitions and who is owed news of them. A transition
// that is already there came with a commit whose answer got lost: what it made
// due was made due then.
func (t *tx) changes(ctx context.Context, b billwatch.Batch) error {
	for _, a := range b.Alerts {
		if err := t.alert(ctx, a); err != nil {
			return fmt.Errorf("alert %s of %s: %w", a.Key.Rule, a.Key.Account, err)
		}
	}
	done := map[billwatch.AlertKey]bool{}
	for _, tr := range b.Transitions {
		fresh, err := t.transition(ctx, tr)
		if err != nil {
			return fmt.Errorf("transition of %s of %s: %w", tr.Alert.Key.Rule, tr.Alert.Key.Account, err)
		}
		done[tr.Alert.Key] = !fresh
	}
	for _, d := range b.Due {
		if done[d.Alert.Key] {
			continue
		}
		if err := t.owe(ctx, d, b.Now); err != nil {
			return fmt.Errorf("group %s of %s: %w", d.Key, d.Integration, err)
		}
	}
	for _, tr := range b.Transitions {
		if done[tr.Alert.Key] {
			continue
		}
		if err := t.elsewhere(ctx, tr.Alert, b); err != nil {
			return fmt.Errorf("groups that %s of %s was in: %w", tr.Alert.Key.Rule, tr.Alert.Key.Account, err)
		}
	}
	return nil
}

// snapshot adds a row where something but the time changed, else moves the last
// row's seen_at; it returns the last row's number.
func (t *tx) snapshot(ctx context.Context, snap billwatch.Snapshot, was stored) (int64, error) {
	key, at := snap.Account.Key(), snap.At
	snap.At = time.Time{}
	body, err := text(snap)
	if err != nil {
		return 0, err
	}
	if was.seq > 0 && was.snapshot.Valid && was.snapshot.String == body {
		_, err := t.exec(ctx, `UPDATE snapshots SET seen_at = $4 WHERE source = $1 AND account = $2 AND seq = $3`,
			key.Source, key.ID, was.seq, at)
		return was.seq, err
	}
	_, err = t.exec(ctx, `INSERT INTO snapshots (source, account, seq, at, seen_at, body) VALUES ($1, $2, $3, $4, $4, $5)`,
		key.Source, key.ID, was.seq+1, at, body)
	return was.seq + 1, err
}

// records merges new balance records into the stored ones and returns the start
// of the newest.
func (t *tx) records(ctx context.Context, p billwatch.Poll) (time.Time, error) {
	k := p.Account.Key()
	var body string
	err := t.row(ctx, `SELECT body FROM records WHERE source = $1 AND account = $2`, k.Source, k.ID).Scan(&body)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, err
	}
	old, err := decodeRecords(body)
	if err != nil {
		return time.Time{}, err
	}
	if !p.RecordsFrom.IsZero() {
		old = slices.DeleteFunc(old, func(r billwatch.Record) bool { return !r.Period.Before(p.RecordsFrom) })
	}
	merged := mergeRecords(old, p.Records)
	_, err = t.exec(ctx, `
		INSERT INTO records (source, account, body) VALUES ($1, $2, $3)
		ON CONFLICT (source, account) DO UPDATE SET body = excluded.body`, k.Source, k.ID, encodeRecords(merged))
	if err != nil || len(merged) == 0 {
		return time.Time{}, err
	}
	return merged[len(merged)-1].Period, nil
}

func (t *tx) alert(ctx context.Context, a billwatch.Alert) error {
	k := a.Key
	if err := t.stirs(ctx, a); err != nil {
		return err
	}
	if a.State != billwatch.Pending && a.State != billwatch.Firing {
		_, err := t.exec(ctx, `DELETE FROM alerts WHERE source = $1 AND account = $2 AND rule = $3`, k.Account.Source, k.Account.ID, k.Rule)
		return err
	}
	body, err := text(a)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO alerts (source, account, rule, state, fingerprint, starts_at, body, inhibits) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (source, account, rule) DO UPDATE SET state = excluded.state, fingerprint = excluded.fingerprint,
			starts_at = excluded.starts_at, body = excluded.body, inhibits = excluded.inhibits`,
		k.Account.Source, k.Account.ID, k.Rule, string(a.State), a.Fingerprint, a.StartsAt, body, inhibits(a))
	return err
}

// transition adds to an alert's history and says whether it was new there.
func (t *tx) transition(ctx context.Context, tr billwatch.Transition) (bool, error) {
	body, err := text(tr)
	if err != nil {
		return false, err
	}
	k := tr.Alert.Key
	n, err := t.exec(ctx, `
		INSERT INTO transitions (source, account, rule, at, from_state, to_state, body, fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT DO NOTHING`,
		k.Account.Source, k.Account.ID, k.Rule, tr.At, string(tr.From), string(tr.To), body, cmp.Or(tr.Alert.Fingerprint, tr.Alert.Labels.Fingerprint()))
	return n > 0, err
}
