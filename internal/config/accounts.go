package config

import (
	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

type accountSettings struct {
	Match  *yaml.Node       `yaml:"match"`
	Labels billwatch.Labels `yaml:"labels"`
	Vars   *yaml.Node       `yaml:"vars"`
}

func (l *loader) accounts(n *yaml.Node) {
	if document.IsNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		l.fail(n, "accounts must be a list", "begin each entry with - match:")
		return
	}
	for _, entry := range n.Content {
		var s accountSettings
		l.add(l.doc.Decode(entry, &s))
		if entry.Kind != yaml.MappingNode {
			continue
		}
		if document.IsNull(s.Match) {
			l.fail(entry, "match: is missing", "which accounts, such as account.name startsWith \"Prod\"")
		}
		l.ownLabels(document.Get(entry, "labels"))
		l.config.Accounts = append(l.config.Accounts, AccountEntry{Match: l.selector(s.Match, l.facts()...), Labels: s.Labels, Vars: l.vars(s.Vars)})
	}
}

// vars decodes texts, numbers and booleans for rules.
func (l *loader) vars(n *yaml.Node) map[string]any {
	if !l.mapping(n, "vars") {
		return nil
	}
	vars := map[string]any{}
	for k, v := range document.Pairs(n) {
		if !variableName.MatchString(k.Value) {
			l.fail(k, "vars."+k.Value+" could not be named in a rule", "letters, digits and _, not beginning with a digit")
			continue
		}
		if v.Kind != yaml.ScalarNode || document.IsNull(v) {
			l.fail(v, "vars."+k.Value+" must be a text, a number, true or false", "")
			continue
		}
		var value any
		l.add(l.doc.Decode(v, &value))
		vars[k.Value] = value
	}
	return vars
}

// varNames returns the names that some account sets.
func (l *loader) varNames() []string {
	names := []string{}
	for _, a := range l.config.Accounts {
		for name := range a.Vars {
			names = append(names, name)
		}
	}
	return names
}
