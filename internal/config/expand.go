package config

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch/internal/document"
)

var (
	reference    = regexp.MustCompile(`\$\$|\$\{([^}]*)\}|\$\{`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	publicName   = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`) // it can hardly be part of a password
)

// variables is the environment.
type variables map[string]string

func newVariables(env []string) variables {
	vars := make(variables, len(env))
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			vars[name] = value
		}
	}
	return vars
}

// expand puts the environment's variables into the texts of the file, but for
// its rules, once: what they hold is not looked at again.
func (l *loader) expand(root *yaml.Node, vars variables) {
	done := map[*yaml.Node]bool{}
	for k, v := range document.Pairs(root) {
		if k.Value == "rules" { // its texts may hold $ and { } of their own
			keep(v, done)
		}
	}
	l.expandNode(root, vars, done)
}

func keep(n *yaml.Node, done map[*yaml.Node]bool) {
	if !done[n] {
		done[n] = true
		for _, c := range n.Content {
			keep(c, done)
		}
	}
}

func (l *loader) expandNode(n *yaml.Node, vars variables, done map[*yaml.Node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	if n.Kind == yaml.ScalarNode {
		l.expandText(n, vars)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.SequenceNode || i%2 == 1 {
			l.expandNode(c, vars, done)
		}
	}
}

func (l *loader) expandText(n *yaml.Node, vars variables) {
	if !strings.Contains(n.Value, "$") {
		return
	}
	var b strings.Builder
	last := 0
	for _, m := range reference.FindAllStringSubmatchIndex(n.Value, -1) {
		b.WriteString(n.Value[last:m[0]])
		last = m[1]
		switch found := n.Value[m[0]:m[1]]; found {
		case "$$":
			b.WriteByte('$')
		case "${":
			l.failAt(n, m[0], "${ is never closed", "write $$ for a dollar sign")
			return
		default:
			value, ok := l.variable(n, m[0], n.Value[m[2]:m[3]], vars)
			if !ok {
				return
			}
			b.WriteString(value)
		}
	}
	if text := b.String() + n.Value[last:]; text != n.Value {
		l.doc.Replace(n, text)
	}
}

// variable returns what "NAME" or "NAME:-default" stands for.
func (l *loader) variable(n *yaml.Node, at int, text string, vars variables) (string, bool) {
	name, fallback, hasFallback := strings.Cut(text, ":-")
	shown := "the variable"
	if publicName.MatchString(name) {
		shown = "variable " + name
	}
	if !variableName.MatchString(name) {
		l.failAt(n, at, "not a variable", "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign")
		return "", false
	}
	value, ok := vars[name]
	switch {
	case hasFallback && value == "":
		return fallback, true
	case !ok:
		l.failAt(n, at, shown+" is not set", "set it, or give a default: ${NAME:-default}")
	}
	return value, ok
}

func (l *loader) failAt(n *yaml.Node, at int, message, hint string) {
	l.unset = append(l.unset, n)
	l.problems = append(l.problems, l.doc.ErrorAt(n, utf8.RuneCountInString(n.Value[:at]), message, hint))
}
