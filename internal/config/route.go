package config

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

// nobody is the root's receiver where none is configured.
const nobody = "nobody"

// route builds the router over the receivers.
func (l *loader) route(receivers map[string][]notify.Integration) {
	n := l.settings.Route
	var root notify.Route
	quiets := l.quiets()
	switch {
	case document.IsNull(n):
		if !l.rootByDefault(&root, receivers) {
			return
		}
	case !l.mapping(n, "route"):
		return
	default:
		l.add(l.doc.Decode(l.laterBelow(n), &root))
	}
	router, err := notify.NewRouterWith(&root, receivers, quiets)
	l.place(section{"route", n, n}, true, withoutIntervals(err))
	l.config.Router = router
	if router == nil {
		l.warnUnreached(&root)
		return
	}
	l.lintRoutes(&root, n)
}

// fallback checks who is told when a receiver does not get its messages.
func (l *loader) fallback(receivers map[string][]notify.Integration) {
	name := l.settings.Fallback
	if name == "" {
		return
	}
	n := document.Get(l.doc.Root(), "fallback_receiver")
	if _, ok := receivers[name]; !ok {
		l.fail(n, "fallback_receiver: there is no receiver "+l.doc.Quote(n), suggest(name, slices.Sorted(maps.Keys(receivers))))
		return
	}
	l.config.Fallback = name
	switch {
	case l.config.Rules != nil && !l.config.Rules.Watches(billwatch.RuleReceiverDown):
		l.warn(n, "fallback_receiver is told nothing: the rule ReceiverDown is switched off", "take it out of builtin_rules.disabled")
	case len(receivers) == 1:
		l.warn(n, "fallback_receiver is the only receiver: nobody is left to tell when it is down", "add another receiver")
	}
}

// rootByDefault makes the only receiver the root, where no route is configured.
func (l *loader) rootByDefault(root *notify.Route, receivers map[string][]notify.Integration) bool {
	switch len(receivers) {
	case 0:
		l.warn(nil, "no receivers: nobody is told of anything", "add receivers:")
		receivers[nobody] = nil
		root.Receiver = nobody
	case 1:
		for name := range receivers {
			root.Receiver = name
		}
	default:
		l.fail(keyOf(l.doc.Root(), "receivers"), "with several receivers a route: is needed", "route: { receiver: … }")
		return false
	}
	return true
}

// laterBelow takes keys of a later version out of a route and its children.
func (l *loader) laterBelow(n *yaml.Node) *yaml.Node {
	kept := l.later(n)
	for i := 0; i+1 < len(kept.Content); i += 2 {
		if kept.Content[i].Value != "routes" || kept.Content[i+1].Kind != yaml.SequenceNode {
			continue
		}
		list := *kept.Content[i+1]
		list.Content = nil
		for _, child := range kept.Content[i+1].Content {
			if child.Kind == yaml.MappingNode {
				child = l.laterBelow(child)
			}
			list.Content = append(list.Content, child)
		}
		kept.Content[i+1] = &list
	}
	return kept
}

// warnUnreached warns of receivers that a tree with mistakes does not name.
func (l *loader) warnUnreached(root *notify.Route) {
	reached := map[string]bool{}
	var walk func(r *notify.Route)
	walk = func(r *notify.Route) {
		if r == nil {
			return
		}
		reached[r.Receiver] = true
		for _, child := range r.Routes {
			walk(child)
		}
	}
	walk(root)
	for k := range document.Pairs(l.settings.Receivers) {
		if !reached[k.Value] && k.Value != l.config.Fallback {
			l.warn(k, "no route leads to receiver "+l.doc.Quote(k), "")
		}
	}
}
