package config

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

// quiets reads what keeps alerts from being told: time intervals, which routes
// name, and rules of inhibition.
func (l *loader) quiets() notify.Quiets {
	return notify.Quiets{Intervals: l.intervals(l.settings.TimeIntervals), Inhibition: l.inhibition(l.settings.InhibitRules)}
}

// inhibition compiles the rules; the key alone, even with nothing behind it,
// takes the place of what holds without it.
func (l *loader) inhibition(n *yaml.Node) *notify.Inhibition {
	rules, key := notify.DefaultInhibition(), keyOf(l.doc.Root(), "inhibit_rules")
	decoded := true
	if key != nil {
		rules = nil
		before := l.problems.Errors()
		l.add(l.doc.Decode(n, &rules))
		decoded = l.problems.Errors() == before
	}
	compiled, err := notify.NewInhibition(rules)
	l.placeItems(section{"inhibit_rules", n, key}, decoded, err)
	return compiled
}

func (l *loader) intervals(n *yaml.Node) notify.Intervals {
	var all []notify.NamedInterval
	before := l.problems.Errors()
	l.add(l.doc.Decode(n, &all))
	compiled, err := notify.NewIntervals(all)
	l.placeItems(section{"time_intervals", n, n}, l.problems.Errors() == before, err)
	if compiled == nil { // that routes name one of them is no news
		compiled = notify.Intervals{}
		for _, named := range all {
			compiled[named.Name] = nil
		}
	}
	l.warnUnused(n, l.namedIntervals(l.settings.Route, slices.Sorted(maps.Keys(compiled))))
	return compiled
}

// placeItems is place for a list: the field is called by its own key, because
// where it stands the place says.
func (l *loader) placeItems(s section, decoded bool, err error) {
	for _, e := range flatten(err) {
		var wrong *billwatch.FieldError
		if !errors.As(e, &wrong) {
			l.place(s, decoded, e)
			continue
		}
		n := at(s.node, wrong.Field)
		if n == nil {
			n = s.anchor
		}
		if !decoded && l.mentioned(n) {
			continue
		}
		keys := slices.DeleteFunc(strings.Split(wrong.Field, "."), func(part string) bool { return strings.Trim(part, "0123456789") == "" })
		key := s.name
		if len(keys) > 0 {
			key = keys[len(keys)-1]
		}
		l.fail(n, key+": "+wrong.Err.Error(), wrong.Hint)
	}
}

// namedIntervals returns the names of time intervals that routes ask for, and
// complains of those that there are none of.
func (l *loader) namedIntervals(route *yaml.Node, known []string) map[string]bool {
	named := map[string]bool{}
	for _, key := range []string{"mute_time_intervals", "active_time_intervals"} {
		for _, item := range sequence(document.Get(route, key)) {
			named[item.Value] = true
			if item.Kind == yaml.ScalarNode && !slices.Contains(known, item.Value) {
				l.fail(item, "there is no time interval "+l.doc.Quote(item), suggest(item.Value, known))
			}
		}
	}
	for _, child := range sequence(document.Get(route, "routes")) {
		maps.Copy(named, l.namedIntervals(child, known))
	}
	return named
}

// withoutIntervals leaves out what a router says of time intervals that there
// are none of: it was said, with a suggestion.
func withoutIntervals(err error) error {
	var kept []error
	for _, e := range flatten(err) {
		var wrong *billwatch.FieldError
		if !errors.As(e, &wrong) || !strings.Contains(wrong.Field, "_time_intervals.") {
			kept = append(kept, e)
		}
	}
	return errors.Join(kept...)
}

func sequence(n *yaml.Node) []*yaml.Node {
	if document.IsNull(n) || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// warnUnused warns of time intervals that no route names.
func (l *loader) warnUnused(n *yaml.Node, named map[string]bool) {
	for _, item := range sequence(n) {
		name := document.Get(item, "name")
		if !document.IsNull(name) && name.Kind == yaml.ScalarNode && !named[name.Value] {
			l.warn(name, "no route names the time interval "+l.doc.Quote(name), "name it under mute_time_intervals or active_time_intervals of a route")
		}
	}
}
