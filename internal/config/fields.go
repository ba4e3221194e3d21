package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
)

// section is a mapping that is decoded into settings, and the node that stands
// for it where the mapping itself has no place to point at.
type section struct {
	name   string // "sources.blues"
	node   *yaml.Node
	anchor *yaml.Node
}

// split divides a mapping into the keys that are known and the others.
func split(n *yaml.Node, known []string) (ours, theirs *yaml.Node) {
	a, b := *n, *n
	a.Content, b.Content = nil, nil
	for k, v := range document.Pairs(n) {
		if slices.Contains(known, k.Value) {
			a.Content = append(a.Content, k, v)
		} else {
			b.Content = append(b.Content, k, v)
		}
	}
	return &a, &b
}

// decode fills our own settings and those of a type from one mapping, and says
// whether that went without a problem.
func (l *loader) decode(s section, own, of any) bool {
	before := len(l.problems)
	l.joinPaths(s.node)
	ours, theirs := split(s.node, document.Keys(own))
	l.add(l.doc.Decode(ours, own))
	known, unknown := split(theirs, document.Keys(of))
	l.add(l.doc.Decode(known, of))
	all := append(document.Keys(own), document.Keys(of)...)
	for k := range document.Pairs(unknown) {
		p := l.doc.UnknownKey(k, all)
		if types := l.otherTypes(s, k.Value); len(types) > 0 {
			p.Hint = "it is a key of sources of type " + strings.Join(types, " and ")
		}
		l.problems = append(l.problems, p)
	}
	return len(l.problems) == before
}

// otherTypes returns which types of source have a key, where it stands in one.
func (l *loader) otherTypes(s section, key string) []string {
	var types []string
	for _, t := range l.kinds.Sources {
		if strings.HasPrefix(s.name, "sources.") && slices.Contains(document.Keys(t.Settings()), key) {
			types = append(types, t.Name)
		}
	}
	return types
}

// joinPaths makes the paths of files relative to the file that names them.
func (l *loader) joinPaths(n *yaml.Node) {
	for k, v := range document.Pairs(n) {
		if !strings.HasSuffix(k.Value, "_file") || v.Kind != yaml.ScalarNode || v.Line < 0 || l.joined[v] {
			continue
		}
		l.joined[v] = true
		if v.Value != "" && !filepath.IsAbs(v.Value) {
			l.doc.Replace(v, l.path(v.Value))
		}
	}
}

// place adds what New or another check said of a section's settings. Where
// decoding had already failed, nothing is said of fields that are missing or
// have a problem: it is most likely the same mistake.
func (l *loader) place(s section, decoded bool, err error) {
	for _, e := range flatten(err) {
		var wrong *billwatch.FieldError
		if !errors.As(e, &wrong) {
			l.fail(s.anchor, s.name+": "+e.Error(), "")
			continue
		}
		n := at(s.node, wrong.Field)
		if !decoded && (n == nil || l.mentioned(n)) {
			continue
		}
		if n == nil {
			n = s.anchor
		}
		if wrong.Offset > 0 {
			l.problems = append(l.problems, l.doc.ErrorAt(n, wrong.Offset, wrong.Error(), wrong.Hint))
			continue
		}
		l.fail(n, wrong.Error(), wrong.Hint)
	}
}

// mentioned says whether a problem is at a node already, or within it.
func (l *loader) mentioned(n *yaml.Node) bool {
	if slices.ContainsFunc(n.Content, l.mentioned) {
		return true
	}
	here := l.doc.Error(n, "", "")
	return slices.ContainsFunc(l.problems, func(p billwatch.Problem) bool {
		return p.File == here.File && p.Line == here.Line && p.Column == here.Column
	})
}

// flatten returns the errors that were joined.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// at returns the node of a field such as "routes.0.receiver", the deepest that
// is there; nil where not even its first key is.
func at(n *yaml.Node, field string) *yaml.Node {
	var found *yaml.Node
	for field != "" && n != nil {
		n, field = child(n, field)
		if n != nil {
			found = n
		}
	}
	return found
}

// child takes one step along a field's name. A key may hold dots itself.
func child(n *yaml.Node, field string) (*yaml.Node, string) {
	part, rest, _ := strings.Cut(field, ".")
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil, ""
		}
		return n.Content[i], rest
	}
	if whole := document.Get(n, field); whole != nil {
		return whole, ""
	}
	return document.Get(n, part), rest
}

// keyOf returns the node of a key itself, to point at where its value is all
// that follows.
func keyOf(n *yaml.Node, key string) *yaml.Node {
	for k := range document.Pairs(n) {
		if k.Value == key {
			return k
		}
	}
	return nil
}
