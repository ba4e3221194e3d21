package rules

import "github.com/expr-lang/expr/ast"

// asked is where an expression itself says what to do without a value.
type asked struct {
	defaulted map[ast.Node]bool // left of ??
	names     map[string]bool   // compared with nil somewhere
}

// about says whether the expression provides for a name's being nil.
func (a *asked) about(n ast.Node, path string) bool { return a.defaulted[n] || a.names[path] }

func askedIn(tree ast.Node) *asked {
	a := &asked{defaulted: map[ast.Node]bool{}, names: map[string]bool{}}
	ast.Walk(&tree, a)
	return a
}

// Visit looks at one node, after those below it.
func (a *asked) Visit(n *ast.Node) {
	b, ok := (*n).(*ast.BinaryNode)
	if !ok {
		return
	}
	switch b.Operator {
	case "??":
		a.leave(b.Left)
	case "==", "!=":
		for _, side := range [][2]ast.Node{{b.Left, b.Right}, {b.Right, b.Left}} {
			if _, ok := side[1].(*ast.NilNode); ok {
				a.names[spelled(side[0])] = true
			}
		}
	}
}

// leave marks what has a default, and all of a chain of defaults.
func (a *asked) leave(n ast.Node) {
	a.defaulted[n] = true
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
		a.leave(b.Left)
		a.leave(b.Right)
	}
}

// spelled returns the dotted name that a node spells, "" where it is none.
func spelled(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.ChainNode:
		return spelled(n.Node)
	case *ast.MemberNode:
		object := spelled(n.Node)
		if property, ok := n.Property.(*ast.StringNode); ok && object != "" {
			return object + "." + property.Value
		}
	}
	return ""
}
