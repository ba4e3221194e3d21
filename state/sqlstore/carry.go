package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// uncarried is how long no living replica must have had the current configuration
// before another one becomes current.
const uncarried = 30 * time.Second

// Carry says that a replica works by the configuration of that hash, or would,
// and returns the hash of the current one: only replicas that have that one judge
// and tell. Another becomes current when it is taken on purpose, as a running
// process does that reads a new one; when it was never seen before; or when no
// replica had the current one for 30 seconds. What is owed to integrations whose
// names are others by it follows them in the same transaction.
func (s *Store) Carry(ctx context.Context, c billwatch.Carry) (string, error) {
	var current string
	err := s.write(ctx, mark, func(t *tx) error {
		var err error
		current, err = t.carry(ctx, c)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("say which configuration %s has: %w", c.Holder, err)
	}
	return current, nil
}

func (t *tx) carry(ctx context.Context, c billwatch.Carry) (string, error) {
	// The row is written first, whatever it holds: one replica at a time decides.
	if _, err := t.exec(ctx, `
		INSERT INTO current_configuration (one, hash, carried_at) VALUES (1, '', 0)
		ON CONFLICT (one) DO UPDATE SET hash = current_configuration.hash`); err != nil {
		return "", err
	}
	fresh, err := t.exec(ctx, `INSERT INTO configurations (hash, seen_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, c.Hash, c.Now)
	if err != nil {
		return "", err
	}
	if _, err := t.exec(ctx, `UPDATE replicas SET config = $2 WHERE holder = $1`, c.Holder, c.Hash); err != nil {
		return "", err
	}
	var current string
	var carried time.Time
	if err := t.row(ctx, `SELECT hash, carried_at FROM current_configuration WHERE one = 1`).Scan(&current, stamp(&carried)); err != nil {
		return "", err
	}
	if current != c.Hash && !c.Take && fresh == 0 && c.Now.Sub(carried) <= uncarried {
		return current, nil
	}
	if current != c.Hash {
		if err := t.move(ctx, c.Integrations, c.Now); err != nil {
			return "", err
		}
	}
	_, err = t.exec(ctx, `UPDATE current_configuration SET hash = $1, carried_at = $2 WHERE one = 1`, c.Hash, c.Now)
	return c.Hash, err
}

// follows refuses a replica whose configuration is not the current one. One that
// never said which it has is believed.
func (t *tx) follows(ctx context.Context, holder string) error {
	var other string
	err := t.row(ctx, `
		SELECT c.hash FROM current_configuration c JOIN replicas r ON r.holder = $1
		WHERE c.one = 1 AND r.config <> '' AND c.hash <> r.config`, holder).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: configuration %s is in force, which %s has not", billwatch.ErrLeaseLost, other, holder)
}
