package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// unlikely is how far in the future a slot may have been claimed before it is
// taken for one of a clock that has since gone back.
const unlikely = time.Minute

// Renew says that the replica lives until a moment. The leases of all sources
// that it holds last as long.
func (s *Store) Renew(ctx context.Context, holder string, now, until time.Time) error {
	return s.write(ctx, mark, func(t *tx) error {
		_, err := t.exec(ctx, `
			INSERT INTO replicas (holder, expires_at) VALUES ($1, $2)
			ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at`, holder, until)
		if err != nil {
			return fmt.Errorf("renew the lease of %s: %w", holder, err)
		}
		// A row is of no use once its holder is long gone; names are never reused.
		if _, err := t.exec(ctx, `DELETE FROM replicas WHERE ABS(expires_at) < $1`, now.Add(-24*time.Hour)); err != nil {
			return fmt.Errorf("forget replicas that are gone: %w", err)
		}
		return nil
	})
}

// Resign gives up all that the replica holds, so that others need not wait. The
// slot of a round that it did not end is free again: the next may be a day off.
// What that round asked for must have been stored.
func (s *Store) Resign(ctx context.Context, holder string) error {
	return s.write(ctx, mark, func(t *tx) error {
		t.woken = true
		if _, err := t.exec(ctx, `DELETE FROM replicas WHERE holder = $1`, holder); err != nil {
			return fmt.Errorf("resign %s: %w", holder, err)
		}
		if _, err := t.exec(ctx, `
			UPDATE sources SET last_slot = -1, claimed_at = round_at WHERE holder = $1 AND round_at < claimed_at`, holder); err != nil {
			return fmt.Errorf("free the slots of %s: %w", holder, err)
		}
		return nil
	})
}

// ClaimSlot takes a source's time slot when it is newer than the last that was
// polled and no living replica but the claimer holds the source. A new holder
// raises the epoch, and with it refuses whatever the last one still writes.
func (s *Store) ClaimSlot(ctx context.Context, c billwatch.SlotClaim) (billwatch.Slot, error) {
	var slot billwatch.Slot
	claim := c.Holder + " " + rand.Text()
	err := s.write(ctx, mark, func(t *tx) error {
		var err error
		slot, err = t.claimSlot(ctx, c, claim)
		return err
	})
	if err != nil {
		return billwatch.Slot{}, fmt.Errorf("claim slot %d of %s: %w", c.Slot, c.Source, err)
	}
	return slot, nil
}

// claimSlot grants the same claim twice: the first answer got lost.
func (t *tx) claimSlot(ctx context.Context, c billwatch.SlotClaim, claim string) (billwatch.Slot, error) {
	slot := billwatch.Slot{Lease: billwatch.Lease{Source: c.Source, Holder: c.Holder, Slot: c.Slot}}
	lease := &slot.Lease
	var err error
	if lease.Until, err = t.lives(ctx, c.Holder, c.Now); err != nil {
		return slot, err
	}
	brokenOff, err := t.brokenOff(ctx, c.Source, c.Holder, c.Now)
	if err != nil {
		return slot, err
	}
	err = t.row(ctx, `
		INSERT INTO sources (source, holder, epoch, last_slot, claimed_at, claim, requests, watched_at) VALUES ($1, $2, 1, $3, $4, $6, '[]', $4)
		ON CONFLICT (source) DO UPDATE SET
			epoch = CASE WHEN sources.holder = excluded.holder THEN sources.epoch ELSE sources.epoch + 1 END,
			holder = excluded.holder, last_slot = excluded.last_slot,
			claimed_at = excluded.claimed_at, claim = excluded.claim, broken_at = 0
		WHERE (sources.last_slot < excluded.last_slot OR sources.claimed_at > $5 OR sources.claim = excluded.claim)
			AND (sources.holder = excluded.holder OR NOT EXISTS (
				SELECT 1 FROM replicas WHERE replicas.holder = sources.holder AND replicas.expires_at > $4))
		RETURNING epoch, requests, paused_until, empty_listings`,
		c.Source, c.Holder, c.Slot, c.Now, c.Now.Add(unlikely), claim).
		Scan(&lease.Epoch, document(&slot.Requests), stamp(&slot.PausedUntil), &slot.EmptyListings)
	if errors.Is(err, sql.ErrNoRows) {
		return billwatch.Slot{}, nil
	}
	slot.Taken, slot.BrokenOff = err == nil, brokenOff
	for i, at := range slot.Requests {
		if at.After(c.Now) { // asked before the clock went back
			slot.Requests[i] = c.Now
		}
	}
	return slot, err
}

// brokenOff returns until when at most another replica went on with a round that
// it never ended: it may have asked for more than it lived to store. It is zero
// where the last round ended. Whoever took the source over to watch it kept that
// for the first who polls it.
func (t *tx) brokenOff(ctx context.Context, source, holder string, now time.Time) (time.Time, error) {
	var lived sql.NullInt64
	var kept time.Time
	var other int
	err := t.row(ctx, `
		SELECT replicas.expires_at, broken_at, CASE WHEN sources.holder <> $2 AND round_at < claimed_at THEN 1 ELSE 0 END
		FROM sources LEFT JOIN replicas ON replicas.holder = sources.holder
		WHERE source = $1`, source, holder).Scan(&lived, stamp(&kept), &other)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil || other == 0 {
		return kept, err
	}
	until := moment(max(lived.Int64, -lived.Int64)) // that of a dead one is stored as negative
	if !lived.Valid || until.After(now) {
		until = now
	}
	return until, nil
}

// lives returns until when a replica lives, whose configuration must be current.
func (t *tx) lives(ctx context.Context, holder string, now time.Time) (time.Time, error) {
	var until time.Time
	err := t.row(ctx, `SELECT expires_at FROM replicas WHERE holder = $1 AND expires_at > $2`, holder, now).Scan(stamp(&until))
	if errors.Is(err, sql.ErrNoRows) {
		return until, fmt.Errorf("%w: %s must be renewed first", billwatch.ErrLeaseLost, holder)
	}
	if err != nil {
		return until, err
	}
	return until, t.follows(ctx, holder)
}

// hold refuses a write whose lease has passed to another replica, and keeps it
// from passing until the transaction ends. A batch about no source has none.
func (t *tx) hold(ctx context.Context, l billwatch.Lease, requests []time.Time) error {
	if l.Source == "" {
		return nil
	}
	asked := ""
	if requests != nil {
		var err error
		if asked, err = text(requests); err != nil {
			return err
		}
	}
	n, err := t.exec(ctx, `
		UPDATE sources SET requests = CASE WHEN CAST($4 AS TEXT) = '' THEN requests ELSE CAST($4 AS TEXT) END
		WHERE source = $1 AND holder = $2 AND epoch = $3`, l.Source, l.Holder, l.Epoch, asked)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: another replica polls %s", billwatch.ErrLeaseLost, l.Source)
	}
	return t.follows(ctx, l.Holder)
}
