package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

const prefix = "BILLWATCH_"

// ignored says whether a variable is no key: Kubernetes sets some for a Service
// named billwatch, tests have their own, and commands that ask a running
// billwatch read where it is and who asks.
func ignored(name string) bool {
	if slices.Contains([]string{"BILLWATCH_URL", "BILLWATCH_USER", "BILLWATCH_PASSWORD"}, name) {
		return true
	}
	for _, other := range []string{"BILLWATCH_PORT", "BILLWATCH_SERVICE_", "BILLWATCH_TEST_"} {
		if strings.HasPrefix(name, other) {
			return true
		}
	}
	return false
}

// override lays BILLWATCH_SOURCES__BLUES__TOKEN and the like over the file.
func (l *loader) override(root *yaml.Node, vars variables) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		rest, ours := strings.CutPrefix(name, prefix)
		if !ours || ignored(name) {
			continue
		}
		o := overriding{l: l, name: name, value: vars[name]}
		if !o.into(root, nil, strings.Split(rest, "__")) {
			l.problems = append(l.problems, billwatch.Problem{
				File: name, Severity: billwatch.SeverityWarning, Message: "environment variable matches no key",
			})
		}
	}
}

// overriding is one variable on its way to its key.
type overriding struct {
	l           *loader
	name, value string
}

// into sets the value below n and says whether there is such a place.
func (o overriding) into(n *yaml.Node, path, rest []string) bool {
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(rest[0])
		if err != nil || i < 0 || i >= len(n.Content) {
			return false
		}
		return o.step(n, i, append(path, rest[0]), rest[1:])
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if sameName(n.Content[i].Value, rest[0]) {
			return o.step(n, i+1, append(path, n.Content[i].Value), rest[1:])
		}
	}
	for _, key := range o.l.known(path) {
		if sameName(key, rest[0]) {
			return o.create(n, key, append(path, key), rest[1:])
		}
	}
	return false
}

// sameName compares a key with a part of a variable's name.
func sameName(key, part string) bool {
	return strings.EqualFold(strings.ReplaceAll(key, "-", "_"), part)
}

// step goes on at a child, or replaces it. The child may stand elsewhere too,
// by an alias, and must not change there.
func (o overriding) step(n *yaml.Node, i int, path, rest []string) bool {
	if len(rest) == 0 {
		n.Content[i] = o.graft(&yaml.Node{Kind: yaml.ScalarNode, Value: o.value}, path)
		return true
	}
	child := *n.Content[i]
	child.Content = slices.Clone(child.Content)
	if document.IsNull(&child) {
		child = *o.graft(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, path)
	}
	if !o.into(&child, path, rest) {
		return false
	}
	n.Content[i] = &child
	return true
}

func (o overriding) create(n *yaml.Node, key string, path, rest []string) bool {
	pair := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, {Kind: yaml.MappingNode, Tag: "!!map"},
	}}
	o.graft(pair, path)
	if !o.step(pair, 1, path, rest) {
		return false
	}
	n.Content = append(n.Content, pair.Content...)
	return true
}

func (o overriding) graft(n *yaml.Node, path []string) *yaml.Node {
	o.l.doc.Graft(n, o.name, slices.ContainsFunc(path, document.IsSecretKey))
	return n
}

// known returns the keys that may stand at a path though the file has none
// there. Names of sources and receivers come from the file alone.
func (l *loader) known(path []string) []string {
	if len(path) == 0 {
		return document.Keys(settings{})
	}
	switch path[0] {
	case "log":
		return document.Keys(logSettings{})
	case "builtin_rules":
		return document.Keys(builtinRules{})
	case "route":
		return document.Keys(notify.Route{})
	case "sources":
		if len(path) >= 2 {
			return l.sourceKeys(path[2:])
		}
	case "receivers":
		return l.receiverKeys(path[1:])
	}
	return nil
}

// sourceKeys returns the keys below a source, or below some keys of its type's.
func (l *loader) sourceKeys(below []string) []string {
	keys := document.Keys(sourceSettings{}, below...)
	for _, t := range l.kinds.Sources {
		keys = append(keys, document.Keys(t.Settings(), below...)...)
	}
	return keys
}

// receiverKeys returns the keys below receivers; path begins with a receiver's
// name.
func (l *loader) receiverKeys(path []string) []string {
	if len(path) < 2 {
		return nil
	}
	for _, t := range l.kinds.Integrations {
		if t.Name == path[1] {
			return append(document.Keys(integrationSettings{}), document.Keys(t.Settings())...)
		}
	}
	return nil
}
