package document

import (
	"fmt"
	"slices"

	"github.com/billwatch/billwatch"
	"go.yaml.in/yaml/v4"
)

// extent is how much a node expands to, its aliases followed.
type extent struct{ nodes, depth int }

// measurer computes extents, each node's once, so that an alias bomb costs no
// more than its text.
type measurer struct {
	done  map[*yaml.Node]extent
	open  map[*yaml.Node]bool
	cycle *yaml.Node // the alias that closes a loop
}

func (m *measurer) measure(n *yaml.Node) extent {
	if e, ok := m.done[n]; ok {
		return e
	}
	if n.Kind == yaml.AliasNode {
		if m.open[n.Alias] {
			m.cycle = n
			return extent{1, 1}
		}
		return m.measure(n.Alias)
	}
	m.open[n] = true
	e := extent{1, 1}
	for _, c := range n.Content {
		inner := m.measure(c)
		e.nodes = min(e.nodes+inner.nodes, maxNodes+1) // it need not be exact beyond
		e.depth = max(e.depth, inner.depth+1)
	}
	delete(m.open, n)
	m.done[n] = e
	return e
}

// checkBounds finds loops, too many nodes and too much depth.
func (d *Document) checkBounds(root *yaml.Node) billwatch.Problems {
	m := &measurer{done: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	whole := m.measure(root)
	switch {
	case m.cycle != nil:
		return billwatch.Problems{d.unparsed(placeOf(m.cycle), "alias to something that it is itself part of", "")}
	case whole.nodes > maxNodes:
		at := m.pass(root, new(int))
		return billwatch.Problems{d.unparsed(at, fmt.Sprintf("more than %d nodes, aliases followed", maxNodes), "")}
	case whole.depth > maxDepth:
		return billwatch.Problems{d.unparsed(m.deep(root), fmt.Sprintf("nested deeper than %d levels", maxDepth), "")}
	}
	return nil
}

// pass returns the place of the node with which the count passes the bound.
func (m *measurer) pass(n *yaml.Node, count *int) place {
	if n.Kind == yaml.AliasNode {
		*count += m.measure(n).nodes
	} else {
		*count++
	}
	if *count > maxNodes {
		return placeOf(n)
	}
	for _, c := range n.Content {
		if at := m.pass(c, count); at.line > 0 {
			return at
		}
	}
	return place{}
}

// deep returns the place of the first node that lies too deep, or of the alias
// that leads there.
func (m *measurer) deep(n *yaml.Node) place {
	for level := 1; level <= maxDepth && n.Kind != yaml.AliasNode && len(n.Content) > 0; level++ {
		n = slices.MaxFunc(n.Content, func(a, b *yaml.Node) int { return m.measure(a).depth - m.measure(b).depth })
	}
	return placeOf(n)
}

// checkTree finds duplicate keys, odd keys, tags and tabs.
func (d *Document) checkTree(n *yaml.Node) billwatch.Problems {
	var problems billwatch.Problems
	if n.Style&yaml.TaggedStyle != 0 && !plainTag(n.ShortTag()) {
		problems = append(problems, d.Error(n, "tags are not supported", "remove it; a text that begins with ! needs quotes"))
	}
	if d.tabBefore(n) {
		problems = append(problems, d.Error(n, "tab in the indentation", "indent with spaces"))
	}
	if n.Kind == yaml.MappingNode {
		problems = append(problems, d.checkKeys(n)...)
	}
	for _, c := range n.Content {
		problems = append(problems, d.checkTree(c)...)
	}
	return problems
}

func plainTag(tag string) bool {
	return slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!merge", "!!timestamp"}, tag)
}

// tabBefore says whether a node is the first on its line and a tab comes
// before it.
func (d *Document) tabBefore(n *yaml.Node) bool {
	if n.Line < 1 || n.Line > len(d.lines) {
		return false
	}
	line := d.lines[n.Line-1]
	before := line[:min(max(n.Column-1, 0), len(line))]
	return slices.Contains(before, '\t') && !slices.ContainsFunc(before, func(r rune) bool { return r != ' ' && r != '\t' })
}

func (d *Document) checkKeys(n *yaml.Node) billwatch.Problems {
	var problems billwatch.Problems
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			problems = append(problems, d.Error(n.Content[i], "a key must be a text", "put a value that begins with { or [ in quotes"))
			continue
		}
		if before, ok := first[key.Value]; ok {
			message := "duplicate key " + quoteKey(key.Value)
			problems = append(problems, d.Error(n.Content[i], message, fmt.Sprintf("it is also on line %d", before.Line)))
			continue
		}
		first[key.Value] = key
		if isMerge(key) {
			problems = append(problems, d.checkMerge(n.Content[i+1])...)
		}
	}
	return problems
}

func (d *Document) checkMerge(n *yaml.Node) billwatch.Problems {
	for _, m := range mergeSources(n) {
		if m.Kind != yaml.MappingNode {
			return billwatch.Problems{d.Error(n, "only a mapping can be merged", "")}
		}
	}
	return nil
}
