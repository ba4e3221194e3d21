package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/billwatch/billwatch"
)

// fillGroup reads the first page of a group's members, and what waits of it.
func (t *tx) fillGroup(ctx context.Context, g *billwatch.Group) error {
	if err := t.members(ctx, g); err != nil {
		return err
	}
	return t.each(ctx, func(rows *sql.Rows) error {
		var n billwatch.Notification
		err := rows.Scan(document(&n))
		g.Waiting = append(g.Waiting, n)
		return err
	}, `
		SELECT body FROM notifications
		WHERE status = 'pending' AND ambiguous = 0 AND integration = $1 AND group_key = $2 ORDER BY seq`, g.Integration, g.Key)
}

// others reads the further members of claimed groups that have more than a page
// of them, a page in a transaction: 100,000 take longer than a call may, and
// would hold up every writer. What changes meanwhile makes the group due again,
// and is not dropped by what its flush saw before.
func (s *Store) others(ctx context.Context, groups []billwatch.Group) error {
	for i := range groups {
		g := &groups[i]
		for more := len(g.Members) == pageSize; more; {
			had := len(g.Members)
			err := s.read(ctx, func(t *tx) error {
				g.Members = g.Members[:had] // it may run more than once
				return t.members(ctx, g)
			})
			if err != nil {
				return fmt.Errorf("group %s: %w", g.Key, err)
			}
			more = len(g.Members) == had+pageSize
		}
		slices.SortFunc(g.Members, func(a, b billwatch.Member) int {
			return cmp.Or(a.Alert.StartsAt.Compare(b.Alert.StartsAt), cmp.Compare(a.Alert.Fingerprint, b.Alert.Fingerprint))
		})
	}
	return nil
}

// members adds the next page of a group's members to those that it has.
func (t *tx) members(ctx context.Context, g *billwatch.Group) error {
	after := ""
	if n := len(g.Members); n > 0 {
		after = clean(g.Members[n-1].Alert.Fingerprint)
	}
	return t.each(ctx, func(rows *sql.Rows) error {
		var m billwatch.Member
		var told string
		var unmuted, counted int
		err := rows.Scan(document(&m.Alert), &told, &m.Version, &m.Muted.Why, &m.Muted.By, stamp(&m.Muted.Until), &unmuted, &counted)
		m.Counted = counted > 0
		m.Told, m.Unmuted = billwatch.AlertState(told), unmuted > 0
		g.Members = append(g.Members, m)
		return err
	}, fmt.Sprintf(`
		SELECT COALESCE(a.body, m.body), m.told, m.version, m.muted, m.muted_by, m.muted_until, m.unmuted, m.counted
		FROM members m
		LEFT JOIN alerts a ON a.fingerprint = m.fingerprint AND a.starts_at = m.starts_at AND a.state = 'firing' AND m.unrouted = 0
		WHERE m.integration = $1 AND m.group_key = $2 AND m.fingerprint > $3 ORDER BY m.fingerprint LIMIT %d`, pageSize),
		g.Integration, g.Key, after)
}
