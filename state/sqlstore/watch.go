package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// Watch gives the lease of a source without a time slot: to its holder, whose
// epoch stays, or to a living replica where the holder lives no more. Every
// other claimer is refused. What a source was last polled for stays as it is.
func (s *Store) Watch(ctx context.Context, c billwatch.WatchClaim) (billwatch.Watch, error) {
	var watch billwatch.Watch
	err := s.write(ctx, mark, func(t *tx) error {
		var err error
		watch, err = t.watch(ctx, c)
		return err
	})
	if err != nil {
		return billwatch.Watch{}, fmt.Errorf("watch %s: %w", c.Source, err)
	}
	return watch, nil
}

// watch says the same twice: the first answer got lost. A source that nobody
// watched for a while is watched anew, for the new holder has seen nothing yet;
// one whose holder was there all along is not, whatever held it up.
func (t *tx) watch(ctx context.Context, c billwatch.WatchClaim) (billwatch.Watch, error) {
	w := billwatch.Watch{Lease: billwatch.Lease{Source: c.Source, Holder: c.Holder}}
	var err error
	if w.Lease.Until, err = t.lives(ctx, c.Holder, c.Now); err != nil {
		return w, err
	}
	broken, err := t.brokenOff(ctx, c.Source, c.Holder, c.Now)
	if err != nil {
		return w, err
	}
	var claimed, round, good, read time.Time
	var down int
	err = t.row(ctx, `
		INSERT INTO sources (source, holder, epoch, last_slot, claimed_at, claim, requests, watched_at, tick_at, down, broken_at)
		VALUES ($1, $2, 1, -1, 0, '', '[]', $3, $3, $5, $6)
		ON CONFLICT (source) DO UPDATE SET
			epoch = CASE WHEN sources.holder = excluded.holder THEN sources.epoch ELSE sources.epoch + 1 END,
			watched_at = CASE WHEN sources.watched_at = 0 OR sources.holder <> excluded.holder AND sources.tick_at < $4
				THEN excluded.watched_at ELSE sources.watched_at END,
			holder = excluded.holder, tick_at = excluded.tick_at,
			down = CASE WHEN excluded.down = 1 THEN 1 ELSE sources.down END, broken_at = excluded.broken_at
		WHERE sources.holder = excluded.holder OR NOT EXISTS (
			SELECT 1 FROM replicas WHERE replicas.holder = sources.holder AND replicas.expires_at > $3)
		RETURNING epoch, last_slot, claimed_at, round_at, good_at, read_at, watched_at, failing_at, back_at, down,
			error, error_kind, error_endpoint, error_status`,
		c.Source, c.Holder, c.Now, c.Now.Add(-c.Gap), c.Down, broken).
		Scan(&w.Lease.Epoch, &w.Lease.Slot, stamp(&claimed), stamp(&round), stamp(&good), stamp(&read), stamp(&w.Sight.Since),
			stamp(&w.Sight.Failing), stamp(&w.Sight.Back), &down, &w.Sight.Failure.Message, &w.Sight.Failure.Kind,
			&w.Sight.Failure.Endpoint, &w.Sight.Failure.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return billwatch.Watch{}, nil
	}
	if err != nil {
		return w, err
	}
	w.Held, w.Sight.Down, w.Sight.Good = true, down != 0, latest(good, read)
	switch {
	case claimed.After(round):
		w.Sight.Polling = claimed
	case !claimed.IsZero():
		w.Sight.Took = round.Sub(claimed)
	}
	if err := t.row(ctx, `SELECT count(*) FROM accounts WHERE source = $1 AND gone = 0 AND excluded = 0`, c.Source).
		Scan(&w.Sight.Accounts); err != nil {
		return w, err
	}
	w.Sight.Alerts, err = t.standing(ctx, `WHERE source = $1 AND account = '' ORDER BY rule`, c.Source)
	return w, err
}

// Sights returns the accounts of a source whose AccountGone or AccountStale
// does not say what is so: one query, which leaves out all others.
func (s *Store) Sights(ctx context.Context, c billwatch.SightClaim) ([]billwatch.AccountSight, error) {
	var found []billwatch.AccountSight
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			sight, err := scanSight(rows)
			found = append(found, sight)
			return err
		}, `
			WITH seen AS (
				SELECT a.*, COALESCE(s.seen_at, 0) + CASE WHEN s.seen_at IS NULL THEN 0 ELSE a.read_skew END AS good_at, s.body AS last,
					g.body AS gone_alert, l.body AS stale_alert,
					CASE WHEN a.excluded = 0 AND a.forget < 2 AND (a.gone = 1 OR a.deleted_at <> 0) THEN 1 ELSE 0 END AS is_gone
				FROM accounts a
				LEFT JOIN snapshots s ON s.source = a.source AND s.account = a.account AND s.seq = a.last_seq
				LEFT JOIN alerts g ON g.source = a.source AND g.account = a.account AND g.rule = $2
				LEFT JOIN alerts l ON l.source = a.source AND l.account = a.account AND l.rule = $3
				WHERE a.source = $1
			)
			SELECT body, last, good_at, watched_at, missing, gone, deleted_at, error, error_kind, error_endpoint, error_status,
				gone_alert, stale_alert
			FROM seen
			WHERE is_gone * CAST($4 AS INTEGER) <> CASE WHEN gone_alert IS NULL THEN 0 ELSE 1 END
				OR CAST($5 AS BIGINT) <> 0 AND is_gone = 0 AND (
					stale_alert IS NULL AND excluded = 0 AND forget < 2 AND missing = 0 AND good_at <= $5 AND watched_at <= $5
					OR stale_alert IS NOT NULL AND good_at > $5)
				OR CAST($6 AS INTEGER) = 1 AND (gone_alert IS NOT NULL OR stale_alert IS NOT NULL)
			ORDER BY account`,
			c.Source, billwatch.RuleAccountGone, billwatch.RuleAccountStale, c.Gone, c.StaleBefore, c.Standing)
	})
	if err != nil {
		return nil, fmt.Errorf("look for accounts of %s that cannot be seen: %w", c.Source, err)
	}
	return found, nil
}

func scanSight(rows *sql.Rows) (billwatch.AccountSight, error) {
	var s billwatch.AccountSight
	var gone int
	var alerts [2]*billwatch.Alert
	err := rows.Scan(document(&s.Account), document(&s.Last), stamp(&s.Good), stamp(&s.Since), &s.Missing, &gone, stamp(&s.Deleted),
		&s.Failure.Message, &s.Failure.Kind, &s.Failure.Endpoint, &s.Failure.Status, document(&alerts[0]), document(&alerts[1]))
	s.Gone = gone != 0
	if s.Last != nil {
		s.Last.At = s.Good
	}
	for _, a := range alerts {
		if a != nil {
			s.Alerts = append(s.Alerts, *a)
		}
	}
	return s, err
}
