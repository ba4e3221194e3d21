package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Membership says that an integration is told of an alert in a group.
type Membership struct {
	Integration string
	GroupKey    string
	Fingerprint string
	Alert       billwatch.Alert // as it stands; the zero Alert where it does not
	Unrouted    bool            // it was found to concern the integration no more
}

// Memberships returns who is told of alerts that fire, a page at a time: those
// of the fingerprints after the given one, of so many alerts.
func (s *Store) Memberships(ctx context.Context, after string, alerts int) ([]Membership, error) {
	var found []Membership
	err := s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var m Membership
			var unrouted int
			err := rows.Scan(&m.Integration, &m.GroupKey, &m.Fingerprint, &unrouted, document(&m.Alert))
			m.Unrouted = unrouted != 0
			found = append(found, m)
			return err
		}, `
			SELECT m.integration, m.group_key, m.fingerprint, m.unrouted, a.body FROM (
				SELECT DISTINCT fingerprint FROM members WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2
			) page
			JOIN members m ON m.fingerprint = page.fingerprint
			LEFT JOIN alerts a ON a.fingerprint = m.fingerprint AND a.starts_at = m.starts_at AND a.state = 'firing'
			ORDER BY m.fingerprint, m.integration, m.group_key`, after, alerts)
	})
	if err != nil {
		return nil, fmt.Errorf("read who is told of what: %w", err)
	}
	return found, nil
}

// Reroute stores which alerts concern an integration no more, and which do
// again. Where the integration was told of one, it is owed the news that the
// alert has ended there, with the reason; else there is nothing to be told.
func (s *Store) Reroute(ctx context.Context, holder string, changed []Membership, why string, now time.Time) error {
	err := s.write(ctx, batch, func(t *tx) error {
		if err := t.follows(ctx, holder); err != nil {
			return err
		}
		for _, m := range changed {
			if err := t.reroute(ctx, m, why, now); err != nil {
				return fmt.Errorf("group %s of %s: %w", m.GroupKey, m.Integration, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reroute: %w", err)
	}
	return nil
}

// Concern stores that alerts which have not moved are owed to integrations that
// never heard of them.
func (s *Store) Concern(ctx context.Context, holder string, due []billwatch.GroupDue, now time.Time) error {
	err := s.write(ctx, batch, func(t *tx) error {
		if err := t.follows(ctx, holder); err != nil {
			return err
		}
		for _, d := range due {
			if err := t.owe(ctx, d, now); err != nil {
				return fmt.Errorf("group %s of %s: %w", d.Key, d.Integration, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note who is to be told: %w", err)
	}
	return nil
}

func (t *tx) reroute(ctx context.Context, m Membership, why string, now time.Time) error {
	at := []any{m.Integration, m.GroupKey, m.Fingerprint}
	if !m.Unrouted {
		n, err := t.exec(ctx, `
			UPDATE members SET unrouted = 0, version = version + 1
			WHERE integration = $1 AND group_key = $2 AND fingerprint = $3 AND unrouted = 1`, at...)
		if err != nil || n == 0 {
			return err
		}
		// The group may be about to tell of the end, and then owes the beginning.
		return t.makeDue(ctx, [][2]string{{m.Integration, m.GroupKey}}, now)
	}
	n, err := t.exec(ctx, `DELETE FROM members WHERE integration = $1 AND group_key = $2 AND fingerprint = $3 AND told = ''
		AND NOT EXISTS (SELECT 1 FROM alert_groups g WHERE g.integration = $1 AND g.group_key = $2 AND g.claim <> '')`, at...)
	if err != nil || n > 0 {
		return err
	}
	a := m.Alert
	a.State, a.EndsAt, a.Reason = billwatch.Resolved, now, why
	groups, err := t.groupsOf(ctx, a)
	if err != nil {
		return err
	}
	for _, d := range groups {
		if d.Integration != m.Integration || d.Key != m.GroupKey {
			continue
		}
		if err := t.owe(ctx, d, now); err != nil {
			return err
		}
	}
	_, err = t.exec(ctx, `UPDATE members SET unrouted = 1 WHERE integration = $1 AND group_key = $2 AND fingerprint = $3`, at...)
	return err
}

// DropRemoved drops what is owed to integrations that are not among the named
// ones: their groups, and the notifications that nobody is about to send. It
// returns how many notifications that were, by integration. A holder whose
// configuration is not the current one is refused, here and in Reroute.
func (s *Store) DropRemoved(ctx context.Context, holder string, configured []string, now time.Time) (map[string]int, error) {
	var dropped map[string]int
	err := s.write(ctx, mark, func(t *tx) error {
		dropped = map[string]int{}
		if err := t.follows(ctx, holder); err != nil {
			return err
		}
		removed, err := t.removed(ctx, configured)
		if err != nil {
			return err
		}
		for _, integration := range removed {
			if dropped[integration], err = t.drop(ctx, integration, now); err != nil {
				return fmt.Errorf("%s: %w", integration, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("drop what is owed to removed receivers: %w", err)
	}
	return dropped, nil
}

// removed returns the integrations that something is owed to or known of, and
// that are not among the named ones.
func (t *tx) removed(ctx context.Context, configured []string) ([]string, error) {
	var removed []string
	names := make([]any, len(configured))
	blanks := make([]string, len(configured))
	for i, name := range configured {
		names[i], blanks[i] = name, fmt.Sprintf("$%d", i+1)
	}
	where := ""
	if len(configured) > 0 {
		where = "WHERE integration NOT IN (" + strings.Join(blanks, ", ") + ")"
	}
	err := t.each(ctx, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		removed = append(removed, name)
		return err
	}, `SELECT integration FROM (
		SELECT integration FROM alert_groups UNION SELECT integration FROM notifications WHERE status = 'pending'
		UNION SELECT integration FROM integrations
		UNION SELECT account FROM alerts WHERE source = '' AND rule = '`+billwatch.RuleReceiverDown+`'
	) owed `+where+` ORDER BY integration`, names...)
	return removed, err
}

// drop leaves a message alone that is on its way: how that ends is still to be
// noted, and a later call finds it.
func (t *tx) drop(ctx context.Context, integration string, now time.Time) (int, error) {
	if err := t.rose(ctx, integration, "the receiver was removed", now); err != nil {
		return 0, err
	}
	for _, sentence := range []string{
		`DELETE FROM members WHERE integration = $1`,
		`DELETE FROM alert_groups WHERE integration = $1`,
		`DELETE FROM storms WHERE integration = $1`,
		`DELETE FROM tallies WHERE integration = $1`,
		`DELETE FROM destinations WHERE integration = $1`,
		`DELETE FROM integrations WHERE integration = $1`,
	} {
		if _, err := t.exec(ctx, sentence, integration); err != nil {
			return 0, err
		}
	}
	n, err := t.exec(ctx, `
		UPDATE notifications SET status = 'dropped', claim = '', error = 'the receiver was removed from the configuration'
		WHERE integration = $1 AND status = 'pending' AND (claim = '' OR next_at <= $2)`, integration, now)
	return int(n), err
}

// Exclude notes that the source leaves accounts out, without a listing: one that
// is gone is listed no more.
func (s *Store) Exclude(ctx context.Context, l billwatch.Lease, ids []string) error {
	err := s.write(ctx, mark, func(t *tx) error {
		if err := t.hold(ctx, l, nil); err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := t.exec(ctx, `UPDATE accounts SET excluded = 1 WHERE source = $1 AND account = $2`, l.Source, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("leave out accounts of %s: %w", l.Source, err)
	}
	return nil
}

// Release gives up a source that the replica holds, or all of them where none is
// named, so that whoever is to poll it next need not wait for the next slot.
// What the last round asked for must have been stored.
func (s *Store) Release(ctx context.Context, holder, source string) error {
	err := s.write(ctx, mark, func(t *tx) error {
		t.woken = true
		_, err := t.exec(ctx, `
			UPDATE sources SET holder = '', last_slot = -1, claimed_at = CASE WHEN round_at < claimed_at THEN round_at ELSE claimed_at END
			WHERE holder = $1 AND (source = $2 OR CAST($2 AS TEXT) = '')`, holder, source)
		return err
	})
	if err != nil {
		return fmt.Errorf("release %s: %w", source, err)
	}
	return nil
}
