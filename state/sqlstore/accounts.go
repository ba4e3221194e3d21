package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// Accounts returns what is remembered of a source's accounts, by id.
func (s *Store) Accounts(ctx context.Context, source string) ([]billwatch.Remembered, error) {
	var accounts []billwatch.Remembered
	err := s.read(ctx, func(t *tx) error {
		accounts = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			r, err := scanRemembered(rows)
			accounts = append(accounts, r)
			return err
		}, `
			SELECT a.body, a.missing, a.gone, a.excluded, a.forget, a.history_through, a.history_asked, s.at, s.seen_at, s.body,
				(SELECT count(*) FROM alerts l WHERE l.source = a.source AND l.account = a.account)
			FROM accounts a LEFT JOIN snapshots s ON s.source = a.source AND s.account = a.account AND s.seq = a.last_seq
			WHERE a.source = $1 ORDER BY a.account`, source)
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts of %s: %w", source, err)
	}
	return accounts, nil
}

func scanRemembered(rows *sql.Rows) (billwatch.Remembered, error) {
	var r billwatch.Remembered
	var changed, seen sql.NullInt64
	var gone, excluded, forget, standing int
	err := rows.Scan(document(&r.Account), &r.Missing, &gone, &excluded, &forget, stamp(&r.HistoryThrough), stamp(&r.HistoryAsked),
		&changed, &seen, document(&r.Last), &standing)
	r.Gone, r.Excluded, r.Urgent, r.Forgotten = gone != 0, excluded != 0, standing > 0, forget == forgotten
	if r.Last != nil {
		r.Last.At, r.Changed = moment(seen.Int64), moment(changed.Int64)
	}
	return r, err
}

// Named returns a source's accounts as they were named last, by id.
func (s *Store) Named(ctx context.Context, source string) ([]billwatch.Account, error) {
	var accounts []billwatch.Account
	err := s.read(ctx, func(t *tx) error {
		accounts = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var a billwatch.Account
			err := rows.Scan(document(&a))
			accounts = append(accounts, a)
			return err
		}, `SELECT body FROM accounts WHERE source = $1 ORDER BY account`, source)
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts of %s: %w", source, err)
	}
	return accounts, nil
}

// LastTwo returns what an account's last two good polls read, nil where there
// was none: of a poll that read the same as the one before it, that twice.
func (s *Store) LastTwo(ctx context.Context, k billwatch.AccountKey) (last, before *billwatch.Snapshot, err error) {
	err = s.read(ctx, func(t *tx) error {
		last, before = nil, nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var snapshot billwatch.Snapshot
			var at, seen time.Time
			if err := rows.Scan(stamp(&at), stamp(&seen), document(&snapshot)); err != nil {
				return err
			}
			snapshot.At = seen
			switch {
			case last == nil:
				last = &snapshot
				if at.Before(seen) {
					same := snapshot
					before = &same
				}
			case before == nil:
				before = &snapshot
			}
			return nil
		}, `SELECT at, seen_at, body FROM snapshots WHERE source = $1 AND account = $2 ORDER BY seq DESC LIMIT 2`, k.Source, k.ID)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read snapshots of %s: %w", k, err)
	}
	return last, before, nil
}

// Know returns what is known of some of a source's accounts. An account that
// was never polled has an entry without content.
func (s *Store) Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error) {
	var known map[string]billwatch.Knowledge
	err := s.read(ctx, func(t *tx) error {
		known = make(map[string]billwatch.Knowledge, len(ids))
		for _, id := range ids {
			k, err := t.know(ctx, source, id)
			if err != nil {
				return fmt.Errorf("account %s: %w", id, err)
			}
			known[id] = k
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is known of %s: %w", source, err)
	}
	return known, nil
}

func (t *tx) know(ctx context.Context, source, id string) (billwatch.Knowledge, error) {
	var k billwatch.Knowledge
	var seen sql.NullInt64
	var records sql.NullString
	var forget, standing, failing int
	err := t.row(ctx, `
		SELECT s.seen_at, s.body, r.body, a.forget,
			(SELECT count(*) FROM alerts l WHERE l.source = a.source AND l.account = a.account),
			(SELECT count(*) FROM rule_errors e WHERE e.source = a.source AND e.account = a.account)
		FROM accounts a
		LEFT JOIN snapshots s ON s.source = a.source AND s.account = a.account AND s.seq = a.last_seq
		LEFT JOIN records r ON r.source = a.source AND r.account = a.account
		WHERE a.source = $1 AND a.account = $2`, source, id).Scan(&seen, document(&k.Previous), &records, &forget, &standing, &failing)
	if errors.Is(err, sql.ErrNoRows) {
		standing, err = 1, nil // a built-in rule may stand on what is no account
	}
	if err != nil {
		return k, err
	}
	k.Forgotten = forget == forgotten
	if k.Previous != nil {
		k.Previous.At = moment(seen.Int64)
	}
	if k.Records, err = decodeRecords(records.String); err != nil {
		return k, err
	}
	k.Records = newest(k.Records, recordsTold)
	if failing > 0 {
		if k.Failing, err = t.failing(ctx, source, id); err != nil {
			return k, err
		}
	}
	if standing > 0 {
		k.Alerts, err = t.standing(ctx, `WHERE source = $1 AND account = $2 ORDER BY rule`, source, id)
	}
	return k, err
}

// standing reads pending and firing alerts.
func (t *tx) standing(ctx context.Context, where string, args ...any) ([]billwatch.Alert, error) {
	var alerts []billwatch.Alert
	err := t.each(ctx, func(rows *sql.Rows) error {
		var a billwatch.Alert
		err := rows.Scan(document(&a))
		alerts = append(alerts, a)
		return err
	}, `SELECT body FROM alerts `+where, args...)
	return alerts, err
}

// Alerts returns every alert that is pending or fires, by account and rule.
func (s *Store) Alerts(ctx context.Context) ([]billwatch.Alert, error) {
	var alerts []billwatch.Alert
	err := s.read(ctx, func(t *tx) error {
		var err error
		alerts, err = t.standing(ctx, `ORDER BY source, account, rule`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return alerts, nil
}
