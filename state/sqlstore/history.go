package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/billwatch/billwatch"
)

// History returns the alert of a fingerprint as it stands, or as it stood last,
// and its newest moves, newest first. The alert is zero where none is
// remembered.
func (s *Store) History(ctx context.Context, fingerprint string, limit int) (billwatch.Alert, []billwatch.Transition, error) {
	var alert billwatch.Alert
	var moves []billwatch.Transition
	err := s.read(ctx, func(t *tx) error {
		alert, moves = billwatch.Alert{}, nil
		if err := t.each(ctx, func(rows *sql.Rows) error {
			var m billwatch.Transition
			err := rows.Scan(document(&m))
			moves = append(moves, m)
			return err
		}, `SELECT body FROM transitions WHERE fingerprint = $1 ORDER BY at DESC, source, account, rule LIMIT $2`, fingerprint, limit); err != nil {
			return err
		}
		standing, err := t.standing(ctx, `WHERE fingerprint = $1 ORDER BY source, account, rule`, fingerprint)
		if err == nil && len(standing) == 0 && len(moves) > 0 {
			alert = moves[0].Alert
			k := alert.Key
			standing, err = t.standing(ctx, `WHERE source = $1 AND account = $2 AND rule = $3 AND fingerprint = ''`, k.Account.Source, k.Account.ID, k.Rule)
		}
		if len(standing) > 0 {
			alert = standing[0]
		}
		return err
	})
	if err != nil {
		return billwatch.Alert{}, nil, fmt.Errorf("read the history of alert %s: %w", fingerprint, err)
	}
	return alert, moves, nil
}
