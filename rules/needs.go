package rules

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// needsOf returns the names without which a part of an expression has no
// value, whatever else there is.
func needsOf(n ast.Node) []string {
	if name := spelled(n); name != "" {
		if strings.HasPrefix(name, "previous.") {
			return []string{"previous", name}
		}
		return []string{name}
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return needsOf(n.Node)
	case *ast.ConditionalNode:
		return needsOf(n.Cond)
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or", "??":
			return nil
		}
		return append(needsOf(n.Left), needsOf(n.Right)...)
	case *ast.ArrayNode:
		return needsOfAll(n.Nodes)
	case *ast.CallNode:
		needs := needsOfAll(n.Arguments)
		if callsBalance(n) {
			needs = append(needs, "balance")
		}
		return needs
	}
	return nil
}

func needsOfAll(nodes []ast.Node) []string {
	var needs []string
	for _, n := range nodes {
		needs = append(needs, needsOf(n)...)
	}
	return needs
}

func callee(n *ast.CallNode) string {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return ""
	}
	return name.Value
}

// callsBalance says whether a function reads the balance itself.
func callsBalance(n *ast.CallNode) bool {
	return slices.Contains([]string{"runway_days", "exhausts_at", "forecast", "percent_left"}, callee(n))
}

func isChanged(n *ast.CallNode) bool { return callee(n) == "changed" && len(n.Arguments) == 1 }

func changedField(n *ast.CallNode) string {
	field, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return ""
	}
	return field.Value
}

// use is a name in an expression, or a function that reads one itself.
type use struct {
	name string
	tree ast.Node
}

// usesOf returns the names that an expression reads, each where it stands
// first.
func usesOf(tree ast.Node) []use {
	v := &uses{seen: map[string]bool{}}
	v.look(tree)
	return v.all
}

type uses struct {
	all  []use
	seen map[string]bool
}

func (u *uses) add(name string, tree ast.Node) {
	if !u.seen[name] {
		u.seen[name] = true
		u.all = append(u.all, use{name, tree})
	}
}

func (u *uses) look(n ast.Node) {
	if name := spelled(n); name != "" {
		u.add(strings.TrimPrefix(name, "previous."), n)
		return
	}
	switch n := n.(type) {
	case *ast.CallNode:
		if isChanged(n) {
			u.add(changedField(n), n)
		}
		if callsBalance(n) {
			u.add("balance", n)
		}
	}
	for _, child := range children(n) {
		u.look(child)
	}
}

// children returns the parts of a node that are expressions themselves.
func children(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.CallNode:
		return n.Arguments
	case *ast.ArrayNode:
		return n.Nodes
	}
	return nil
}
