package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/billwatch/billwatch"
)

// Route is a node of the routing tree as a person wrote it, with the words of
// Alertmanager. A child inherits what it leaves out.
type Route struct {
	Receiver       string         `yaml:"receiver"`
	Matchers       []string       `yaml:"matchers"`
	GroupBy        []string       `yaml:"group_by"` // "..." for all labels
	GroupWait      *time.Duration `yaml:"group_wait"`
	GroupInterval  *time.Duration `yaml:"group_interval"`
	RepeatInterval *time.Duration `yaml:"repeat_interval"`
	Continue       bool           `yaml:"continue"`
	Routes         []*Route       `yaml:"routes"`

	// Names of time intervals: when the route does not tell, and when it alone
	// does. A child does not inherit them.
	MuteTimes   []string `yaml:"mute_time_intervals"`
	ActiveTimes []string `yaml:"active_time_intervals"`
}

// Timing is when a group is told.
type Timing struct {
	GroupWait      time.Duration // before its first notification
	GroupInterval  time.Duration // between notifications about changes
	RepeatInterval time.Duration // before an unchanged firing group is told again
}

const (
	allLabels = "..."
	maxRegexp = 512 // characters of a matcher's regular expression
)

// node is a compiled Route.
type node struct {
	key      string // the path of matchers that leads here; stable over restarts
	receiver string
	matchers labels.Matchers
	groupBy  []string
	groupAll bool
	timing   Timing
	times    times
	carryOn  bool
	children []*node
}

// defaults is what the root inherits.
func defaults() *node {
	return &node{
		groupBy: []string{billwatch.LabelAlert, billwatch.LabelSource},
		timing:  Timing{10 * time.Second, 5 * time.Minute, 24 * time.Hour},
	}
}

// compiler gathers all mistakes of a tree before it gives up.
type compiler struct {
	receivers map[string][]Integration
	intervals Intervals
	problems  []error
}

func (c *compiler) wrong(field, hint, format string, args ...any) {
	c.problems = append(c.problems, &billwatch.FieldError{Field: field, Err: fmt.Errorf(format, args...), Hint: hint})
}

func (c *compiler) root(r *Route) *node {
	if len(r.Matchers) > 0 {
		c.wrong("matchers", "put them on a child route", "the root route takes every alert and has no matchers")
	}
	if r.Continue {
		c.wrong("continue", "", "the root route has no sibling to continue to")
	}
	for _, key := range []struct {
		name  string
		times []string
	}{{"mute_time_intervals", r.MuteTimes}, {"active_time_intervals", r.ActiveTimes}} {
		if len(key.times) > 0 {
			c.wrong(key.name, "put them on a child route", "the root route tells at any time")
		}
	}
	if r.Receiver == "" {
		c.wrong("receiver", "", "the root route needs a receiver")
	}
	return c.compile(r, defaults(), "")
}

// compile turns r into a node below parent; at is its place, "routes.0.".
func (c *compiler) compile(r *Route, parent *node, at string) *node {
	n := &node{
		receiver: parent.receiver, groupBy: parent.groupBy, groupAll: parent.groupAll,
		timing: parent.timing, carryOn: r.Continue,
	}
	if r.Receiver != "" {
		n.receiver = r.Receiver
		if _, ok := c.receivers[r.Receiver]; !ok {
			c.wrong(at+"receiver", c.known(), "there is no receiver %q", r.Receiver)
		}
	}
	n.matchers = c.matcherList(r.Matchers, at+"matchers")
	n.key = "{}"
	if parent.key != "" {
		n.key = parent.key + "/" + n.matchers.String()
	}
	c.groupBy(n, r, at)
	c.timing(n, r, at)
	n.times = times{c.named(r.MuteTimes, at+"mute_time_intervals"), c.named(r.ActiveTimes, at+"active_time_intervals"), c.intervals}
	for i, child := range r.Routes {
		if child == nil {
			c.wrong(fmt.Sprintf("%sroutes.%d", at, i), "", "is empty")
			continue
		}
		n.children = append(n.children, c.compile(child, n, fmt.Sprintf("%sroutes.%d.", at, i)))
	}
	return n
}

func (c *compiler) known() string {
	return "receivers are " + strings.Join(slices.Sorted(maps.Keys(c.receivers)), ", ")
}

// named returns the names of time intervals, and complains of those that there
// are none of.
func (c *compiler) named(names []string, at string) []string {
	for i, name := range names {
		if _, ok := c.intervals[name]; !ok {
			c.wrong(fmt.Sprintf("%s.%d", at, i), c.knownIntervals(), "there is no time interval %q", name)
		}
	}
	return names
}

func (c *compiler) knownIntervals() string {
	if len(c.intervals) == 0 {
		return "none is in time_intervals:"
	}
	return "time intervals are " + strings.Join(slices.Sorted(maps.Keys(c.intervals)), ", ")
}

// matcherList compiles the matchers of one key; at is its place.
func (c *compiler) matcherList(texts []string, at string) labels.Matchers {
	var all labels.Matchers
	for i, text := range texts {
		parsed, err := ParseMatchers(text)
		if err != nil {
			c.problems = append(c.problems, &billwatch.FieldError{Field: fmt.Sprintf("%s.%d", at, i), Err: err})
			continue
		}
		all = append(all, parsed...)
	}
	slices.SortStableFunc(all, func(a, b *labels.Matcher) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// ParseMatchers reads one or several matchers, `severity="critical"` or
// `{a="b",c=~"d|e"}`, in the syntax of Alertmanager.
func ParseMatchers(text string) (labels.Matchers, error) {
	parsed, err := parse.Matchers(text)
	if err != nil {
		return nil, fmt.Errorf("matcher %q: %w", cutRunes(text, maxRegexp), err)
	}
	if len(parsed) == 0 {
		return nil, errors.New("has no matcher")
	}
	for _, m := range parsed {
		regular := m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp
		if regular && len([]rune(m.Value)) > maxRegexp {
			return nil, fmt.Errorf("matcher on %q: the regular expression is longer than %d characters", m.Name, maxRegexp)
		}
	}
	return parsed, nil
}

func (c *compiler) groupBy(n *node, r *Route, at string) {
	if r.GroupBy == nil {
		return
	}
	n.groupBy, n.groupAll = nil, false
	for i, name := range r.GroupBy {
		field := fmt.Sprintf("%sgroup_by.%d", at, i)
		switch {
		case name == allLabels && len(r.GroupBy) > 1:
			c.wrong(field, "", "%q stands alone", allLabels)
		case name == allLabels:
			n.groupAll = true
		case name == "":
			c.wrong(field, "", "must not be empty")
		case name == billwatch.LabelAccountName:
			c.wrong(field, "group by account", "an account's name may change while its alert is firing")
		case slices.Contains(n.groupBy, name):
			c.wrong(field, "", "%q is there twice", name)
		default:
			n.groupBy = append(n.groupBy, name)
		}
	}
	slices.Sort(n.groupBy)
}

func (c *compiler) timing(n *node, r *Route, at string) {
	set := func(into, from *time.Duration, field string, least time.Duration) {
		if from == nil {
			return
		}
		if *from < least {
			c.wrong(at+field, "", "must be at least %s", least)
			return
		}
		*into = *from
	}
	set(&n.timing.GroupWait, r.GroupWait, "group_wait", 0)
	set(&n.timing.GroupInterval, r.GroupInterval, "group_interval", time.Second)
	set(&n.timing.RepeatInterval, r.RepeatInterval, "repeat_interval", time.Second)
}
