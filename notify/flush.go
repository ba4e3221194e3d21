package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

// Plan is how an integration wants a group to be told.
type Plan struct {
	Timing       Timing
	SendResolved bool
	Quiet        *Quieting // nil mutes nobody
	Hold         Hold      // whether its route tells at this time
	MaxAlerts    int       // alerts in one notification; MaxAlerts where zero
}

// Decide says what looking at a claimed group comes to: a notification with its
// reason or none, which members leave, and when to look again. It is pure; the
// notification lacks its id and its text.
//
// A notification that waits unsent is superseded by the new one, which
// therefore tells of every alert of it.
func Decide(g billwatch.Group, p Plan, now time.Time) billwatch.Flush {
	f := billwatch.Flush{Group: g, Quiet: p.Quiet.Version()}
	l := look(g.Members, p, now)
	f.Drop, f.Untold = l.untold, len(l.untold)
	if !p.SendResolved {
		f.Drop = slices.Concat(f.Drop, l.ended, l.counted)
		l.ended, l.counted = nil, nil
	}
	last := g.ToldAt
	if last.After(now) { // a clock that went back must not hold the group up
		last = now
	}
	reason := l.reason(g, p, last, now)
	if reason == "" {
		f.Drop, f.Tally = append(f.Drop, l.counted...), l.counted
	} else {
		l.ended = append(l.ended, l.counted...)
		f.Notification = l.notification(g, reason, now)
		f.Unlisted = l.shorten(f.Notification, cmp.Or(p.MaxAlerts, MaxAlerts))
		f.Drop = append(f.Drop, l.ended...)
		l.told()
		last = now
	}
	f.Marks = l.marks(g.Members)
	f.NextDue = l.next(p, last, now)
	return f
}

// looked is a group's members by what is owed about them.
type looked struct {
	fresh    []billwatch.Member // firing, not told
	standing []billwatch.Member // firing, told
	back     []billwatch.Member // firing, told, and muted since
	ended    []billwatch.Member // resolved, told as firing
	counted  []billwatch.Member // resolved, told by a digest that did not list it: not worth a message
	untold   []billwatch.Member // resolved before anybody was told
	muted    []billwatch.Member // firing, and not to be told at present
}

func look(members []billwatch.Member, p Plan, now time.Time) *looked {
	l := &looked{}
	for _, m := range members {
		firing := m.Alert.State == billwatch.Firing
		told := m.Told == billwatch.Firing
		if firing {
			m = present(m, p, now)
		}
		switch {
		case firing && m.Muted.Why != "":
			l.muted = append(l.muted, m)
		case firing && m.Unmuted:
			l.back = append(l.back, m)
		case firing && told:
			l.standing = append(l.standing, m)
		case firing:
			l.fresh = append(l.fresh, m)
		case told && m.Counted:
			l.counted = append(l.counted, m)
		case told:
			l.ended = append(l.ended, m)
		default:
			l.untold = append(l.untold, m)
		}
	}
	return l
}

// present returns the firing member with why it is muted now, and whether it is
// owed to be told again because it no longer is.
func present(m billwatch.Member, p Plan, now time.Time) billwatch.Member {
	was := m.Muted
	if m.Muted = p.Quiet.Why(m.Alert, now); m.Muted.Why == "" {
		m.Muted = p.Hold.mute()
	}
	m.Unmuted = m.Muted.Why == "" && m.Told == billwatch.Firing && (m.Unmuted || was.Why != "")
	return m
}

// told lets everybody stand who has just been told.
func (l *looked) told() {
	for _, m := range l.back {
		m.Unmuted = false
		l.standing = append(l.standing, m)
	}
	l.standing = append(l.standing, l.fresh...)
	l.ended, l.back, l.fresh = nil, nil, nil
}

// marks returns the firing members of which another Muted or Unmuted is to be
// remembered.
func (l *looked) marks(before []billwatch.Member) []billwatch.Member {
	type mark struct {
		mute    billwatch.Mute
		unmuted bool
	}
	had := make(map[string]mark, len(before))
	for _, m := range before {
		had[identity(m.Alert)] = mark{m.Muted, m.Unmuted}
	}
	var changed []billwatch.Member
	for _, some := range [][]billwatch.Member{l.muted, l.back, l.standing, l.fresh} {
		for _, m := range some {
			if (mark{m.Muted, m.Unmuted}) != had[identity(m.Alert)] {
				changed = append(changed, m)
			}
		}
	}
	return changed
}

// reason returns why the group is told now, or "" where it is not.
func (l *looked) reason(g billwatch.Group, p Plan, last, now time.Time) string {
	if p.Hold.By != "" {
		return "" // what is owed is told when the route tells again
	}
	if l.changed() && last.Add(p.Timing.GroupInterval).After(now) && !l.repeats(p, last, now) {
		return "" // its turn comes
	}
	switch {
	case len(l.fresh) > 0 && len(l.standing)+len(l.back)+len(l.ended)+l.mutedTold() == 0:
		return billwatch.WhyFirst
	case len(l.fresh) > 0:
		return l.inherited(g, billwatch.WhyNewAlerts)
	case len(l.ended) > 0 && len(l.standing)+len(l.back)+l.mutedTold() == 0:
		return billwatch.WhyAllResolved
	case len(l.ended) > 0:
		return l.inherited(g, billwatch.WhySomeResolved)
	case len(l.back) > 0:
		return l.inherited(g, billwatch.WhyUnmuted)
	case l.repeats(p, last, now):
		return l.inherited(g, billwatch.WhyRepeat)
	}
	return ""
}

func (l *looked) changed() bool { return len(l.fresh)+len(l.back)+len(l.ended) > 0 }

// mutedTold counts the muted alerts that the integration was told of.
func (l *looked) mutedTold() int {
	n := 0
	for _, m := range l.muted {
		if m.Told == billwatch.Firing {
			n++
		}
	}
	return n
}

// repeats says whether a firing group is to be told again. A group that was
// told nothing under its present key (its alerts came from another one) has its
// repeat clock started by this look.
func (l *looked) repeats(p Plan, last, now time.Time) bool {
	return len(l.standing) > 0 && !last.IsZero() && !last.Add(p.Timing.RepeatInterval).After(now)
}

// inherited returns the first of the reasons of this look and of the
// notifications that it supersedes: to somebody who never got the first
// message, the second is the first.
func (l *looked) inherited(g billwatch.Group, reason string) string {
	order := []string{billwatch.WhyFirst, billwatch.WhyNewAlerts, billwatch.WhySomeResolved, billwatch.WhyUnmuted, billwatch.WhyRepeat}
	best := slices.Index(order, reason)
	for _, waiting := range g.Waiting {
		if i := slices.Index(order, waiting.Reason); i >= 0 && i < best {
			best = i
		}
	}
	return order[best]
}

// next returns when to look again: at the end of the interval where something
// is owed, at the repeat where something fires, and whenever what mutes is known
// to begin or end; zero ends the group.
func (l *looked) next(p Plan, last, now time.Time) time.Time {
	if last.IsZero() {
		last = now
	}
	repeat := last.Add(p.Timing.RepeatInterval)
	interval := last.Add(p.Timing.GroupInterval)
	next := p.Hold.Next
	switch {
	case p.Hold.By != "" && len(l.muted)+len(l.ended) > 0:
		return soonest(now.Add(p.Timing.RepeatInterval), p.Hold.Until)
	case l.changed() && len(l.standing) > 0:
		next = soonest(next, interval, repeat)
	case l.changed():
		next = soonest(next, interval)
	case len(l.standing) > 0:
		next = soonest(next, repeat)
	case len(l.muted) > 0: // they stay, and make the group due when they are no longer muted
		next = now.Add(p.Timing.RepeatInterval)
	default:
		return time.Time{}
	}
	for _, m := range l.muted {
		next = soonest(next, m.Muted.Until)
	}
	return next
}

// soonest returns the earliest of some moments, of which zero is never.
func soonest(moments ...time.Time) time.Time {
	var next time.Time
	for _, at := range moments {
		next = sooner(next, at)
	}
	return next
}

func (l *looked) notification(g billwatch.Group, reason string, now time.Time) *billwatch.Notification {
	n := &billwatch.Notification{
		Receiver: g.Receiver, Integration: g.Integration, GroupKey: g.Key, GroupLabels: g.Labels,
		Reason: reason, Status: billwatch.Resolved, FrozenAt: now, Incident: g.Incident,
	}
	if reason == billwatch.WhyFirst { // whatever was before is over, or never arrived
		n.Incident = ""
	}
	listed := map[string]bool{}
	add := func(a billwatch.Alert) {
		if listed[identity(a)] {
			return
		}
		listed[identity(a)] = true
		if a.State == billwatch.Firing {
			n.Status = billwatch.Firing
		}
		n.Alerts = append(n.Alerts, a)
	}
	for _, m := range slices.Concat(l.fresh, l.back, l.standing) {
		add(m.Alert)
	}
	for _, m := range l.ended {
		add(ended(m.Alert, now))
	}
	muted := identities(l.muted)
	for _, waiting := range slices.Backward(g.Waiting) { // the newest knows how an alert ended
		for _, a := range waiting.Alerts {
			if !muted[identity(a)] { // what is muted goes on: it was owed before
				a = ended(a, now)
			}
			add(a)
		}
		n.Ends += waiting.Ends // nobody knows any more which they are
	}
	n.Truncated = n.Ends
	slices.SortStableFunc(n.Alerts, firingThenOldest)
	return n
}

// ended returns the alert as resolved, with an end.
func ended(a billwatch.Alert, now time.Time) billwatch.Alert {
	a.State = billwatch.Resolved
	if a.EndsAt.IsZero() {
		a.EndsAt = now
	}
	return a
}

// identity is what one alert of a group has in common over notifications.
func identity(a billwatch.Alert) string {
	if a.Fingerprint != "" {
		return a.Fingerprint
	}
	return a.Key.Rule + "/" + a.Key.Account.String()
}

func firingThenOldest(a, b billwatch.Alert) int {
	rank := func(x billwatch.Alert) int {
		if x.State == billwatch.Firing {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)), a.StartsAt.Compare(b.StartsAt),
		cmp.Compare(a.Key.Account.String(), b.Key.Account.String()),
		cmp.Compare(a.Key.Rule, b.Key.Rule), cmp.Compare(identity(a), identity(b)),
	)
}
