package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
)

// rules compiles the rules of the configuration and of all rule files.
func (l *loader) rules() {
	docs := []*document.Document{l.doc.Only("rules")}
	for _, path := range l.files(l.settings.RuleFiles, "rule_files") {
		if doc := l.ruleFile(path); doc != nil {
			docs = append(docs, doc)
			l.ruleDocs = append(l.ruleDocs, doc)
		}
	}
	l.config.options = rules.Options{
		Vars: l.varNames(), Sources: l.sourceNames(), Disabled: l.disabled(), Severities: l.severities(),
		Labels: l.labelNames(), Facts: l.facts(),
	}
	set, problems := rules.Load(docs, l.config.options)
	l.add(problems)
	l.config.Rules = set
}

// RulesFrom compiles other rule files in the place of those that the
// configuration names. The error is that one cannot be read; all else are
// Problems, and the Set is nil where one of them is an error.
func (c *Config) RulesFrom(paths []string) (*rules.Set, billwatch.Problems, error) {
	var docs []*document.Document
	var problems billwatch.Problems
	for _, path := range paths {
		doc, err := document.Read(path)
		var broken billwatch.Problems
		switch {
		case errors.As(err, &broken):
			problems = append(problems, broken...)
			continue
		case err != nil:
			return nil, nil, err
		}
		if kind := KindOf(doc); kind != RuleFile {
			problems = append(problems, doc.Error(nil, "is a "+string(kind)+", not a rule file", ""))
			continue
		}
		docs = append(docs, doc)
	}
	set, more := rules.Load(docs, c.options)
	problems = append(problems, more...)
	if problems.Errors() > 0 {
		return nil, problems, nil
	}
	return set, problems, nil
}

// sourceNames returns every source of the file, also those with a problem.
func (l *loader) sourceNames() []string {
	names := append([]string{}, l.names...)
	for k := range document.Pairs(l.settings.Sources) {
		names = append(names, k.Value)
	}
	return names
}

func (l *loader) ruleFile(path foundFile) *document.Document {
	doc, err := document.Read(path.name)
	var problems billwatch.Problems
	switch {
	case errors.As(err, &problems):
		l.add(problems)
	case err != nil:
		l.fail(path.node, "rule_files: "+err.Error(), "")
		return nil
	}
	if doc == nil {
		return nil
	}
	if kind := KindOf(doc); kind != RuleFile {
		l.fail(path.node, "rule_files: "+path.name+" is a "+string(kind), "name rule files only")
		return nil
	}
	return doc
}

// foundFile is a file and the node that names it.
type foundFile struct {
	name string
	node *yaml.Node
}

// files returns what a list of paths and patterns names, each file once.
func (l *loader) files(patterns []*yaml.Node, key string) []foundFile {
	var found []foundFile
	for _, n := range patterns {
		var pattern string
		if problems := l.doc.Decode(n, &pattern); len(problems) > 0 {
			l.add(problems)
			continue
		}
		for _, name := range l.glob(n, pattern, key) {
			if !slices.Contains(l.config.Files, name) {
				l.config.Files = append(l.config.Files, name)
				found = append(found, foundFile{name, n})
			}
		}
	}
	return found
}

func (l *loader) glob(n *yaml.Node, pattern, key string) []string {
	path := l.path(pattern)
	l.input(path)
	if !isPattern(pattern) {
		if _, err := os.Stat(path); err != nil {
			l.fail(n, key+": there is no file "+l.doc.Quote(n), "paths are relative to the configuration")
			return nil
		}
		return []string{path}
	}
	names, err := filepath.Glob(path)
	switch {
	case err != nil:
		l.fail(n, key+": "+l.doc.Quote(n)+" is not a pattern", "such as rules/*.yaml")
	case len(names) == 0:
		l.warn(n, key+": "+l.doc.Quote(n)+" matches no file", "paths are relative to the configuration")
	}
	return names
}

// disabled returns the built-in rules that are switched off.
func (l *loader) disabled() []string {
	var names []string
	known := rules.Builtin()
	for _, n := range l.settings.BuiltinRules.Disabled {
		var name string
		if problems := l.doc.Decode(n, &name); len(problems) > 0 {
			l.add(problems)
			continue
		}
		if !slices.Contains(known, name) {
			l.fail(n, "there is no built-in rule "+l.doc.Quote(n), suggest(name, known))
		}
		names = append(names, name)
	}
	return names
}

// severities returns what severity built-in rules are to have.
func (l *loader) severities() map[string]string {
	severities, known := map[string]string{}, rules.Builtin()
	n := l.settings.BuiltinRules.Severities
	if n == nil || document.IsNull(n) {
		return severities
	}
	if n.Kind != yaml.MappingNode {
		l.fail(n, "severities must be a mapping of built-in rules to severities", "such as SourceDown: warning")
		return severities
	}
	for k, v := range document.Pairs(n) {
		var severity string
		if problems := l.doc.Decode(v, &severity); len(problems) > 0 {
			l.add(problems)
			continue
		}
		switch {
		case !slices.Contains(known, k.Value):
			l.fail(k, "there is no built-in rule "+l.doc.Quote(k), suggest(k.Value, known))
		case strings.TrimSpace(severity) == "":
			l.fail(v, "a severity must not be empty", "such as warning")
		default:
			severities[k.Value] = severity
		}
	}
	return severities
}
