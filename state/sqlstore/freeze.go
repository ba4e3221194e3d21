package sqlstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Statuses of a row of the outbox.
const (
	StatusPending    = billwatch.OutboxPending
	StatusDelivered  = billwatch.OutboxDelivered
	StatusFailed     = billwatch.OutboxFailed
	StatusSuperseded = billwatch.OutboxSuperseded
	StatusDropped    = billwatch.OutboxDropped
)

// Freeze stores what looking at claimed groups came to, all of it or nothing.
// It returns ErrLeaseLost where a claim ran out and another replica looks.
func (s *Store) Freeze(ctx context.Context, flushes []billwatch.Flush) error {
	err := s.write(ctx, mark, func(t *tx) error {
		for _, f := range flushes {
			if err := t.freeze(ctx, f); err != nil {
				return fmt.Errorf("group %s of %s: %w", f.Group.Key, f.Group.Integration, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

// timer is a claimed group's row while it is frozen.
type timer struct {
	claim    string
	wanted   time.Time // when a change that came meanwhile wants it
	told     time.Time
	interval int64 // microseconds
	incident string
}

func (t *tx) freeze(ctx context.Context, f billwatch.Flush) error {
	g := f.Group
	row, err := t.holdGroup(ctx, g)
	if err != nil {
		return err
	}
	if row.claim != g.Claim {
		return t.unclaimed(ctx, f, row)
	}
	if late, err := t.overtaken(ctx, f); err != nil || late {
		if err != nil {
			return err
		}
		return t.lookAgain(ctx, f)
	}
	if f.Notification != nil {
		row.told, row.incident = f.Notification.FrozenAt, f.Notification.Incident
		if err := t.enqueue(ctx, f); err != nil {
			return err
		}
	}
	if err := t.settleMembers(ctx, f); err != nil {
		return err
	}
	return t.release(ctx, f, row)
}

// holdGroup reads a group's row; that of a group that is not there has no claim.
// The update changes nothing; it keeps commits from changing the group until the
// transaction ends.
func (t *tx) holdGroup(ctx context.Context, g billwatch.Group) (timer, error) {
	var row timer
	err := t.row(ctx, `
		UPDATE alert_groups SET claim = claim WHERE integration = $1 AND group_key = $2
		RETURNING claim, wanted_at, told_at, group_interval, incident`,
		g.Integration, g.Key).Scan(&row.claim, stamp(&row.wanted), stamp(&row.told), &row.interval, &row.incident)
	if errors.Is(err, sql.ErrNoRows) {
		return timer{}, nil
	}
	return row, err
}

// unclaimed decides about a flush whose claim is no longer there: it is the
// repetition of a commit whose answer got lost, or another replica took over.
func (t *tx) unclaimed(ctx context.Context, f billwatch.Flush, row timer) error {
	if f.Notification == nil && row.claim == "" {
		return nil
	}
	if f.Notification != nil {
		var n int
		err := t.row(ctx, `SELECT count(*) FROM notifications WHERE id = $1 AND integration = $2 AND group_key = $3`,
			f.Notification.ID, f.Group.Integration, f.Group.Key).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
	}
	return fmt.Errorf("%w: the group is no longer claimed by this replica", billwatch.ErrLeaseLost)
}

// enqueue puts the notification into the outbox, behind every other of its
// group, and takes out those that it supersedes.
func (t *tx) enqueue(ctx context.Context, f billwatch.Flush) error {
	n := f.Notification
	if err := t.supersede(ctx, f.Group); err != nil {
		return err
	}
	body, err := text(n)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO notifications (id, seq, integration, group_key, status, body, frozen_at, first_at, next_at, chart)
		SELECT $1, CASE WHEN last.seq >= $6 THEN last.seq + 1 ELSE $6 END, $2, $3, 'pending', $4, $5, $5, $5, $7
		FROM (SELECT COALESCE(MAX(seq), 0) AS seq FROM notifications
			WHERE status = 'pending' AND integration = $2 AND group_key IN ($3, '`+billwatch.StormKey+`')) AS last`,
		n.ID, f.Group.Integration, f.Group.Key, body, n.FrozenAt, micros(n.FrozenAt),
		base64.StdEncoding.EncodeToString(n.Chart))
	return err
}

// supersede takes out what waits of a group: the news has it all.
func (t *tx) supersede(ctx context.Context, g billwatch.Group) error {
	for _, waiting := range g.Waiting {
		if _, err := t.exec(ctx, `UPDATE notifications SET status = 'superseded', chart = '' WHERE id = $1 AND status = 'pending' AND ambiguous = 0`,
			waiting.ID); err != nil {
			return err
		}
	}
	return nil
}

// settleMembers notes who was told of what, and lets go those that were told as
// resolved. One that changed meanwhile stays, and counts as not told where what
// was told is that it had resolved.
func (t *tx) settleMembers(ctx context.Context, f billwatch.Flush) error {
	g := f.Group
	if f.Notification != nil {
		if err := t.told(ctx, f); err != nil {
			return err
		}
	}
	if err := t.tally(ctx, g.Integration, f.Tally); err != nil {
		return err
	}
	if err := t.marks(ctx, f); err != nil {
		return err
	}
	return t.leave(ctx, g, f.Drop)
}

// leave lets members go that are still as they were looked at, many in one
// sentence: a group may have thousands, and one that took too long would be told
// of nothing for ever. The others count as not told.
func (t *tx) leave(ctx context.Context, g billwatch.Group, gone []billwatch.Member) error {
	same := map[int64][]any{} // by their version
	for _, m := range gone {
		same[m.Version] = append(same[m.Version], m.Alert.Fingerprint)
	}
	for version, fingerprints := range same {
		for some := range slices.Chunk(fingerprints, 500) {
			n, err := t.exec(ctx, `DELETE FROM members WHERE integration = $1 AND group_key = $2 AND version = $3 AND fingerprint IN (`+
				blanks(4, len(some))+`)`, append([]any{g.Integration, g.Key, version}, some...)...)
			if err != nil {
				return err
			}
			if int(n) == len(some) {
				continue
			}
			if err := t.untold(ctx, g.Integration, g.Key, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// untold lets members of a group count as not told.
func (t *tx) untold(ctx context.Context, integration, group string, fingerprints []any) error {
	for some := range slices.Chunk(fingerprints, 500) {
		if _, err := t.exec(ctx, `UPDATE members SET told = '' WHERE integration = $1 AND group_key = $2 AND fingerprint IN (`+
			blanks(3, len(some))+`)`, append([]any{integration, group}, some...)...); err != nil {
			return err
		}
	}
	return nil
}

// told notes who was told that it fires, many in one sentence: a group may have
// thousands. What stands there already is not written again.
func (t *tx) told(ctx context.Context, f billwatch.Flush) error {
	counted := "0"
	if f.Inside { // whom the digest lists is noted after all of it
		counted = "1"
	}
	var firing []any
	for _, alerts := range [][]billwatch.Alert{f.Notification.Alerts, f.Unlisted} {
		for _, a := range alerts {
			if a.State == billwatch.Firing {
				firing = append(firing, a.Fingerprint)
			}
		}
	}
	for some := range slices.Chunk(firing, 500) {
		if _, err := t.exec(ctx, `UPDATE members SET told = 'firing', counted = `+counted+` WHERE integration = $1 AND group_key = $2 AND fingerprint IN (`+
			blanks(3, len(some))+`) AND (told <> 'firing' OR counted <> `+counted+`)`, append([]any{f.Group.Integration, f.Group.Key}, some...)...); err != nil {
			return err
		}
	}
	return nil
}

// release sets the group's clock, or ends it when nobody is left in it.
func (t *tx) release(ctx context.Context, f billwatch.Flush, row timer) error {
	g, due := f.Group, f.NextDue
	if due.IsZero() {
		n, err := t.exec(ctx, `
			DELETE FROM alert_groups WHERE integration = $1 AND group_key = $2 AND NOT EXISTS (
				SELECT 1 FROM members m WHERE m.integration = $1 AND m.group_key = $2)`, g.Integration, g.Key)
		if err != nil || n > 0 {
			return err
		}
		due, row.told, row.incident = row.wanted, time.Time{}, "" // it ended, and begins anew with what came meanwhile
	} else if !row.wanted.IsZero() {
		turn := row.wanted
		if !row.told.IsZero() {
			turn = latest(turn, row.told.Add(time.Duration(row.interval)*time.Microsecond))
		}
		due = earliest(due, turn)
	}
	version, _, err := t.quietRow(ctx)
	if err != nil {
		return err
	}
	if version != f.Quiet && !f.NextDue.IsZero() { // somebody has made or ended a silence meanwhile
		due = overdue
	}
	t.woken = true
	_, err = t.exec(ctx, `
		UPDATE alert_groups SET due_at = $3, told_at = $4, incident = $5, wanted_at = 0, claim = ''
		WHERE integration = $1 AND group_key = $2`, g.Integration, g.Key, due, row.told, row.incident)
	return err
}
