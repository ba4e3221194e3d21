package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// NotificationRow is a notification of the outbox with what became of it.
type NotificationRow struct {
	Notification billwatch.Notification `json:"notification"`
	Status       string                 `json:"status"` // one of the Status constants
	Attempts     int                    `json:"attempts"`
	NextAt       time.Time              `json:"next_at,omitzero"` // of a pending one
	Sending      bool                   `json:"sending"`          // a replica is at it
	Ambiguous    bool                   `json:"ambiguous"`        // it may have arrived without our knowing
	Receipt      billwatch.Receipt      `json:"receipt"`
	Error        string                 `json:"error,omitempty"` // of the last attempt
	Took         time.Duration          `json:"took"`
}

// Notifications returns the newest notifications, newest first.
func (s *Store) Notifications(ctx context.Context, limit int) ([]NotificationRow, error) {
	var found []NotificationRow
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			r, err := scanNotification(rows)
			found = append(found, r)
			return err
		}, `
			SELECT body, status, attempts, next_at, claim, ambiguous, receipt, error, took
			FROM notifications ORDER BY frozen_at DESC, seq DESC, id LIMIT $1`, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	return found, nil
}

func scanNotification(rows *sql.Rows) (NotificationRow, error) {
	var r NotificationRow
	var claim string
	var took int64
	var ambiguous int
	err := rows.Scan(document(&r.Notification), &r.Status, &r.Attempts, stamp(&r.NextAt), &claim, &ambiguous,
		document(&r.Receipt), &r.Error, &took)
	r.Took = time.Duration(took) * time.Microsecond
	r.Sending = r.Status == StatusPending && claim != ""
	r.Ambiguous = r.Status == StatusPending && ambiguous > 0
	if r.Status != StatusPending {
		r.NextAt = time.Time{}
	}
	return r, err
}

// Transitions returns the newest moves of an account's alerts, newest first.
func (s *Store) Transitions(ctx context.Context, k billwatch.AccountKey, limit int) ([]billwatch.Transition, error) {
	var found []billwatch.Transition
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var tr billwatch.Transition
			err := rows.Scan(document(&tr))
			found = append(found, tr)
			return err
		}, `SELECT body FROM transitions WHERE source = $1 AND account = $2 ORDER BY at DESC, rule LIMIT $3`, k.Source, k.ID, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read transitions of %s: %w", k, err)
	}
	return found, nil
}

// Snapshots returns an account's snapshots since a moment, oldest first: each as
// of when it first looked so.
func (s *Store) Snapshots(ctx context.Context, k billwatch.AccountKey, since time.Time) ([]billwatch.Snapshot, error) {
	var found []billwatch.Snapshot
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var at time.Time
			var snap billwatch.Snapshot
			err := rows.Scan(stamp(&at), document(&snap))
			snap.At = at
			found = append(found, snap)
			return err
		}, `SELECT at, body FROM snapshots WHERE source = $1 AND account = $2 AND seen_at >= $3 ORDER BY seq`, k.Source, k.ID, since)
	})
	if err != nil {
		return nil, fmt.Errorf("read snapshots of %s: %w", k, err)
	}
	return found, nil
}

// Seen is a snapshot, and until when the account looked so.
type Seen struct {
	Snapshot billwatch.Snapshot // its At is when it first looked so
	SeenAt   time.Time
}

// Seen returns an account's snapshots since a moment, oldest first.
func (s *Store) Seen(ctx context.Context, k billwatch.AccountKey, since time.Time) ([]Seen, error) {
	var found []Seen
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var seen Seen
			var at time.Time
			err := rows.Scan(stamp(&at), stamp(&seen.SeenAt), document(&seen.Snapshot))
			seen.Snapshot.At = at
			found = append(found, seen)
			return err
		}, `SELECT at, seen_at, body FROM snapshots WHERE source = $1 AND account = $2 AND seen_at >= $3 ORDER BY seq`, k.Source, k.ID, since)
	})
	if err != nil {
		return nil, fmt.Errorf("read snapshots of %s: %w", k, err)
	}
	return found, nil
}

// Counts is how much of everything there is.
type Counts struct {
	Accounts  int `json:"accounts"` // those that are not gone
	Gone      int `json:"gone"`
	Pending   int `json:"pending"` // alerts
	Firing    int `json:"firing"`
	Groups    int `json:"groups"`
	Flushing  int `json:"flushing"` // groups that are being looked at
	Owed      int `json:"owed"`     // notifications neither delivered nor given up
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`
}

// Counts counts what there is.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.read(ctx, func(t *tx) error {
		return t.row(ctx, `SELECT
			(SELECT count(*) FROM accounts WHERE gone = 0), (SELECT count(*) FROM accounts WHERE gone = 1),
			(SELECT count(*) FROM alerts WHERE state = 'pending'), (SELECT count(*) FROM alerts WHERE state = 'firing'),
			(SELECT count(*) FROM alert_groups), (SELECT count(*) FROM alert_groups WHERE claim <> ''),
			(SELECT count(*) FROM notifications WHERE status = 'pending'),
			(SELECT count(*) FROM notifications WHERE status = 'delivered'),
			(SELECT count(*) FROM notifications WHERE status = 'failed')`).
			Scan(&c.Accounts, &c.Gone, &c.Pending, &c.Firing, &c.Groups, &c.Flushing, &c.Owed, &c.Delivered, &c.Failed)
	})
	if err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	return c, nil
}
