package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// name compiles a variable.
func (c *compiler) name(n ast.Node) node {
	path, at, ok := c.path(n)
	if !ok {
		return node{kind: broken, at: at}
	}
	last := place(n)
	if beginning, _, _ := strings.Cut(path, "."); c.scope.selector && slices.Contains([]string{"now", "previous", "vars"}, beginning) {
		return c.fail(at, beginning+" is not available here", "accounts are selected by what they are")
	}
	if path == "now" {
		return node{kind: moment, at: at, eval: func(e *env) value {
			if e.blind {
				return value{}
			}
			return momentary(e.now)
		}}
	}
	if own, found := strings.CutPrefix(path, "vars."); found {
		return c.own(own, at, last, c.program.asked.about(n, path))
	}
	current, earlier := strings.CutPrefix(path, "previous.")
	if label, found := strings.CutPrefix(current, "account.labels."); found {
		return c.track(path, ownLabel(label, at, earlier))
	}
	x, found := variables[current]
	if !found {
		return c.unknownName(path, at, last)
	}
	return c.track(path, node{kind: x.kind, at: at, eval: func(e *env) value {
		if earlier {
			return e.read(x, e.prev)
		}
		return e.read(x, e.snap)
	}})
}

// track remembers which variables an expression names.
func (c *compiler) track(name string, n node) node {
	if !slices.Contains(c.program.fields, name) {
		c.program.fields = append(c.program.fields, name)
	}
	return n
}

// path returns the dotted name that a node spells, and where it begins.
func (c *compiler) path(n ast.Node) (path string, at int, ok bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			return "", place(n), c.fail(place(n), "$env is not available in rules", "").kind != broken
		}
		return n.Value, place(n), true
	case *ast.ChainNode:
		return c.path(n.Node)
	case *ast.MemberNode:
		path, at, ok = c.path(n.Node)
		property, constant := n.Property.(*ast.StringNode)
		if ok && !constant {
			c.fail(place(n.Property), "must be a text in quotes", "")
			ok = false
		}
		if !ok {
			return "", at, false
		}
		return path + "." + property.Value, at, true
	case *ast.CallNode:
		c.fail(place(n), "what a function gives has no fields", "")
		return "", place(n), false
	}
	c.fail(place(n), "has no fields", "")
	return "", place(n), false
}

// own compiles one of the account's own variables. One that no account sets is
// a mistake, unless the expression asks whether it is set.
func (c *compiler) own(name string, at, last int, asked bool) node {
	if c.scope.vars != nil && !slices.Contains(c.scope.vars, name) {
		hint := suggest(name, c.scope.vars, "set it below accounts:")
		if !asked {
			return c.fail(last, "no account sets vars."+name, hint)
		}
		c.warn(last, "no account sets vars."+name+": it is nil everywhere", hint)
	}
	return c.track("vars."+name, node{kind: dynamic, at: at, eval: func(e *env) value {
		if e.blind {
			return value{}
		}
		return ownVariable(name, e.vars[name])
	}})
}

func ownLabel(name string, at int, earlier bool) node {
	missing := without(notApplicable, fmt.Sprintf("the account has no label %q", name))
	return node{kind: text, at: at, eval: func(e *env) value {
		s := e.snap
		if earlier {
			s = e.prev
		}
		if e.blind || s == nil {
			return value{}
		}
		if v, ok := s.Account.Labels[name]; ok {
			return textual(v)
		}
		return missing
	}}
}

// unknownName reports a name that is no variable's, as helpfully as it can.
func (c *compiler) unknownName(path string, at, last int) node {
	current := strings.TrimPrefix(path, "previous.")
	group, field, dotted := strings.Cut(current, ".")
	switch {
	case path == "previous":
		return c.fail(at, "previous is a whole poll", "compare it with nil, or name a field: previous.balance")
	case functionNamed(path) != nil:
		return c.fail(at, path+" is a function", "call it: "+functionNamed(path).Example)
	case current == "vars" || current == "account.labels":
		return c.fail(at, current+" is a group of values", "name one: "+current+".floor")
	case !dotted && len(groupOf(group)) > 0:
		return c.fail(at, current+" is a group of values", "name one: "+strings.Join(groupOf(group), ", "))
	case dotted && len(groupOf(group)) > 0:
		return c.fail(last, group+" has no field "+field, suggest(current, groupOf(group), "it has "+strings.Join(groupOf(group), ", ")))
	case dotted && variables[group] != nil:
		return c.fail(last, group+" has no fields", "")
	}
	return c.fail(at, "unknown name "+path, suggest(path, allNames(), ""))
}

// groupOf returns the variables below a name.
func groupOf(group string) []string {
	var names []string
	for _, v := range snapshotVariables {
		if strings.HasPrefix(v.name, group+".") {
			names = append(names, v.name)
		}
	}
	return names
}

func allNames() []string {
	names := []string{"now", "previous"}
	for _, v := range snapshotVariables {
		names = append(names, v.name)
	}
	for _, f := range functions() {
		names = append(names, f.Name)
	}
	return names
}
