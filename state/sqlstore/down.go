package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// fell stores that an integration is down, and who is owed news of it; nothing
// where it is known already. It belongs to the transaction of the settlement
// that failed, so that no kill comes between.
func (t *tx) fell(ctx context.Context, st billwatch.Settlement) error {
	a := *st.Down
	body, err := text(a)
	if err != nil {
		return err
	}
	k := a.Key
	n, err := t.exec(ctx, `
		INSERT INTO alerts (source, account, rule, state, fingerprint, starts_at, body, inhibits) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT DO NOTHING`,
		k.Account.Source, k.Account.ID, k.Rule, string(a.State), a.Fingerprint, a.StartsAt, body, inhibits(a))
	if err != nil || n == 0 {
		return err
	}
	if inhibits(a) {
		if err := t.stir(ctx); err != nil {
			return err
		}
	}
	return t.changes(ctx, billwatch.Batch{
		Now: st.At, Due: st.Due,
		Transitions: []billwatch.Transition{{Alert: a, From: billwatch.Inactive, To: billwatch.Firing, At: st.At, Reason: a.Reason}},
	})
}

// rose ends an integration's being down, where it was: whoever was told of it is
// owed its end.
func (t *tx) rose(ctx context.Context, integration, why string, now time.Time) error {
	var a billwatch.Alert
	err := t.row(ctx, `DELETE FROM alerts WHERE source = '' AND account = $1 AND rule = $2 RETURNING body`,
		integration, billwatch.RuleReceiverDown).Scan(document(&a))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if inhibits(a) {
		if err := t.stir(ctx); err != nil {
			return err
		}
	}
	a.State, a.EndsAt, a.Reason = billwatch.Resolved, now, why
	return t.changes(ctx, billwatch.Batch{
		Now:         now,
		Transitions: []billwatch.Transition{{Alert: a, From: billwatch.Firing, To: billwatch.Resolved, At: now, Reason: why}},
	})
}

// Accepted says that an integration took a message that is none of the outbox,
// such as a test.
func (s *Store) Accepted(ctx context.Context, integration string, now time.Time) error {
	err := s.write(ctx, mark, func(t *tx) error { return t.rose(ctx, integration, "took a test message", now) })
	if err != nil {
		return fmt.Errorf("note that %s works: %w", integration, err)
	}
	return nil
}

// Configured tells the store how the integrations are configured, each by a text
// that changes with its settings. One whose settings changed is no longer down,
// and what it refused for good is told again.
func (s *Store) Configured(ctx context.Context, settings map[string]string, now time.Time) error {
	err := s.write(ctx, batch, func(t *tx) error {
		for _, integration := range slices.Sorted(maps.Keys(settings)) {
			if err := t.configured(ctx, integration, settings[integration], now); err != nil {
				return fmt.Errorf("%s: %w", integration, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note settings: %w", err)
	}
	return nil
}

func (t *tx) configured(ctx context.Context, integration, settings string, now time.Time) error {
	var before string
	err := t.row(ctx, `SELECT settings FROM integrations WHERE integration = $1`, integration).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && before == settings {
		return nil
	}
	if _, err := t.exec(ctx, `
		INSERT INTO integrations (integration, settings) VALUES ($1, $2)
		ON CONFLICT (integration) DO UPDATE SET settings = excluded.settings`, integration, settings); err != nil {
		return err
	}
	if before == "" { // seen for the first time
		return nil
	}
	if err := t.rose(ctx, integration, "its settings changed", now); err != nil {
		return err
	}
	if err := t.tryNow(ctx, integration, now); err != nil {
		return err
	}
	return t.reconsider(ctx, integration)
}

// tryNow lets what waits for another attempt, or for the end of a pause, go out at
// once: it may be that it goes elsewhere by now, and whoever mended something
// wants to see it. Where it does not go elsewhere, the other side says so again.
func (t *tx) tryNow(ctx context.Context, integration string, now time.Time) error {
	if _, err := t.exec(ctx, `DELETE FROM destinations WHERE integration = $1`, integration); err != nil {
		return err
	}
	t.woken = true
	_, err := t.exec(ctx, `UPDATE notifications SET next_at = $2 WHERE integration = $1 AND status = 'pending' AND claim = '' AND attempts > 0 AND next_at > $2`,
		integration, now)
	return err
}

// reconsider lets what an integration refused for good be told again, but for
// groups that were told something since.
func (t *tx) reconsider(ctx context.Context, integration string) error {
	var refused []billwatch.Notification
	err := t.each(ctx, func(rows *sql.Rows) error {
		var n billwatch.Notification
		err := rows.Scan(document(&n))
		n.Integration = integration // as it is called now
		refused = append(refused, n)
		return err
	}, `
		SELECT n.body FROM notifications n
		WHERE (n.group_key = '`+billwatch.StormKey+`' OR EXISTS (
				SELECT 1 FROM alert_groups g WHERE g.integration = n.integration AND g.group_key = n.group_key))
			AND n.integration = $1 AND n.status = 'failed' AND NOT EXISTS (
			SELECT 1 FROM notifications o WHERE o.integration = n.integration AND o.group_key = n.group_key
				AND o.status = 'delivered' AND o.seq > n.seq)`, integration)
	if err != nil {
		return err
	}
	for _, n := range refused {
		if err := t.forget(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
