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

// owe notes that an integration is owed news of an alert. A group that has told
// nothing yet waits for company until DueAt; another keeps its interval since
// its last notification. While the group is claimed the wish waits in wanted_at,
// because due_at is then the end of the lease.
func (t *tx) owe(ctx context.Context, d billwatch.GroupDue, now time.Time) error {
	if d.Standing {
		var heard int
		err := t.row(ctx, `SELECT count(*) FROM members WHERE fingerprint = $1 AND integration = $2`,
			d.Alert.Fingerprint, d.Integration).Scan(&heard)
		if err != nil || heard > 0 {
			return err
		}
	}
	labels, err := text(d.Labels)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `
		INSERT INTO alert_groups (integration, group_key, receiver, labels, due_at, group_interval)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (integration, group_key) DO UPDATE SET group_interval = excluded.group_interval`,
		d.Integration, d.Key, d.Receiver, labels, d.DueAt, d.Interval); err != nil {
		return err
	}
	var due, wanted, told time.Time
	var claim string
	if err := t.row(ctx, `SELECT due_at, wanted_at, told_at, claim FROM alert_groups WHERE integration = $1 AND group_key = $2`,
		d.Integration, d.Key).Scan(stamp(&due), stamp(&wanted), stamp(&told), &claim); err != nil {
		return err
	}
	wish := d.DueAt
	if !told.IsZero() {
		wish = latest(told.Add(d.Interval), now)
	}
	if claim == "" {
		due = earliest(due, wish)
	} else {
		wanted = earliest(wanted, wish)
	}
	if _, err := t.exec(ctx, `UPDATE alert_groups SET due_at = $3, wanted_at = $4 WHERE integration = $1 AND group_key = $2`,
		d.Integration, d.Key, due, wanted); err != nil {
		return err
	}
	t.woken = true
	return t.join(ctx, d)
}

// join puts the alert into the group, as it is after its transition.
func (t *tx) join(ctx context.Context, d billwatch.GroupDue) error {
	body, err := text(d.Alert)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `
		INSERT INTO members (integration, group_key, fingerprint, starts_at, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (integration, group_key, fingerprint) DO UPDATE SET
			starts_at = excluded.starts_at, body = excluded.body, version = members.version + 1, unrouted = 0`,
		d.Integration, d.Key, d.Alert.Fingerprint, d.Alert.StartsAt, body)
	return err
}

// elsewhere sees to the groups that an alert is in although it no longer routes
// there: another configuration put it into them. They are owed news of its end,
// or they would go on telling that it fires. One that fires anew is told by the
// groups that it is in now.
func (t *tx) elsewhere(ctx context.Context, a billwatch.Alert, b billwatch.Batch) error {
	if a.Fingerprint == "" || a.State != billwatch.Firing && a.State != billwatch.Resolved {
		return nil
	}
	routed := map[string]string{}
	for _, d := range b.Due {
		if d.Alert.Fingerprint == a.Fingerprint {
			routed[d.Integration] = d.Key
		}
	}
	left, err := t.groupsOf(ctx, a)
	if err != nil {
		return err
	}
	for _, d := range left {
		switch key, tells := routed[d.Integration]; {
		case tells && key == d.Key:
		case a.State == billwatch.Resolved:
			err = t.owe(ctx, d, b.Now)
		case tells:
			_, err = t.exec(ctx, `DELETE FROM members WHERE integration = $1 AND group_key = $2 AND fingerprint = $3`,
				d.Integration, d.Key, a.Fingerprint)
		}
		if err != nil {
			return fmt.Errorf("group %s of %s: %w", d.Key, d.Integration, err)
		}
	}
	return nil
}

// groupsOf returns every group that an alert is in, as owed news of it.
func (t *tx) groupsOf(ctx context.Context, a billwatch.Alert) ([]billwatch.GroupDue, error) {
	var groups []billwatch.GroupDue
	err := t.each(ctx, func(rows *sql.Rows) error {
		d := billwatch.GroupDue{Alert: a}
		var interval int64
		err := rows.Scan(&d.Integration, &d.Key, &d.Receiver, document(&d.Labels), &interval)
		d.Interval = time.Duration(interval) * time.Microsecond
		d.DueAt = a.EndsAt
		groups = append(groups, d)
		return err
	}, `
		SELECT m.integration, m.group_key, g.receiver, g.labels, g.group_interval FROM members m
		JOIN alert_groups g ON g.integration = m.integration AND g.group_key = m.group_key
		WHERE m.fingerprint = $1 ORDER BY m.integration, m.group_key`, a.Fingerprint)
	return groups, err
}

// earliest returns the earlier of two times, of which the zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ClaimGroups leases due groups of the named integrations, each integration
// having its share of the limit. Members that still stand show the alert as it
// is now.
func (s *Store) ClaimGroups(ctx context.Context, c billwatch.Claim) ([]billwatch.Group, error) {
	var groups []billwatch.Group
	holder := c.Holder
	c.Holder += " " + rand.Text() // names this claim
	again := false
	err := s.write(ctx, mark, func(t *tx) error {
		groups = nil
		if again {
			if _, err := t.exec(ctx, `UPDATE alert_groups SET due_at = 1, claim = '' WHERE claim = $1`, c.Holder); err != nil {
				return fmt.Errorf("undo a claim whose answer got lost: %w", err)
			}
		}
		again = true
		err := shares(c, func(integration string, limit int) (int, error) {
			claimed, err := t.claimGroups(ctx, c, integration, limit)
			groups = append(groups, claimed...)
			return len(claimed), err
		})
		if err != nil {
			return err
		}
		// What it found under a name may be owed to another place by the current
		// configuration. Asked last: what is claimed by then cannot move meanwhile.
		return t.follows(ctx, holder)
	})
	if errors.Is(err, billwatch.ErrLeaseLost) {
		return nil, nil
	}
	if err == nil {
		err = s.others(ctx, groups)
	}
	if err != nil {
		return nil, fmt.Errorf("claim groups: %w", err)
	}
	return groups, nil
}

// shares asks each integration for its share of the limit, so that one with
// much to tell does not hold up the others, then for what is left of it.
func shares(c billwatch.Claim, take func(integration string, limit int) (int, error)) error {
	left := c.Limit
	for round := 0; round < 2 && left > 0; round++ {
		for i, integration := range c.Integrations {
			limit := left
			if round == 0 {
				limit = min(left, max(1, left/(len(c.Integrations)-i)))
			}
			if limit <= 0 {
				return nil
			}
			n, err := take(integration, limit)
			if err != nil {
				return fmt.Errorf("%s: %w", integration, err)
			}
			left -= n
		}
	}
	return nil
}

func (t *tx) claimGroups(ctx context.Context, c billwatch.Claim, integration string, limit int) ([]billwatch.Group, error) {
	var groups []billwatch.Group
	err := t.each(ctx, func(rows *sql.Rows) error {
		g := billwatch.Group{Integration: integration}
		err := rows.Scan(&g.Key, &g.Receiver, document(&g.Labels), stamp(&g.ToldAt), &g.Claim, &g.Incident, &g.Storm)
		groups = append(groups, g)
		return err
	}, `
		WITH due AS MATERIALIZED (
			SELECT group_key FROM alert_groups WHERE integration = $1 AND due_at <> 0 AND due_at <= $2
			ORDER BY due_at LIMIT $3 {{lock}}
		)
		UPDATE alert_groups SET due_at = $4, claim = $5, wanted_at = 0
		WHERE integration = $1 AND group_key IN (SELECT group_key FROM due) AND due_at <> 0 AND due_at <= $2
		RETURNING group_key, receiver, labels, told_at, claim, incident,
			COALESCE((SELECT s.id FROM storms s WHERE s.integration = alert_groups.integration AND s.group_key = alert_groups.group_key), '')`,
		integration, c.Now, limit, c.Until, c.Holder)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		groups[i].DueAt = c.Now
		if err := t.fillGroup(ctx, &groups[i]); err != nil {
			return nil, fmt.Errorf("group %s: %w", groups[i].Key, err)
		}
	}
	return groups, nil
}
