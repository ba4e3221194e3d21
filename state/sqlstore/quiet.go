package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// pageSize is how many alerts or members are looked through at once.
const pageSize = 2000

// overdue is a moment that has passed on any clock.
var overdue = time.UnixMicro(1)

// Quiet returns what keeps alerts from being told: silences that are not over,
// and the alerts that inhibit others. Where that still has the version that is
// known, it returns the version and the rules, and no more.
func (s *Store) Quiet(ctx context.Context, known int64, now time.Time) (billwatch.Quiet, error) {
	var q billwatch.Quiet
	err := s.read(ctx, func(t *tx) (err error) {
		q = billwatch.Quiet{}
		if q.Version, q.Rules, err = t.quietRow(ctx); err != nil || q.Version == known {
			return err
		}
		if q.Silences, err = t.silences(ctx, `WHERE ends_at > $1 ORDER BY ends_at, id`, now); err != nil {
			return err
		}
		q.Inhibitors, err = t.standing(ctx, `WHERE inhibits = 1 AND state = 'firing' ORDER BY source, account, rule`)
		return err
	})
	if err != nil {
		return billwatch.Quiet{}, fmt.Errorf("read what is quiet: %w", err)
	}
	return q, nil
}

func inhibits(a billwatch.Alert) bool { return a.Inhibits && a.State == billwatch.Firing }

// stirs says that who is told may change where an alert that inhibits others
// begins or ends. It is asked before the alert is written.
func (t *tx) stirs(ctx context.Context, a billwatch.Alert) error {
	ends := a.State != billwatch.Pending && a.State != billwatch.Firing
	if !ends && !inhibits(a) {
		return nil
	}
	var stands int
	if err := t.row(ctx, `SELECT count(*) FROM alerts WHERE source = $1 AND account = $2 AND rule = $3 AND inhibits = 1`,
		a.Key.Account.Source, a.Key.Account.ID, a.Key.Rule).Scan(&stands); err != nil {
		return err
	}
	if stands > 0 == inhibits(a) {
		return nil
	}
	return t.stir(ctx)
}

// Inhibit looks through the firing alerts by new rules of inhibition, and
// remembers by which that was.
func (s *Store) Inhibit(ctx context.Context, rules string, inhibits func(billwatch.Alert) bool) error {
	var changed []billwatch.AlertKey
	err := s.pages(ctx, func(t *tx, from []any) ([]any, error) {
		from = resume(from, 3)
		n := 0
		err := t.each(ctx, func(rows *sql.Rows) error {
			var a billwatch.Alert
			var marked int
			if err := rows.Scan(document(&a), &marked); err != nil {
				return err
			}
			n++
			from = []any{a.Key.Account.Source, a.Key.Account.ID, a.Key.Rule}
			if inhibits(a) != (marked > 0) {
				changed = append(changed, a.Key)
			}
			return nil
		}, fmt.Sprintf(`SELECT body, inhibits FROM alerts WHERE state = 'firing' AND (source, account, rule) > ($1, $2, $3)
			ORDER BY source, account, rule LIMIT %d`, pageSize), from...)
		if n < pageSize {
			from = nil
		}
		return from, err
	})
	if err != nil {
		return fmt.Errorf("look for alerts that inhibit: %w", err)
	}
	err = s.write(ctx, batch, func(t *tx) error {
		for _, k := range changed {
			if err := t.mark(ctx, k, inhibits); err != nil {
				return err
			}
		}
		if err := t.stir(ctx); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE quiet SET rules = $1 WHERE one = 1`, rules)
		return err
	})
	if err != nil {
		return fmt.Errorf("mark alerts that inhibit: %w", err)
	}
	return nil
}

// mark notes of an alert, as it is now, whether it inhibits others.
func (t *tx) mark(ctx context.Context, k billwatch.AlertKey, inhibits func(billwatch.Alert) bool) error {
	alerts, err := t.standing(ctx, `WHERE source = $1 AND account = $2 AND rule = $3`, k.Account.Source, k.Account.ID, k.Rule)
	if err != nil || len(alerts) == 0 {
		return err
	}
	alerts[0].Inhibits = inhibits(alerts[0])
	return t.alert(ctx, alerts[0])
}

// pages reads a table to its end, a page in a transaction, so that a long look
// holds up nobody. look is handed where it stopped, nil at first, and returns
// where to go on, nil at the end.
func (s *Store) pages(ctx context.Context, look func(t *tx, from []any) ([]any, error)) error {
	var from []any
	for {
		var next []any
		err := s.read(ctx, func(t *tx) (err error) {
			next, err = look(t, from)
			return err
		})
		if err != nil || next == nil {
			return err
		}
		from = next
	}
}

// resume is where a look begins: before the first row.
func resume(from []any, columns int) []any {
	if from != nil {
		return from
	}
	return slices.Repeat([]any{""}, columns)
}

// Recheck hands over every firing member that was told or is muted, with its
// group, and makes the groups due for which it is told to. Of an alert it knows
// the key, the state, the fingerprint and the labels. The members of a group
// come together.
func (s *Store) Recheck(ctx context.Context, now time.Time, due func(billwatch.Group, billwatch.Member) bool) error {
	var from []any
	for {
		var page []watched
		next := from
		err := s.read(ctx, func(t *tx) (err error) {
			page, next, err = t.watched(ctx, nil, resume(from, 3))
			return err
		})
		if err == nil {
			err = s.makeDue(ctx, page, now, due)
		}
		if err != nil {
			return fmt.Errorf("recheck members: %w", err)
		}
		if next == nil {
			return nil
		}
		from = next
	}
}

// makeDue makes the groups due of some members, where it is told to.
func (s *Store) makeDue(ctx context.Context, members []watched, now time.Time, due func(billwatch.Group, billwatch.Member) bool) error {
	groups := map[[2]string]bool{}
	var order [][2]string
	for _, m := range members {
		k := [2]string{m.group.Integration, m.group.Key}
		if !groups[k] && due(m.group, m.member) {
			groups[k] = true
			order = append(order, k)
		}
	}
	if len(order) == 0 {
		return nil
	}
	return s.write(ctx, mark, func(t *tx) error { return t.makeDue(ctx, order, now) })
}

// makeDue makes groups due now. One that is being looked at is looked at again.
func (t *tx) makeDue(ctx context.Context, groups [][2]string, now time.Time) error {
	for _, k := range groups {
		if _, err := t.exec(ctx, `
			UPDATE alert_groups SET
				due_at = CASE WHEN claim = '' AND (due_at = 0 OR due_at > $3) THEN $3 ELSE due_at END,
				wanted_at = CASE WHEN claim <> '' AND (wanted_at = 0 OR wanted_at > $3) THEN $3 ELSE wanted_at END
			WHERE integration = $1 AND group_key = $2`, k[0], k[1], now); err != nil {
			return err
		}
	}
	t.woken = t.woken || len(groups) > 0
	return nil
}

// watched is a member that was told or is muted, with its group.
type watched struct {
	group  billwatch.Group
	member billwatch.Member
}

// watched adds a page of firing members to those found, and returns where the
// next page begins, nil at the end.
func (t *tx) watched(ctx context.Context, found []watched, from []any) ([]watched, []any, error) {
	n := 0
	err := t.each(ctx, func(rows *sql.Rows) error {
		var w watched
		var told, fingerprint string
		var unmuted int
		var alert struct {
			Key         billwatch.AlertKey   `json:"key"`
			State       billwatch.AlertState `json:"state"`
			StartsAt    time.Time            `json:"starts_at"`
			Labels      billwatch.Labels     `json:"labels"`
			Fingerprint string               `json:"fingerprint"`
		}
		g, m := &w.group, &w.member
		err := rows.Scan(&g.Integration, &g.Key, &fingerprint, &g.Receiver, document(&g.Labels),
			document(&alert), &told, &m.Muted.Why, &m.Muted.By, stamp(&m.Muted.Until), &unmuted)
		n++
		from = []any{g.Integration, g.Key, fingerprint}
		m.Told, m.Unmuted = billwatch.AlertState(told), unmuted > 0
		m.Alert = billwatch.Alert{Key: alert.Key, State: alert.State, StartsAt: alert.StartsAt, Labels: alert.Labels, Fingerprint: alert.Fingerprint}
		if alert.State == billwatch.Firing {
			found = append(found, w)
		}
		return err
	}, fmt.Sprintf(`
		SELECT m.integration, m.group_key, m.fingerprint, g.receiver, g.labels, m.body, m.told, m.muted, m.muted_by, m.muted_until, m.unmuted
		FROM members m JOIN alert_groups g ON g.integration = m.integration AND g.group_key = m.group_key
		WHERE (m.told <> '' OR m.muted <> '') AND (m.integration, m.group_key, m.fingerprint) > ($1, $2, $3)
		ORDER BY m.integration, m.group_key, m.fingerprint LIMIT %d`, pageSize), from...)
	if n < pageSize {
		from = nil
	}
	return found, from, err
}

// marks remembers why members are muted, or that they no longer are: many in one
// sentence, since a silence may be about thousands.
func (t *tx) marks(ctx context.Context, f billwatch.Flush) error {
	type mark struct {
		mute    billwatch.Mute
		unmuted bool
	}
	same := map[mark][]any{}
	for _, m := range f.Marks {
		k := mark{m.Muted, m.Unmuted}
		same[k] = append(same[k], m.Alert.Fingerprint)
	}
	for k, fingerprints := range same {
		for some := range slices.Chunk(fingerprints, 500) {
			var blanks strings.Builder
			for i := range some {
				fmt.Fprintf(&blanks, ", $%d", i+7)
			}
			args := []any{f.Group.Integration, f.Group.Key, k.mute.Why, k.mute.By, k.mute.Until, k.unmuted}
			if _, err := t.exec(ctx, `UPDATE members SET muted = $3, muted_by = $4, muted_until = $5, unmuted = $6
				WHERE integration = $1 AND group_key = $2 AND fingerprint IN (`+blanks.String()[2:]+`)`, append(args, some...)...); err != nil {
				return err
			}
		}
	}
	return nil
}
