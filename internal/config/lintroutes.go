package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
)

// lintRoutes warns of routes that no alert can take, and of receivers that none
// leads to. The tree has compiled.
func (l *loader) lintRoutes(root *notify.Route, n *yaml.Node) {
	t := &routeLint{loader: l, known: l.knownValues(), reached: map[string]bool{}}
	t.node(routeAt{root, n, root.Receiver}, nil)
	for k := range document.Pairs(l.settings.Receivers) {
		if !t.reached[k.Value] && k.Value != l.config.Fallback {
			l.warn(k, "no route leads to receiver "+l.doc.Quote(k), "")
		}
	}
}

type routeLint struct {
	*loader
	known   map[string][]string // what the labels can be of which that is known
	reached map[string]bool     // receivers
}

// routeAt is a route, where it stands, and who is told by it.
type routeAt struct {
	route    *notify.Route
	at       *yaml.Node
	receiver string
}

// node looks at a route that can be reached, over these matchers of its
// parents.
func (t *routeLint) node(r routeAt, above labels.Matchers) {
	t.repeats(r)
	takesAll := false // a child leaves nothing to the route itself
	var before []labels.Matchers
	list := document.Get(r.at, "routes")
	for i, child := range r.route.Routes {
		c := routeAt{child, list.Content[i], child.Receiver}
		if c.receiver == "" {
			c.receiver = r.receiver
		}
		own := matchersOf(child)
		if why := t.dead(own, above, before); why != "" {
			t.warn(c.at, "no alert takes this route: "+why, "")
			continue
		}
		if !child.Continue {
			before = append(before, own)
		}
		takesAll = takesAll || len(own) == 0
		t.node(c, slices.Concat(above, own))
	}
	if !takesAll {
		t.reached[r.receiver] = true
	}
}

func matchersOf(r *notify.Route) labels.Matchers {
	var all labels.Matchers
	for _, text := range r.Matchers {
		if m, err := notify.ParseMatchers(text); err == nil {
			all = append(all, m...)
		}
	}
	return all
}

// dead says why no alert takes a route; it is empty where one may.
func (t *routeLint) dead(own, above labels.Matchers, before []labels.Matchers) string {
	for _, earlier := range before {
		if within(earlier, own) {
			return "one before it takes them all"
		}
	}
	all := slices.Concat(above, own)
	for _, m := range own {
		if known, ok := t.known[m.Name]; ok && !slices.ContainsFunc(known, m.Matches) {
			return fmt.Sprintf("no alert has %s", m)
		}
		for _, other := range all {
			if m.Name == other.Name && excludes(m, other) {
				return fmt.Sprintf("%s and %s exclude each other", other, m)
			}
		}
	}
	return ""
}

// within says whether whatever meets the later matchers meets the earlier.
func within(earlier, later labels.Matchers) bool {
	return !slices.ContainsFunc(earlier, func(e *labels.Matcher) bool {
		return !slices.ContainsFunc(later, func(m *labels.Matcher) bool {
			return m.String() == e.String() || m.Name == e.Name && m.Type == labels.MatchEqual && e.Matches(m.Value)
		})
	})
}

func excludes(a, b *labels.Matcher) bool {
	return a.Type == labels.MatchEqual && !b.Matches(a.Value) || b.Type == labels.MatchEqual && !a.Matches(b.Value)
}

// repeats warns of repeating what cannot have been looked at again.
func (t *routeLint) repeats(r routeAt) {
	least, every := t.shortestInterval(), r.route.RepeatInterval
	if every != nil && *every < least {
		t.warn(document.Get(r.at, "repeat_interval"),
			fmt.Sprintf("repeat_interval: is shorter than the %s between two polls", short(least)), "nothing new can be said so soon")
	}
}

// knownValues returns what some labels can be: all that is configured, and what
// billwatch says of itself.
func (l *loader) knownValues() map[string][]string {
	known := map[string][]string{billwatch.LabelSource: append(l.sourceNames(), "")}
	if l.config.Rules == nil {
		return known
	}
	names := []string{"SourceDown", "AccountStale", "AccountGone", "RuleBroken", "ReceiverDown"}
	severities, fixed := []string{"critical", "warning", ""}, !slices.Contains(l.labelNames(), billwatch.LabelSeverity)
	for _, r := range l.config.Rules.Rules() {
		names = append(names, r.Name)
		severities = append(severities, r.Labels[billwatch.LabelSeverity])
		fixed = fixed && !strings.Contains(r.Labels[billwatch.LabelSeverity], "{{")
	}
	known[billwatch.LabelAlert] = names
	if fixed {
		known[billwatch.LabelSeverity] = severities
	}
	if providers := providersOf(l.facts()); providers != nil {
		known[billwatch.LabelProvider] = append(providers, "")
	}
	return known
}

// providersOf returns the providers of the sources, nil where one is not known.
func providersOf(facts []rules.Facts) []string {
	var names []string
	for _, f := range facts {
		if f.Provider == "" {
			return nil
		}
		names = append(names, f.Provider)
	}
	return names
}
