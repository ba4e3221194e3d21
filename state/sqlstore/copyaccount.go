package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/billwatch/billwatch"
)

// AccountCopy is what CopyAccount copies.
type AccountCopy struct {
	Account    billwatch.AccountKey
	Groups     []billwatch.GroupDue // where an alert would go, beside the groups that the account's alerts are in
	Inhibition string               // the rules of inhibition, by which it looks for alerts that may keep others quiet
}

// CopyAccount copies into an empty store what one account rests on: its own
// rows, the groups that its alerts are in or would go to with everything in
// them, silences, and the alerts that may inhibit its own. How much else there
// is does not matter. This store is only read, in one moment.
func (s *Store) CopyAccount(ctx context.Context, to *Store, c AccountCopy) error {
	return s.read(ctx, func(from *tx) error {
		return to.write(ctx, batch, func(into *tx) error {
			if err := from.copyAccount(ctx, into, c); err != nil {
				return fmt.Errorf("copy what %s rests on: %w", c.Account, err)
			}
			return nil
		})
	})
}

func (t *tx) copyAccount(ctx context.Context, into *tx, c AccountCopy) error {
	_, known, err := t.quietRow(ctx)
	if err != nil {
		return err
	}
	inhibitors := "WHERE NOT (source = $1 AND account = $2) AND state = 'firing'"
	if known == c.Inhibition { // else the marks are of other rules
		inhibitors += " AND inhibits = 1"
	}
	const own = "WHERE source = $1 AND account = $2"
	for _, p := range []struct{ table, where string }{
		{"accounts", own},
		{"records", own},
		{"snapshots", own + " AND seq = (SELECT a.last_seq FROM accounts a WHERE a.source = $1 AND a.account = $2)"},
		{"alerts", own},
		{"alerts", inhibitors},
	} {
		if err := t.copyTable(ctx, into, p.table, p.where, c.Account.Source, c.Account.ID); err != nil {
			return err
		}
	}
	if err := t.copyTable(ctx, into, "silences", ""); err != nil {
		return err
	}
	groups, err := t.groupsAround(ctx, c)
	if err != nil {
		return err
	}
	const group = "WHERE integration = $1 AND group_key = $2"
	for _, g := range groups {
		for _, p := range []struct{ table, where string }{
			{"alert_groups", group},
			{"members", group},
			{"notifications", group + " AND status = '" + StatusPending + "'"},
		} {
			if err := t.copyTable(ctx, into, p.table, p.where, g[0], g[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// groupsAround returns integration and key of the groups that an account's
// alerts are in, and of those where one would go.
func (t *tx) groupsAround(ctx context.Context, c AccountCopy) ([][2]string, error) {
	var groups [][2]string
	err := t.each(ctx, func(rows *sql.Rows) error {
		var g [2]string
		err := rows.Scan(&g[0], &g[1])
		groups = append(groups, g)
		return err
	}, `
		SELECT DISTINCT m.integration, m.group_key FROM members m
		WHERE m.fingerprint IN (SELECT a.fingerprint FROM alerts a WHERE a.source = $1 AND a.account = $2)`,
		c.Account.Source, c.Account.ID)
	for _, due := range c.Groups {
		if g := [2]string{due.Integration, due.Key}; !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups, err
}
