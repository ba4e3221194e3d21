package notify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const (
	stormWait     = 10 * time.Second // how long a digest waits for company, and how close messages are at once
	stormInterval = 5 * time.Minute  // between digests
	stormLists    = 50               // alerts that a digest lists
	stormTries    = 3                // where other replicas add to the same digest
)

// StormStore keeps digests.
type StormStore interface {
	// Storms says how an integration's digests stand.
	Storms(ctx context.Context, q billwatch.StormQuery) (billwatch.Storms, error)
	// FreezeStorm stores a digest and the groups in it: all of it, or nothing and
	// an error. ErrStormMoved says that the digest must be made anew.
	FreezeStorm(ctx context.Context, f billwatch.StormFlush) error
}

// storm looks at what one integration is told at once. Where that is too much
// for people it becomes one digest, stored here, or waits for the next one; what
// is returned is told as usual. Full says that more may be due.
func (d *Dispatcher) storm(ctx context.Context, in Integration, flushes []billwatch.Flush, full bool, now time.Time) ([]billwatch.Flush, error) {
	if d.c.Storms == nil || !in.Digests || in.StormLimit <= 0 || !slices.ContainsFunc(flushes, tells) {
		return flushes, nil
	}
	for try := 1; ; try++ {
		left, err := d.tryStorm(ctx, in, flushes, full, now)
		if err == nil || try == stormTries || !errors.Is(err, billwatch.ErrStormMoved) {
			return left, err
		}
	}
}

// tells says whether a flush is news for somebody.
func tells(f billwatch.Flush) bool { return f.Notification != nil || len(f.Tally) > 0 }

func (d *Dispatcher) tryStorm(ctx context.Context, in Integration, flushes []billwatch.Flush, full bool, now time.Time) ([]billwatch.Flush, error) {
	s, err := d.c.Storms.Storms(ctx, billwatch.StormQuery{
		Integration: in.Name, Since: now.Add(-stormWait), LastSince: now.Add(-stormInterval),
	})
	if err != nil {
		return nil, err
	}
	growing := s.Waiting != nil && s.Attempts == 0
	var inside, beside []billwatch.Flush
	for _, f := range flushes {
		if tells(f) {
			inside = append(inside, f)
		} else {
			beside = append(beside, f)
		}
	}
	covered := s.Waiting != nil && slices.ContainsFunc(inside, func(f billwatch.Flush) bool { return f.Group.Storm == s.Waiting.ID })
	if !growing && !covered && len(inside)+s.Recent <= in.StormLimit {
		return flushes, nil
	}
	if turn := s.Last.Add(stormInterval); !growing && !s.Last.IsZero() && turn.After(now) {
		for i := range inside {
			inside[i] = postponed(inside[i], turn)
		}
		return append(beside, inside...), nil
	}
	g := newDigest(in, s, now)
	for _, f := range inside {
		g.add(f)
	}
	flush := g.flush(inside, now, full)
	flush.Digest.ExternalURL = d.c.Templates.external
	message, problems := d.c.Templates.render(flush.Digest, in.Overrides)
	d.miswrote(in, problems)
	flush.Digest.Message = message
	return beside, d.c.Storms.FreezeStorm(ctx, flush)
}

// postponed is the flush of a group that is looked at again later, as if it had
// not been looked at now. What nobody was ever told of still leaves it.
func postponed(f billwatch.Flush, until time.Time) billwatch.Flush {
	kept := f
	kept.Notification, kept.Unlisted, kept.Tally, kept.Drop, kept.Marks = nil, nil, nil, nil, nil
	for _, m := range f.Drop {
		if m.Told != billwatch.Firing && m.Alert.State != billwatch.Firing {
			kept.Drop = append(kept.Drop, m)
		}
	}
	kept.NextDue = until
	return kept
}

// digest is a message about many groups while it is written.
type digest struct {
	n      billwatch.Notification
	before billwatch.Storms
	counts map[string]*billwatch.StormRule
	listed []string // by the digest before
}

// newDigest goes on from the digest that waits, if any: it grows while nobody
// tried to send it, and is else superseded.
func newDigest(in Integration, s billwatch.Storms, now time.Time) *digest {
	g := &digest{before: s, counts: map[string]*billwatch.StormRule{}}
	g.n = billwatch.Notification{
		ID: NewID(now), Receiver: in.Receiver, Integration: in.Name, GroupKey: billwatch.StormKey,
		GroupLabels: billwatch.Labels{}, Reason: billwatch.WhyStorm, FrozenAt: now, Storm: &billwatch.Storm{},
	}
	if w := s.Waiting; w != nil {
		if s.Attempts == 0 {
			g.n.ID, g.n.FrozenAt = w.ID, w.FrozenAt
		}
		g.n.Alerts = slices.Clone(w.Alerts)
		for _, a := range w.Alerts {
			g.listed = append(g.listed, a.Fingerprint)
		}
		g.n.Storm.Groups = w.Storm.Groups
		for _, r := range w.Storm.Rules {
			g.counts[r.Rule] = &r
		}
	}
	for rule, resolved := range s.Tally {
		g.rule(rule, "").Resolved += resolved
	}
	g.n.Incident = g.n.ID
	return g
}

func (g *digest) rule(name, severity string) *billwatch.StormRule {
	r, ok := g.counts[name]
	if !ok {
		r = &billwatch.StormRule{Rule: name}
		g.counts[name] = r
	}
	r.Severity = cmp.Or(r.Severity, severity)
	return r
}

// add counts what is told of one group. Of a group that the digest before spoke
// for, what it said to be firing is counted already.
func (g *digest) add(f billwatch.Flush) {
	known := map[string]bool{}
	if w := g.before.Waiting; w != nil && f.Group.Storm == w.ID {
		for _, m := range f.Group.Members {
			if m.Told == billwatch.Firing {
				known[identity(m.Alert)] = true
			}
		}
	} else {
		g.n.Storm.Groups++
	}
	for _, m := range f.Tally {
		g.count(m.Alert, known[identity(m.Alert)])
	}
	if f.Notification == nil {
		return
	}
	for _, a := range f.Notification.Alerts {
		g.count(a, known[identity(a)])
		g.list(a)
	}
	for _, a := range f.Unlisted {
		g.count(a, known[identity(a)])
	}
}

func (g *digest) count(a billwatch.Alert, known bool) {
	r := g.rule(a.Key.Rule, a.Labels[billwatch.LabelSeverity])
	switch {
	case a.State != billwatch.Firing && known:
		r.Firing--
		r.Resolved++
	case a.State != billwatch.Firing:
		r.Resolved++
	case !known:
		r.Firing++
	}
}

// list puts an alert among those that are listed, in its place. The list is cut
// now and then, so that it stays small whatever comes.
func (g *digest) list(a billwatch.Alert) {
	same := func(b billwatch.Alert) bool { return identity(a) == identity(b) }
	if i := slices.IndexFunc(g.n.Alerts, same); i >= 0 {
		g.n.Alerts[i] = a
		return
	}
	g.n.Alerts = append(g.n.Alerts, a)
	if len(g.n.Alerts) >= 2*stormLists {
		g.cut()
	}
}

func (g *digest) cut() {
	slices.SortStableFunc(g.n.Alerts, worstFirst)
	g.n.Alerts = g.n.Alerts[:min(len(g.n.Alerts), stormLists)]
}

// worstFirst orders what fires before what does not, grave before less grave,
// and what is gone sooner before the rest.
func worstFirst(a, b billwatch.Alert) int {
	rank := func(x billwatch.Alert) int {
		if x.State != billwatch.Firing {
			return 9
		}
		switch x.Labels[billwatch.LabelSeverity] {
		case "critical":
			return 0
		case "info":
			return 2
		}
		return 1
	}
	runway := func(x billwatch.Alert) float64 {
		if x.Forecast == nil {
			return 1e9
		}
		return x.Forecast.Runway.P50
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(runway(a), runway(b)), firingThenOldest(a, b))
}

// flush is what is stored of the digest.
func (g *digest) flush(inside []billwatch.Flush, now time.Time, full bool) billwatch.StormFlush {
	g.cut()
	total := 0
	g.n.Status = billwatch.Resolved
	for _, r := range g.counts {
		r.Firing = max(r.Firing, 0)
		total += r.Firing + r.Resolved
		if r.Firing > 0 {
			g.n.Status = billwatch.Firing
		}
		g.n.Storm.Rules = append(g.n.Storm.Rules, *r)
	}
	slices.SortFunc(g.n.Storm.Rules, func(a, b billwatch.StormRule) int {
		return cmp.Or(cmp.Compare(b.Firing, a.Firing), cmp.Compare(b.Resolved, a.Resolved), cmp.Compare(a.Rule, b.Rule))
	})
	g.n.Truncated = max(total-len(g.n.Alerts), 0)
	f := billwatch.StormFlush{Flushes: inside, Digest: g.n, Tally: g.before.Tally, Due: now}
	if w := g.before.Waiting; w != nil {
		f.Replaces, f.Revision = w.ID, g.before.Revision
	}
	if f.Replaces == "" || f.Replaces == g.n.ID { // nobody tried to send it yet
		f.Due = latest(g.n.FrozenAt.Add(stormWait), now)
		if full {
			f.Due = now.Add(stormWait)
		}
	}
	for _, fingerprint := range g.listed {
		if !slices.ContainsFunc(g.n.Alerts, func(a billwatch.Alert) bool { return a.Fingerprint == fingerprint }) {
			f.Unlisted = append(f.Unlisted, fingerprint)
		}
	}
	return f
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
