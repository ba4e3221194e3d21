package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// LoadSource is Load for one source and the rules. Other sources, receivers and
// whatever else the file says are not looked at, so that a secret that is
// missing there stands in nobody's way. A name that no source has is a problem.
func LoadSource(path string, env []string, k Kinds, name string) (*Config, billwatch.Problems, error) {
	c, _, problems, err := load(path, env, k, name)
	return c, problems, err
}

// about returns the keys that say something of a single source.
func about() []string {
	return []string{"sources", "accounts", "rule_files", "rules", "builtin_rules", "timezone", "log"}
}

// narrowed returns the configuration as if it were about the one source that
// is asked for, and remembers the names of all.
func (l *loader) narrowed(root *yaml.Node) *yaml.Node {
	if l.only == "" {
		return root
	}
	kept := *root
	kept.Content = nil
	found := false
	for k, v := range document.Pairs(root) {
		if !slices.Contains(about(), k.Value) {
			continue
		}
		if k.Value == "sources" && !document.IsNull(v) && v.Kind == yaml.MappingNode {
			one := *v
			one.Content = nil
			for name, source := range document.Pairs(v) {
				l.names = append(l.names, name.Value)
				if name.Value == l.only {
					one.Content, found = []*yaml.Node{name, source}, true
				}
			}
			v = &one
		}
		kept.Content = append(kept.Content, k, v)
	}
	if !found {
		l.fail(keyOf(root, "sources"), fmt.Sprintf("there is no source %q", l.only), suggest(l.only, l.names))
	}
	return &kept
}
