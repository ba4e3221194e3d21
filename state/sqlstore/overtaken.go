package sqlstore

import (
	"context"
	"time"

	"github.com/billwatch/billwatch"
)

// overtaken says whether a waiting notification that the new one was to take the
// place of is on its way or arrived meanwhile, and told of an end that the new
// one tells of as well: an end is told once. The rows that still wait are kept
// from being claimed until the transaction ends.
func (t *tx) overtaken(ctx context.Context, f billwatch.Flush) (bool, error) {
	if f.Notification == nil {
		return false, nil
	}
	told := map[string]time.Time{} // ends in the new one: when it began, by fingerprint
	for _, alerts := range [][]billwatch.Alert{f.Notification.Alerts, f.Unlisted} {
		for _, a := range alerts {
			if a.State == billwatch.Resolved {
				told[a.Fingerprint] = a.StartsAt
			}
		}
	}
	for _, waiting := range f.Group.Waiting {
		n, err := t.exec(ctx, `UPDATE notifications SET claim = claim WHERE id = $1 AND status = 'pending' AND ambiguous = 0`, waiting.ID)
		if err != nil {
			return false, err
		}
		if n == 0 && waiting.Ends > 0 && f.Notification.Ends > 0 { // nobody knows which they are
			return true, nil
		}
		for _, a := range waiting.Alerts {
			began, both := told[a.Fingerprint]
			if n == 0 && both && a.State == billwatch.Resolved && began.Equal(a.StartsAt) {
				return true, nil
			}
		}
	}
	return false, nil
}

// overtakenInside says whether a group of a digest was overtaken, and then lets
// all of them be looked at again: what the digest counts is no longer so. Groups
// that are claimed no longer are left alone; whoever stores them sees to that.
func (t *tx) overtakenInside(ctx context.Context, f billwatch.StormFlush) (bool, error) {
	late := false
	for _, flush := range f.Flushes {
		if len(flush.Group.Waiting) == 0 {
			continue
		}
		held, err := t.holds(ctx, flush.Group)
		if err == nil && held {
			late, err = t.overtaken(ctx, flush)
		}
		if err != nil {
			return false, err
		}
		if late {
			break
		}
	}
	if !late {
		return false, nil
	}
	for _, flush := range f.Flushes {
		held, err := t.holds(ctx, flush.Group)
		if err == nil && held {
			err = t.lookAgain(ctx, flush)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// holds says whether a group is still claimed as it was.
func (t *tx) holds(ctx context.Context, g billwatch.Group) (bool, error) {
	row, err := t.holdGroup(ctx, g)
	return row.claim == g.Claim, err
}

// lookAgain makes a claimed group due at once, as it was but for the members of
// whom nobody will ever be told.
func (t *tx) lookAgain(ctx context.Context, f billwatch.Flush) error {
	g := f.Group
	var unheard []billwatch.Member
	for _, m := range f.Drop {
		if m.Told != billwatch.Firing {
			unheard = append(unheard, m)
		}
	}
	if err := t.leave(ctx, g, unheard); err != nil {
		return err
	}
	t.woken = true
	_, err := t.exec(ctx, `UPDATE alert_groups SET due_at = 1, wanted_at = 0, claim = '' WHERE integration = $1 AND group_key = $2`,
		g.Integration, g.Key)
	return err
}
