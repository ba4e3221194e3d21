package document

import (
	"iter"

	"go.yaml.in/yaml/v4"
)

// Pairs returns a mapping's key and value nodes, aliases and merge keys
// followed; none where n is no mapping.
func Pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// Get returns the value of a mapping's key, nil where it has none.
func Get(n *yaml.Node, key string) *yaml.Node {
	for k, v := range Pairs(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// IsNull says whether nothing is written where a value could be.
func IsNull(n *yaml.Node) bool {
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// mergeSources returns the nodes that a merge key names.
func mergeSources(n *yaml.Node) []*yaml.Node {
	n = follow(n)
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	sources := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		sources[i] = follow(c)
	}
	return sources
}

func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// resolve puts the nodes that aliases and merge keys name in their places, so
// that nobody needs to follow them again. The tree was checked for loops.
func resolve(n *yaml.Node, done map[*yaml.Node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	for i, c := range n.Content {
		n.Content[i] = follow(c)
		resolve(n.Content[i], done)
	}
	if n.Kind == yaml.MappingNode {
		n.Content = merged(n)
	}
}

// merged returns a mapping's content without merge keys: its own keys win, then
// earlier sources over later ones.
func merged(n *yaml.Node) []*yaml.Node {
	var content, merges []*yaml.Node
	has := map[string]bool{}
	for k, v := range Pairs(n) {
		if isMerge(k) {
			merges = append(merges, mergeSources(v)...)
			continue
		}
		has[k.Value] = true
		content = append(content, k, v)
	}
	for _, m := range merges {
		for k, v := range Pairs(m) {
			if !has[k.Value] {
				has[k.Value] = true
				content = append(content, k, v)
			}
		}
	}
	return content
}
