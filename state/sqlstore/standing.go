package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// Firing returns alerts that fire, in the order of their keys: at most limit of
// them, from the one behind after on. The zero key is before all.
func (s *Store) Firing(ctx context.Context, after billwatch.AlertKey, limit int) ([]billwatch.Alert, error) {
	var found []billwatch.Alert
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var alert billwatch.Alert
			err := rows.Scan(document(&alert))
			found = append(found, alert)
			return err
		}, `
			SELECT body FROM alerts WHERE state = 'firing' AND (source, account, rule) > ($1, $2, $3)
			ORDER BY source, account, rule LIMIT $4`,
			after.Account.Source, after.Account.ID, after.Rule, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read firing alerts: %w", err)
	}
	return found, nil
}

// Ended returns moves by which alerts resolved at a moment or later, oldest
// first: at most limit of them, of those at that very moment the ones behind
// after.
func (s *Store) Ended(ctx context.Context, since time.Time, after billwatch.AlertKey, limit int) ([]billwatch.Transition, error) {
	var found []billwatch.Transition
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var move billwatch.Transition
			err := rows.Scan(document(&move))
			found = append(found, move)
			return err
		}, `
			SELECT body FROM transitions WHERE to_state = 'resolved' AND at >= $1 AND (at, source, account, rule) > ($1, $2, $3, $4)
			ORDER BY at, source, account, rule LIMIT $5`,
			since, after.Account.Source, after.Account.ID, after.Rule, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts that ended: %w", err)
	}
	return found, nil
}
