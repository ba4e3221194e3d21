package rules

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"go.yaml.in/yaml/v4"
)

// Options are what rules may name, and what is configured beside them.
type Options struct {
	Vars       []string          // names below vars that some account sets; nil allows every name
	Sources    []string          // configured sources; nil allows every name
	Disabled   []string          // built-in rules that are switched off
	Severities map[string]string // of built-in rules, where they differ from the standard
	Labels     []string          // names of labels that some source or account has; nil allows every name
	Facts      []Facts           // of the sources, as far as something is known of them
}

// Set is every loaded rule, ready to judge. It is safe for concurrent use.
type Set struct {
	rules    []*rule
	watching []*rule   // built-in ones about what cannot be seen
	desks    sync.Pool // of *desk
}

// Keys that a configuration has and a rule file has not.
var configurationKeys = []string{"sources", "receivers", "route", "state", "listen"}

// Load compiles the rules of rule files, or of a configuration, and adds the
// built-in ones. The problems are all that there are, warnings included; with
// an error among them the Set is nil.
func Load(docs []*document.Document, o Options) (*Set, billwatch.Problems) {
	var problems billwatch.Problems
	set, named := &Set{}, map[string]*rule{}
	for _, doc := range docs {
		r := &reader{doc: doc, options: o}
		for _, n := range r.entries() {
			compiled := r.rule(n)
			if compiled == nil {
				continue
			}
			if first := named[compiled.name]; first != nil {
				r.fail(compiled.key, fmt.Sprintf("alert %s is already defined at %s:%d", compiled.name, first.file, first.line), "choose another name")
				continue
			}
			if compiled.name != "" {
				named[compiled.name] = compiled
			}
			set.rules = append(set.rules, compiled)
		}
		problems = append(problems, ordered(r.problems)...)
	}
	problems = append(problems, set.addBuiltin(o, named)...)
	if problems.Errors() > 0 {
		return nil, problems
	}
	for _, r := range slices.Concat(set.watching, set.rules) {
		r.labelsBy = writtenLabels(r.labels)
	}
	return set, problems
}

// ordered returns the problems of a file from its top down, each once: what is
// merged or named by an alias is read several times.
func ordered(problems billwatch.Problems) billwatch.Problems {
	slices.SortStableFunc(problems, func(a, b billwatch.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(problems)
}

// writtenLabels is a short text that changes with how the labels are written.
func writtenLabels(labels []namedText) string {
	sum := fnv.New64a()
	for _, l := range labels {
		fmt.Fprintf(sum, "%q%q", l.name, l.plain)
	}
	return fmt.Sprintf("%016x", sum.Sum64())
}

// entries returns the nodes of a file's rules.
func (r *reader) entries() []*yaml.Node {
	if r.doc == nil { // it was no YAML, which its reader was told
		return nil
	}
	root := r.doc.Root()
	if root == nil || document.IsNull(root) {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		r.fail(root, "a rule file must have the key rules", "rules:\n  - alert: …")
		return nil
	}
	configuration := slices.ContainsFunc(configurationKeys, func(k string) bool { return document.Get(root, k) != nil })
	var list *yaml.Node
	for k, v := range document.Pairs(root) {
		switch {
		case k.Value == "rules":
			list = v
		case configuration:
		case k.Value == "groups":
			r.fail(k, "there are no groups of rules", "put the rules below the key rules, without groups")
		default:
			r.problems = append(r.problems, r.doc.UnknownKey(k, []string{"rules"}))
		}
	}
	if list == nil || document.IsNull(list) {
		return nil
	}
	if list.Kind != yaml.SequenceNode {
		r.fail(list, "rules must be a list", "begin each rule with - alert:")
		return nil
	}
	return list.Content
}

// addBuiltin puts the built-in rules first that are neither switched off nor
// redefined.
func (s *Set) addBuiltin(o Options, named map[string]*rule) billwatch.Problems {
	doc, problems := document.Parse(builtinFile, []byte(builtinRules))
	r := &reader{doc: doc, problems: problems}
	var own []*rule
	for _, n := range r.entries() {
		compiled := r.rule(n)
		if compiled == nil || named[compiled.name] != nil || slices.Contains(o.Disabled, compiled.name) {
			continue
		}
		compiled.builtin = true
		own = append(own, compiled.graded(o))
	}
	s.rules = append(own, s.rules...)
	for _, w := range watchRules() {
		if named[w.name] == nil && !slices.Contains(o.Disabled, w.name) {
			s.watching = append(s.watching, w.graded(o))
		}
	}
	return r.problems
}

// Rules returns what the rules are, built-in ones first, then as they stand in
// the files.
func (s *Set) Rules() []Info {
	infos := make([]Info, 0, len(s.watching)+len(s.rules))
	for _, r := range slices.Concat(s.watching, s.rules) {
		infos = append(infos, r.info())
	}
	return infos
}
