package notify

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Integration is one configured way of telling within a receiver.
type Integration struct {
	Name         string // "ops/slack/0"
	Receiver     string
	Type         string // "slack"
	SendResolved bool
	RetryFor     time.Duration // how long a notification is tried
	Digests      bool          // whether many groups at once may become a digest: people read it
	StormLimit   int           // more groups than this at once become a digest
	Chart        bool          // a picture of the balance goes with its messages
	Notifier     Notifier
	Overrides    Overrides
	Settings     string // changes with its settings; empty where nobody asks
}

// Router says which groups an alert belongs to. It is safe for concurrent use.
type Router struct {
	root      *node
	receivers map[string][]Integration
	byName    map[string]Integration
	routes    map[routeAt]*node
	quiets    *Inhibition
}

// routeAt finds a route by what its groups remember of it.
type routeAt struct{ key, receiver string }

// Quiets is what keeps alerts from being told, beside silences.
type Quiets struct {
	Intervals  Intervals
	Inhibition *Inhibition // nil for what always holds
}

// NewRouter compiles a routing tree over receivers, each with its integrations,
// where nothing keeps alerts from being told.
func NewRouter(root *Route, receivers map[string][]Integration) (*Router, error) {
	return NewRouterWith(root, receivers, Quiets{})
}

// NewRouterWith compiles a routing tree over receivers, each with its
// integrations. Mistakes are *billwatch.FieldError, all of them joined, with
// places such as "routes.0.matchers.1" below the root.
func NewRouterWith(root *Route, receivers map[string][]Integration, q Quiets) (*Router, error) {
	c := &compiler{receivers: receivers, intervals: q.Intervals}
	r := &Router{
		root:      c.root(root),
		receivers: receivers,
		byName:    map[string]Integration{},
		routes:    map[routeAt]*node{},
		quiets:    q.Inhibition,
	}
	if r.quiets == nil {
		r.quiets = always()
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	for _, integrations := range receivers {
		for _, in := range integrations {
			r.byName[in.Name] = in
		}
	}
	r.remember(r.root)
	return r, nil
}

func (r *Router) remember(n *node) {
	at := routeAt{n.key, n.receiver}
	if _, taken := r.routes[at]; !taken { // of equal siblings the first gets the alerts
		r.routes[at] = n
	}
	for _, child := range n.children {
		r.remember(child)
	}
}

// Integrations returns all integrations, sorted by name.
func (r *Router) Integrations() []Integration {
	all := slices.Collect(maps.Values(r.byName))
	slices.SortFunc(all, func(a, b Integration) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Integration returns the integration of that name.
func (r *Router) Integration(name string) (Integration, bool) {
	in, ok := r.byName[name]
	return in, ok
}

// Match returns the receivers of an alert with these labels, in the order of
// the tree, each once.
func (r *Router) Match(l billwatch.Labels) []string {
	var names []string
	for _, n := range r.root.match(l) {
		if !slices.Contains(names, n.receiver) {
			names = append(names, n.receiver)
		}
	}
	return names
}

// Due returns the groups that a transition of the alert makes due: one for each
// integration of each receiver that it routes to. An integration that two
// routes lead to is told by the first. An alert that neither fires nor has just
// resolved concerns nobody, and feeds are kept up to date by a Feeder.
func (r *Router) Due(a billwatch.Alert, now time.Time) []billwatch.GroupDue {
	if a.State != billwatch.Firing && a.State != billwatch.Resolved {
		return nil
	}
	var due []billwatch.GroupDue
	told := map[string]bool{}
	for _, n := range r.root.match(a.Labels) {
		group := n.groupLabels(a.Labels)
		for _, in := range r.receivers[n.receiver] {
			if _, fed := in.Notifier.(Fed); fed || told[in.Name] {
				continue
			}
			told[in.Name] = true
			due = append(due, billwatch.GroupDue{
				Key: n.key + ":" + labelText(group), Receiver: n.receiver, Integration: in.Name,
				Labels: group, Alert: a, DueAt: firstLook(a, n.timing, now), Interval: n.timing.GroupInterval,
			})
		}
	}
	return due
}

// Fed returns the integrations that an alert with these labels is pushed to.
func (r *Router) Fed(l billwatch.Labels) []Integration {
	var all []Integration
	for _, receiver := range r.Match(l) {
		for _, in := range r.receivers[receiver] {
			if _, fed := in.Notifier.(Fed); fed {
				all = append(all, in)
			}
		}
	}
	return all
}

// firstLook is when a group that nobody was told of yet is looked at: at once
// where the alert has already waited.
func firstLook(a billwatch.Alert, t Timing, now time.Time) time.Time {
	from := now
	if a.State == billwatch.Firing && !a.StartsAt.IsZero() && a.StartsAt.Before(now) {
		from = a.StartsAt
	}
	if at := from.Add(t.GroupWait); at.After(now) {
		return at
	}
	return now
}

// Timing returns the timing of a group's route. A group whose route is gone
// from the configuration goes on with the root's.
func (r *Router) Timing(g billwatch.Group) Timing { return r.routeOf(g).timing }

// Hold says whether a group's route tells at a moment.
func (r *Router) Hold(g billwatch.Group, now time.Time) Hold { return r.routeOf(g).times.at(now) }

// Inhibition says which alerts keep which others from being told.
func (r *Router) Inhibition() *Inhibition { return r.quiets }

func (r *Router) routeOf(g billwatch.Group) *node {
	path := strings.TrimSuffix(g.Key, ":"+labelText(g.Labels))
	if n, ok := r.routes[routeAt{path, g.Receiver}]; ok {
		return n
	}
	return r.root
}

// match returns the deepest routes that take the labels.
func (n *node) match(l billwatch.Labels) []*node {
	if !n.takes(l) {
		return nil
	}
	var all []*node
	for _, child := range n.children {
		found := child.match(l)
		all = append(all, found...)
		if len(found) > 0 && !child.carryOn {
			break
		}
	}
	if len(all) == 0 {
		all = append(all, n)
	}
	return all
}

func (n *node) takes(l billwatch.Labels) bool {
	for _, m := range n.matchers {
		if !m.Matches(l[m.Name]) {
			return false
		}
	}
	return true
}

// groupLabels returns the labels that name the alert's group. An account's name
// is never one: it may change while the alert is firing.
func (n *node) groupLabels(l billwatch.Labels) billwatch.Labels {
	group := billwatch.Labels{}
	if n.groupAll {
		maps.Copy(group, l)
		delete(group, billwatch.LabelAccountName)
		return group
	}
	for _, name := range n.groupBy {
		if value, ok := l[name]; ok {
			group[name] = value
		}
	}
	return group
}

// labelText writes labels sorted and quoted, the same way for ever: group keys
// are stored.
func labelText(l billwatch.Labels) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(l)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + "=" + strconv.Quote(l[name]))
	}
	b.WriteByte('}')
	return b.String()
}
