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

// longestAnswer bounds what is kept of what a receiver said.
const longestAnswer = 1024

// ClaimDeliveries leases due notifications of the named integrations, each
// having its share of the limit. A row waits while an older one of its group
// and integration is unfinished, and while a destination of its integration is
// paused. The attempt counts as possibly told from now on, until it is settled.
func (s *Store) ClaimDeliveries(ctx context.Context, c billwatch.Claim) ([]billwatch.Delivery, error) {
	var deliveries []billwatch.Delivery
	c.Holder += " " + rand.Text() // names this claim
	again := false
	err := s.write(ctx, mark, func(t *tx) error {
		deliveries = nil
		if again {
			if err := t.unclaim(ctx, c.Holder); err != nil {
				return err
			}
		}
		again = true
		return shares(c, func(integration string, limit int) (int, error) {
			if err := t.goesTo(ctx, integration, c.Destinations[integration]); err != nil {
				return 0, err
			}
			paused, err := t.pausedUntil(ctx, integration)
			if err != nil || paused.After(c.Now) {
				return 0, err
			}
			claimed, err := t.claimDeliveries(ctx, c, integration, limit)
			deliveries = append(deliveries, claimed...)
			return len(claimed), err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return deliveries, nil
}

// inTurn says that a notification waits for none: for no older one of its group,
// for no digest that speaks for its group, and, being a digest, for none of the
// groups that it speaks for.
const inTurn = `NOT EXISTS (
				SELECT 1 FROM notifications o WHERE o.status = 'pending'
					AND o.integration = n.integration AND o.group_key = n.group_key AND o.seq < n.seq)
			AND NOT EXISTS (
				SELECT 1 FROM storms s JOIN notifications o ON o.id = s.id
				WHERE s.integration = n.integration AND s.group_key = n.group_key AND o.status = 'pending' AND o.seq < n.seq)
			AND (n.group_key <> '` + billwatch.StormKey + `' OR NOT EXISTS (
				SELECT 1 FROM notifications o JOIN storms s ON s.integration = o.integration AND s.group_key = o.group_key
				WHERE o.status = 'pending' AND o.integration = n.integration AND o.seq < n.seq AND s.id = n.id))`

// unclaim undoes a claim whose answer got lost: nobody made an attempt by it.
func (t *tx) unclaim(ctx context.Context, claim string) error {
	_, err := t.exec(ctx, `
		UPDATE notifications SET next_at = 1, claim = '', attempts = attempts - 1, ambiguous = ambiguous - 1
		WHERE status = 'pending' AND claim = $1`, claim)
	if err != nil {
		return fmt.Errorf("undo a claim whose answer got lost: %w", err)
	}
	return nil
}

// goesTo notes where an integration sends, where it knows that beforehand: there
// alone. The settings may have changed since it was last noted.
func (t *tx) goesTo(ctx context.Context, integration, destination string) error {
	if destination == "" {
		return nil
	}
	var known, all int
	err := t.row(ctx, `
		SELECT COALESCE(SUM(CASE WHEN destination = $2 THEN 1 ELSE 0 END), 0), count(*) FROM destinations WHERE integration = $1`,
		integration, destination).Scan(&known, &all)
	if err != nil || known == 1 && all == 1 {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM destinations WHERE integration = $1 AND destination <> $2`, integration, destination); err != nil {
		return err
	}
	return t.goesThere(ctx, integration, destination)
}

func (t *tx) goesThere(ctx context.Context, integration, destination string) error {
	_, err := t.exec(ctx, `INSERT INTO destinations (integration, destination) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		integration, destination)
	return err
}

// pausedUntil is when the last pause of an integration's destinations ends;
// zero for none.
func (t *tx) pausedUntil(ctx context.Context, integration string) (time.Time, error) {
	var until time.Time
	err := t.row(ctx, `
		SELECT COALESCE(MAX(p.until_at), 0) FROM destinations d JOIN pauses p ON p.destination = d.destination
		WHERE d.integration = $1`, integration).Scan(stamp(&until))
	return until, err
}

func (t *tx) claimDeliveries(ctx context.Context, c billwatch.Claim, integration string, limit int) ([]billwatch.Delivery, error) {
	var deliveries []billwatch.Delivery
	err := t.each(ctx, func(rows *sql.Rows) error {
		d := billwatch.Delivery{Until: c.Until}
		err := rows.Scan(document(&d.Notification), &d.Attempt, &d.Unended, document(&d.Prior), stamp(&d.FirstTry), picture(&d.Notification.Chart))
		deliveries = append(deliveries, d)
		return err
	}, `
		WITH due AS MATERIALIZED (
			SELECT n.id FROM notifications n
			WHERE n.status = 'pending' AND n.integration = $1 AND n.next_at <= $2 AND `+inTurn+`
			ORDER BY n.next_at, n.seq LIMIT $3 {{lock}}
		)
		UPDATE notifications SET next_at = $4, claim = $5, attempts = attempts + 1, ambiguous = ambiguous + 1,
			unended = unended + CASE WHEN claim = '' THEN 0 ELSE 1 END
		WHERE id IN (SELECT id FROM due) AND status = 'pending' AND next_at <= $2
		RETURNING body, attempts, unended, receipt, first_at, chart`,
		integration, c.Now, limit, c.Until, c.Holder)
	if err != nil {
		return nil, err
	}
	for i := range deliveries {
		n := &deliveries[i].Notification
		if n.Incident == "" || n.Incident == n.ID { // nothing told of it before
			continue
		}
		err := t.row(ctx, `SELECT incident_ref FROM notifications WHERE id = $1`, n.Incident).Scan(&n.IncidentRef)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("incident of %s: %w", n.ID, err)
		}
	}
	return deliveries, nil
}

// ended sees to what follows from the end of a notification.
func (t *tx) ended(ctx context.Context, st billwatch.Settlement) error {
	n := st.Delivery.Notification
	switch {
	case st.Outcome == billwatch.Delivered:
		if n.GroupKey == billwatch.StormKey {
			if _, err := t.exec(ctx, `DELETE FROM storms WHERE id = $1`, n.ID); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `UPDATE integrations SET delivered_at = $2 WHERE integration = $1`, n.Integration, st.At); err != nil {
			return err
		}
		return t.rose(ctx, n.Integration, "took a message again", st.At)
	case st.Outcome != billwatch.Failed:
		return nil
	case st.Forget:
		if err := t.forget(ctx, n); err != nil {
			return err
		}
	}
	if st.Down == nil {
		return nil
	}
	return t.fell(ctx, st)
}

// settle writes the outcome to the row, and says whether it did: not where it
// is there already, from a commit whose answer got lost.
func (t *tx) settle(ctx context.Context, st billwatch.Settlement) (bool, error) {
	st.Receipt.Answer = shorten(st.Receipt.Answer)
	receipt, err := text(st.Receipt)
	if err != nil {
		return false, err
	}
	status := st.Outcome
	if status == billwatch.Retry {
		status = StatusPending
	}
	known := 1 // attempts whose outcome is known by this
	if st.Ambiguous {
		known = 0
	}
	n, err := t.exec(ctx, `
		UPDATE notifications SET status = $3, next_at = $4, claim = '', ambiguous = ambiguous - CAST($5 AS INTEGER),
			receipt = $6, error = $7, took = $8, chart = CASE WHEN CAST($9 AS INTEGER) = 1 THEN '' ELSE chart END
		WHERE id = $1 AND attempts = $2 AND status = 'pending' AND claim <> ''`,
		st.Delivery.Notification.ID, st.Delivery.Attempt, status, st.NextAt, known, receipt, shorten(st.Error), st.Took, delivered(status))
	if err == nil && n > 0 && status == StatusDelivered {
		err = t.named(ctx, st)
	}
	if err == nil && !t.woken {
		t.woken, err = t.wakes(ctx, st)
	}
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, t.settledBefore(ctx, st)
}

// settledBefore says nothing where the attempt's own settlement is there
// already, else that the lease was lost.
func (t *tx) settledBefore(ctx context.Context, st billwatch.Settlement) error {
	var attempts int
	var claim string
	err := t.row(ctx, `SELECT attempts, claim FROM notifications WHERE id = $1`, st.Delivery.Notification.ID).Scan(&attempts, &claim)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && attempts == st.Delivery.Attempt && claim == "" {
		return nil
	}
	return fmt.Errorf("%w: attempt %d is no longer the last", billwatch.ErrLeaseLost, st.Delivery.Attempt)
}

// wakes says whether something may be due by a settlement that was not before.
// Most deliveries have nobody behind them: then nobody need look.
func (t *tx) wakes(ctx context.Context, st billwatch.Settlement) (bool, error) {
	n := st.Delivery.Notification
	if st.Outcome != billwatch.Delivered || n.GroupKey == billwatch.StormKey {
		return true, nil
	}
	var behind int
	err := t.row(ctx, `
		SELECT COUNT(*) FROM (SELECT 1 FROM notifications
			WHERE status = 'pending' AND integration = $1 AND group_key IN ($2, '`+billwatch.StormKey+`') LIMIT 1) AS next`,
		n.Integration, n.GroupKey).Scan(&behind)
	return behind > 0, err
}

// named remembers how the other side names the incident's message.
func (t *tx) named(ctx context.Context, st billwatch.Settlement) error {
	if st.Receipt.Ref == "" || st.Delivery.Notification.Incident == "" {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE notifications SET incident_ref = $2 WHERE id = $1`,
		st.Delivery.Notification.Incident, st.Receipt.Ref)
	return err
}

// delivered is 1 for a notification whose chart nobody needs any more: one that
// failed may be tried again.
func delivered(status string) int {
	if status == StatusDelivered {
		return 1
	}
	return 0
}

// shorten cuts a text of the other side to its bound, between characters.
func shorten(s string) string {
	if len(s) <= longestAnswer {
		return s
	}
	return clean(s[:longestAnswer-4]) + "…"
}

// pause holds up everything that goes to a destination. A shorter pause never
// ends a longer one.
func (t *tx) pause(ctx context.Context, st billwatch.Settlement) error {
	if st.PauseUntil.IsZero() {
		return nil
	}
	integration, destination := st.Delivery.Notification.Integration, st.Destination
	if destination == "" {
		destination = integration
	}
	if _, err := t.exec(ctx, `
		INSERT INTO pauses (destination, until_at) VALUES ($1, $2)
		ON CONFLICT (destination) DO UPDATE SET until_at = excluded.until_at WHERE excluded.until_at > pauses.until_at`,
		destination, st.PauseUntil); err != nil {
		return err
	}
	return t.goesThere(ctx, integration, destination)
}

// forget lets the alerts of a notification that failed for good count as not
// told, so that they are told again, as the first time.
func (t *tx) forget(ctx context.Context, n billwatch.Notification) error {
	const anew = `
		UPDATE alert_groups SET
			due_at = CASE WHEN claim = '' THEN 1 ELSE due_at END, wanted_at = CASE WHEN claim = '' THEN 0 ELSE 1 END,
			told_at = CASE WHEN EXISTS (SELECT 1 FROM members m WHERE m.integration = alert_groups.integration
				AND m.group_key = alert_groups.group_key AND m.told <> '') THEN told_at ELSE 0 END`
	if n.GroupKey == billwatch.StormKey { // it listed a few, and spoke for all
		const spoken = ` WHERE integration = $1 AND group_key IN (SELECT group_key FROM storms WHERE id = $2)`
		if _, err := t.exec(ctx, `UPDATE members SET told = '', counted = 0`+spoken, n.Integration, n.ID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, anew+spoken, n.Integration, n.ID); err != nil {
			return err
		}
		_, err := t.exec(ctx, `DELETE FROM storms WHERE id = $1`, n.ID)
		return err
	}
	if err := t.forgetAlerts(ctx, n); err != nil {
		return err
	}
	_, err := t.exec(ctx, anew+` WHERE integration = $1 AND group_key = $2`, n.Integration, n.GroupKey)
	return err
}

// forgetAlerts lets those count as not told that a notification told of. One
// that did not list all of them told of everybody in its group but the muted.
func (t *tx) forgetAlerts(ctx context.Context, n billwatch.Notification) error {
	if n.Truncated > 0 {
		_, err := t.exec(ctx, `UPDATE members SET told = '' WHERE integration = $1 AND group_key = $2 AND told <> '' AND muted = ''`,
			n.Integration, n.GroupKey)
		return err
	}
	alerts := make([]any, len(n.Alerts))
	for i, a := range n.Alerts {
		alerts[i] = a.Fingerprint
	}
	return t.untold(ctx, n.Integration, n.GroupKey, alerts)
}

// NextDue returns when the earliest group or notification of the named
// integrations may be claimed; zero for none.
func (s *Store) NextDue(ctx context.Context, integrations []string) (time.Time, error) {
	var next time.Time
	err := s.read(ctx, func(t *tx) error {
		next = time.Time{}
		for _, integration := range integrations {
			due, err := t.nextDue(ctx, integration)
			if err != nil {
				return fmt.Errorf("%s: %w", integration, err)
			}
			next = earliest(next, due)
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("ask what is due next: %w", err)
	}
	return next, nil
}

func (t *tx) nextDue(ctx context.Context, integration string) (time.Time, error) {
	var group, delivery time.Time
	if err := t.row(ctx, `SELECT COALESCE(MIN(due_at), 0) FROM alert_groups WHERE integration = $1 AND due_at <> 0`,
		integration).Scan(stamp(&group)); err != nil {
		return time.Time{}, err
	}
	err := t.row(ctx, `
		SELECT n.next_at FROM notifications n
		WHERE n.status = 'pending' AND n.integration = $1 AND `+inTurn+`
		ORDER BY n.next_at LIMIT 1`, integration).Scan(stamp(&delivery))
	if errors.Is(err, sql.ErrNoRows) {
		return group, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	paused, err := t.pausedUntil(ctx, integration)
	if err != nil {
		return time.Time{}, err
	}
	return earliest(group, latest(delivery, paused)), nil
}
