package notify

import (
	"slices"

	"github.com/billwatch/billwatch"
)

// Branch is a route of the tree as it is shown to a person.
type Branch struct {
	Depth    int
	Matchers string // `{severity="critical"}`; empty at the root
	Receiver string
	Continue bool
	Mute     []string // names of time intervals in which it does not tell
	Active   []string // names of time intervals in which alone it tells
	Takes    bool     // alerts with the labels end here
}

// Tree lists the routes from the root down, and says which take an alert with
// these labels.
func (r *Router) Tree(l billwatch.Labels) []Branch {
	taken := r.root.match(l)
	var all []Branch
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		b := Branch{
			Depth: depth, Receiver: n.receiver, Continue: n.carryOn, Takes: slices.Contains(taken, n),
			Mute: n.times.mute, Active: n.times.active,
		}
		if depth > 0 {
			b.Matchers = n.matchers.String()
		}
		all = append(all, b)
		for _, child := range n.children {
			walk(child, depth+1)
		}
	}
	walk(r.root, 0)
	return all
}
