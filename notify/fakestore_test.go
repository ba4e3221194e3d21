package notify_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
)

// place names a group at an integration.
type place struct{ integration, key string }

type groupRow struct {
	group   billwatch.Group
	claimed time.Time
}

type outboxRow struct {
	n         billwatch.Notification
	at        place
	state     string // "", "superseded" or an outcome
	attempts  int
	nextAt    time.Time
	claimed   time.Time
	prior     billwatch.Receipt
	ambiguous bool
}

// fakeStore keeps groups and notifications in memory by the promises that the
// dispatcher relies on.
type fakeStore struct {
	mu     sync.Mutex
	groups map[place]*groupRow
	outbox []*outboxRow
	pauses map[string]time.Time // by integration
	untold int
	wake   chan struct{}

	fail    func(op string) error       // nil for a store that is well; called by several goroutines
	claimed func()                      // after deliveries were claimed; may be nil
	refuse  func(billwatch.Flush) error // says whether a flush cannot be stored; may be nil
	claims  int                         // of deliveries
}

func newFakeStore() *fakeStore {
	return &fakeStore{groups: map[place]*groupRow{}, pauses: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

func (s *fakeStore) lock(ctx context.Context, op string) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.fail != nil {
		if err := s.fail(op); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	return s.mu.Unlock, nil
}

func (s *fakeStore) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Commit makes groups due, as a transition does.
func (s *fakeStore) Commit(now time.Time, dues []billwatch.GroupDue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, due := range dues {
		at := place{due.Integration, due.Key}
		row, ok := s.groups[at]
		if !ok {
			row = &groupRow{group: billwatch.Group{
				Key: due.Key, Receiver: due.Receiver, Integration: due.Integration, Labels: due.Labels, DueAt: due.DueAt,
			}}
			s.groups[at] = row
		}
		if !row.group.ToldAt.IsZero() {
			next := row.group.ToldAt.Add(due.Interval)
			if next.Before(now) {
				next = now
			}
			if next.Before(row.group.DueAt) {
				row.group.DueAt = next
			}
		}
		i := slices.IndexFunc(row.group.Members, func(m billwatch.Member) bool { return m.Alert.Key == due.Alert.Key })
		if i < 0 {
			row.group.Members = append(row.group.Members, billwatch.Member{Alert: due.Alert})
		} else {
			row.group.Members[i].Alert = due.Alert
			row.group.Members[i].Version++
		}
	}
	s.poke()
}

func (s *fakeStore) ClaimGroups(ctx context.Context, c billwatch.Claim) ([]billwatch.Group, error) {
	unlock, err := s.lock(ctx, "claim groups")
	if err != nil {
		return nil, err
	}
	defer unlock()
	var groups []billwatch.Group
	for at, row := range s.groups {
		if !slices.Contains(c.Integrations, at.integration) || row.group.DueAt.After(c.Now) || row.claimed.After(c.Now) {
			continue
		}
		if len(groups) == c.Limit {
			break
		}
		row.claimed = c.Until
		g := row.group
		g.Members = slices.Clone(g.Members)
		for _, out := range s.outbox {
			if out.at == at && out.state == "" && !out.ambiguous && !out.claimed.After(c.Now) {
				g.Waiting = append(g.Waiting, out.n)
			}
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (s *fakeStore) Freeze(ctx context.Context, flushes []billwatch.Flush) error {
	unlock, err := s.lock(ctx, "freeze")
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range flushes {
		if s.refuse != nil && s.refuse(f) != nil {
			return s.refuse(f)
		}
	}
	for _, f := range flushes {
		s.freeze(f)
	}
	s.poke()
	return nil
}

func (s *fakeStore) freeze(f billwatch.Flush) {
	at := place{f.Group.Integration, f.Group.Key}
	row := s.groups[at]
	row.claimed = time.Time{}
	row.group.DueAt = f.NextDue
	s.untold += f.Untold
	for _, m := range f.Drop {
		row.group.Members = slices.DeleteFunc(row.group.Members, func(x billwatch.Member) bool {
			return x.Alert.Key == m.Alert.Key && x.Version == m.Version
		})
	}
	if n := f.Notification; n != nil {
		for _, out := range s.outbox {
			if slices.ContainsFunc(f.Group.Waiting, func(w billwatch.Notification) bool { return w.ID == out.n.ID }) && out.state == "" {
				out.state = "superseded"
			}
		}
		s.outbox = append(s.outbox, &outboxRow{n: *n, at: at, nextAt: n.FrozenAt})
		row.group.ToldAt = n.FrozenAt
		for i := range row.group.Members {
			if row.group.Members[i].Alert.State == billwatch.Firing {
				row.group.Members[i].Told = billwatch.Firing
			}
		}
	}
	if f.NextDue.IsZero() && len(row.group.Members) == 0 {
		delete(s.groups, at)
	}
}

func (s *fakeStore) ClaimDeliveries(ctx context.Context, c billwatch.Claim) (claimed []billwatch.Delivery, problem error) {
	unlock, err := s.lock(ctx, "claim deliveries")
	if err != nil {
		return nil, err
	}
	defer func() {
		unlock()
		if s.claimed != nil && len(claimed) > 0 {
			s.claimed()
		}
		if errors.Is(ctx.Err(), context.Canceled) { // the answer is lost, the claim is not
			claimed, problem = nil, ctx.Err()
		}
	}()
	s.claims++
	blocked := map[place]bool{}
	for _, row := range s.outbox {
		if row.state != "" || !slices.Contains(c.Integrations, row.at.integration) {
			continue
		}
		first := !blocked[row.at]
		blocked[row.at] = true
		if !first || len(claimed) == c.Limit || row.nextAt.After(c.Now) || row.claimed.After(c.Now) || s.pauses[row.at.integration].After(c.Now) {
			continue
		}
		row.attempts++
		row.claimed = c.Until
		claimed = append(claimed, billwatch.Delivery{
			Notification: row.n, Attempt: row.attempts, Prior: row.prior, Until: c.Until, FirstTry: row.n.FrozenAt,
		})
	}
	return claimed, nil
}

func (s *fakeStore) Settle(ctx context.Context, e billwatch.Settlement) error {
	unlock, err := s.lock(ctx, "settle")
	if err != nil {
		return err
	}
	defer unlock()
	i := slices.IndexFunc(s.outbox, func(r *outboxRow) bool { return r.n.ID == e.Delivery.Notification.ID })
	row := s.outbox[i]
	if row.attempts != e.Delivery.Attempt {
		return billwatch.ErrLeaseLost
	}
	row.claimed, row.nextAt, row.prior = time.Time{}, e.NextAt, e.Receipt
	row.ambiguous = row.ambiguous || e.Ambiguous
	if e.Outcome != billwatch.Retry {
		row.state = e.Outcome
	}
	if e.Destination != "" {
		s.pauses[row.at.integration] = e.PauseUntil
	}
	if e.Forget {
		if g, ok := s.groups[row.at]; ok {
			for j := range g.group.Members {
				g.group.Members[j].Told = billwatch.Inactive
			}
		}
	}
	return nil
}

func (s *fakeStore) Wake() <-chan struct{} { return s.wake }

func (s *fakeStore) NextDue(ctx context.Context, integrations []string) (time.Time, error) {
	unlock, err := s.lock(ctx, "next due")
	if err != nil {
		return time.Time{}, err
	}
	defer unlock()
	var times []time.Time
	for at, row := range s.groups {
		if slices.Contains(integrations, at.integration) && !row.group.DueAt.IsZero() {
			times = append(times, later(row.group.DueAt, row.claimed))
		}
	}
	for _, row := range s.outbox {
		if row.state == "" && slices.Contains(integrations, row.at.integration) {
			times = append(times, later(later(row.nextAt, row.claimed), s.pauses[row.at.integration]))
		}
	}
	if len(times) == 0 {
		return time.Time{}, nil
	}
	return slices.MinFunc(times, time.Time.Compare), nil
}

func later(a, b time.Time) time.Time {
	if cmp.Compare(a.UnixNano(), b.UnixNano()) < 0 && !b.IsZero() {
		return b
	}
	return a
}
