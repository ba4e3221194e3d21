package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// silenceRetention is how long a silence is kept once it is over.
const silenceRetention = 5 * day

// Silences returns all silences, those that are over for a while yet included,
// the one that ends last first.
func (s *Store) Silences(ctx context.Context) ([]billwatch.Silence, error) {
	var found []billwatch.Silence
	err := s.read(ctx, func(t *tx) (err error) {
		found, err = t.silences(ctx, `ORDER BY ends_at DESC, id`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read silences: %w", err)
	}
	return found, nil
}

// Silence returns the silence of that id; an error that wraps
// billwatch.ErrNoSilence where there is none.
func (s *Store) Silence(ctx context.Context, id string) (billwatch.Silence, error) {
	var found billwatch.Silence
	err := s.read(ctx, func(t *tx) (err error) {
		found, err = t.silence(ctx, id)
		return err
	})
	if err != nil {
		return billwatch.Silence{}, fmt.Errorf("read silence %s: %w", id, err)
	}
	return found, nil
}

// PutSilence stores a new silence, or, where it has an id, changes one as
// Alertmanager does: one that is over, or would match others or begin otherwise,
// is left behind, expired, for a new one. It returns the silence as it is
// stored, with its id. Whether it makes sense is for the caller to check.
func (s *Store) PutSilence(ctx context.Context, wanted billwatch.Silence, now time.Time) (billwatch.Silence, error) {
	fresh := newUUID()
	var kept billwatch.Silence
	err := s.write(ctx, mark, func(t *tx) (err error) {
		kept, err = t.putSilence(ctx, wanted, fresh, now)
		return err
	})
	if err != nil {
		return billwatch.Silence{}, fmt.Errorf("store silence: %w", err)
	}
	return kept, nil
}

// ExpireSilence ends a silence now. One that is over stays as it is.
func (s *Store) ExpireSilence(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, mark, func(t *tx) error {
		old, err := t.lockSilence(ctx, id)
		if err != nil {
			return err
		}
		return t.expireSilence(ctx, old, now)
	})
	if err != nil {
		return fmt.Errorf("expire silence %s: %w", id, err)
	}
	return nil
}

func (t *tx) putSilence(ctx context.Context, wanted billwatch.Silence, fresh string, now time.Time) (billwatch.Silence, error) {
	wanted.UpdatedAt = now
	if wanted.StartsAt.IsZero() {
		wanted.StartsAt = now
	}
	if wanted.ID != "" {
		old, err := t.lockSilence(ctx, wanted.ID)
		if err != nil {
			return wanted, err
		}
		if editable(old, wanted, now) {
			return wanted, t.storeSilence(ctx, wanted)
		}
		if err := t.expireSilence(ctx, old, now); err != nil {
			return wanted, err
		}
	}
	wanted.ID = fresh
	if wanted.StartsAt.Before(now) {
		wanted.StartsAt = now
	}
	return wanted, t.storeSilence(ctx, wanted)
}

// editable says whether a silence may become the other and keep its id: what it
// did so far must remain true of it. Starts are compared by the second, since
// that is what some clients keep of them.
func editable(old, wanted billwatch.Silence, now time.Time) bool {
	if !slices.Equal(old.Matchers, wanted.Matchers) {
		return false
	}
	switch old.State(now) {
	case billwatch.SilenceActive:
		return old.StartsAt.Unix() == wanted.StartsAt.Unix() && !wanted.EndsAt.Before(now)
	case billwatch.SilencePending:
		return !wanted.StartsAt.Before(now)
	}
	return false
}

func (t *tx) expireSilence(ctx context.Context, s billwatch.Silence, now time.Time) error {
	switch s.State(now) {
	case billwatch.SilenceExpired:
		return nil
	case billwatch.SilencePending:
		s.StartsAt = now
	}
	s.EndsAt, s.UpdatedAt = now, now
	return t.storeSilence(ctx, s)
}

// storeSilence writes a silence. Whether it has matched an alert stays as it was.
func (t *tx) storeSilence(ctx context.Context, s billwatch.Silence) error {
	body, err := text(s)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `
		INSERT INTO silences (id, starts_at, ends_at, updated_at, until_resolved, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
			updated_at = excluded.updated_at, until_resolved = excluded.until_resolved, body = excluded.body`,
		s.ID, s.StartsAt, s.EndsAt, s.UpdatedAt, s.UntilResolved, body); err != nil {
		return err
	}
	return t.stir(ctx)
}

// stir says that who is told may have changed, and wakes whoever looks.
func (t *tx) stir(ctx context.Context) error {
	t.woken = true
	_, err := t.exec(ctx, `
		INSERT INTO quiet (one, version) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET version = quiet.version + 1`)
	return err
}

// lockSilence returns a silence that nobody else changes until the transaction
// ends.
func (t *tx) lockSilence(ctx context.Context, id string) (billwatch.Silence, error) {
	if _, err := t.exec(ctx, `UPDATE silences SET id = id WHERE id = $1`, id); err != nil {
		return billwatch.Silence{}, err
	}
	return t.silence(ctx, id)
}

func (t *tx) silence(ctx context.Context, id string) (billwatch.Silence, error) {
	found, err := t.silences(ctx, `WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = billwatch.ErrNoSilence
	}
	if err != nil {
		return billwatch.Silence{}, err
	}
	return found[0], nil
}

// silences reads silences. When they begin and end their columns say, which
// move with the clock.
func (t *tx) silences(ctx context.Context, which string, args ...any) ([]billwatch.Silence, error) {
	var found []billwatch.Silence
	err := t.each(ctx, func(rows *sql.Rows) error {
		var s billwatch.Silence
		var starts, ends, updated time.Time
		err := rows.Scan(document(&s), stamp(&starts), stamp(&ends), stamp(&updated))
		s.StartsAt, s.EndsAt, s.UpdatedAt = starts, ends, updated
		found = append(found, s)
		return err
	}, `SELECT body, starts_at, ends_at, updated_at FROM silences `+which, args...)
	return found, err
}

// quietRow returns the version of what is quiet, and the rules it goes by.
func (t *tx) quietRow(ctx context.Context) (version int64, rules string, err error) {
	err = t.row(ctx, `SELECT version, rules FROM quiet WHERE one = 1`).Scan(&version, &rules)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return version, rules, err
}

// newUUID returns a random UUID, version 4: what Alertmanager's tools take for
// an id.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
