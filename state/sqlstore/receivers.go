package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// ReceiverRow is how deliveries to an integration go.
type ReceiverRow struct {
	Integration string
	Pending     int              // notifications that are owed
	OldestAt    time.Time        // when the oldest of them was frozen; zero for none
	DeliveredAt time.Time        // when it last took one; zero for never
	PausedUntil time.Time        // it asked to be left alone; zero where it did not
	Down        *billwatch.Alert // that it does not get its messages; nil where it does
}

// Receivers says how deliveries to these integrations go, in their order.
func (s *Store) Receivers(ctx context.Context, integrations []string) ([]ReceiverRow, error) {
	var found []ReceiverRow
	err := s.read(ctx, func(t *tx) error {
		found = nil
		for _, name := range integrations {
			r, err := t.receiver(ctx, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			found = append(found, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read receivers: %w", err)
	}
	return found, nil
}

func (t *tx) receiver(ctx context.Context, integration string) (ReceiverRow, error) {
	r := ReceiverRow{Integration: integration}
	if err := t.row(ctx, `
		SELECT count(*), COALESCE(MIN(frozen_at), 0), COALESCE((SELECT delivered_at FROM integrations WHERE integration = $1), 0)
		FROM notifications WHERE status = 'pending' AND integration = $1`, integration).
		Scan(&r.Pending, stamp(&r.OldestAt), stamp(&r.DeliveredAt)); err != nil {
		return r, err
	}
	var err error
	if r.PausedUntil, err = t.pausedUntil(ctx, integration); err != nil {
		return r, err
	}
	var down billwatch.Alert
	err = t.row(ctx, `SELECT body FROM alerts WHERE source = '' AND account = $1 AND rule = $2`,
		integration, billwatch.RuleReceiverDown).Scan(document(&down))
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	r.Down = &down
	return r, err
}
