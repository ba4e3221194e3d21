package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// A condition is looked into by its cases: the ways in which it can come true,
// each a list of what must then hold at once. What is too much to list is taken
// to be possible.
const (
	maxCases = 256
	maxAtoms = 4096 // of all cases together
)

// Operators of an atom beside the comparisons.
const (
	opIs  = "is"  // a flag, or a question whose answer could be either
	opNil = "nil" // whether there is a value
)

// atom is one thing that must hold: a term compared with a constant.
type atom struct {
	term    string
	op      string
	val     value
	tree    ast.Node // where it stands
	negated bool     // it is the opposite of what stands there
	needs   []string // names that must have a value
}

// cases are the ways in which a condition comes true, or false.
type cases struct {
	all  [][]atom
	open bool // there are too many to list
}

func anyCase() cases { return cases{all: [][]atom{nil}} }

func (c cases) or(d cases) cases {
	return cases{slices.Concat(c.all, d.all), c.open || d.open}.bounded()
}

func (c cases) and(d cases) cases {
	if c.open || d.open || len(c.all)*len(d.all) > maxCases {
		return cases{open: true}
	}
	var out cases
	for _, a := range c.all {
		for _, b := range d.all {
			out.all = append(out.all, slices.Concat(a, b))
		}
	}
	return out.bounded()
}

func (c cases) bounded() cases {
	atoms := 0
	for _, a := range c.all {
		atoms += len(a)
	}
	if len(c.all) > maxCases || atoms > maxAtoms {
		return cases{open: true}
	}
	return c
}

// question is a condition and the answer that is looked for.
type question struct {
	tree ast.Node
	want bool
}

// logic lists the cases of one compiled expression.
type logic struct {
	nodes map[ast.Node]node
	known map[question]cases
}

func newLogic(p *program) *logic {
	l := &logic{map[ast.Node]node{}, map[question]cases{}}
	for _, part := range p.parts {
		l.nodes[part.tree] = part.node
	}
	return l
}

// cases returns how a condition comes to what is wanted.
func (l *logic) cases(n ast.Node, want bool) cases {
	q := question{n, want}
	if c, ok := l.known[q]; ok {
		return c
	}
	c := l.find(n, want)
	l.known[q] = c
	return c
}

func (l *logic) find(n ast.Node, want bool) cases {
	if v, ok := l.constant(n); ok {
		if v.kind == boolean && v.isTrue() == want {
			return anyCase()
		}
		return cases{}
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return l.cases(n.Node, !want)
	case *ast.ConditionalNode:
		yes := l.cases(n.Cond, true).and(l.cases(n.Exp1, want))
		return yes.or(l.cases(n.Cond, false).and(l.cases(n.Exp2, want)))
	case *ast.BinaryNode:
		return l.binary(n, want)
	}
	return l.flag(n, want)
}

func (l *logic) constant(n ast.Node) (value, bool) {
	got, ok := l.nodes[n]
	if !ok || !got.fixed || got.eval == nil {
		return value{}, false
	}
	return got.constant(), true
}

func (l *logic) binary(n *ast.BinaryNode, want bool) cases {
	switch n.Operator {
	case "&&", "and", "||", "or":
		left, right := l.cases(n.Left, want), l.cases(n.Right, want)
		if all := n.Operator == "&&" || n.Operator == "and"; all == want {
			return left.and(right)
		}
		return left.or(right)
	case "==", "!=", "<", "<=", ">", ">=":
		return l.comparison(n, want)
	case "in":
		return l.membership(n, want)
	case "??":
		return l.coalescing(n, want)
	}
	return l.flag(n, want)
}

// flag is a question whose answer is not looked into.
func (l *logic) flag(n ast.Node, want bool) cases {
	needs := needsOf(n)
	if call, ok := n.(*ast.CallNode); ok && want && isChanged(call) {
		needs = append(needs, "previous", changedField(call))
	}
	return one(atom{term: term(n), op: opIs, val: truth(want), tree: n, negated: !want, needs: needs})
}

func one(a atom) cases { return cases{all: [][]atom{{a}}} }

func (l *logic) comparison(n *ast.BinaryNode, want bool) cases {
	equal := (n.Operator == "==") == want // of an equality
	for _, s := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
		if _, ok := s[1].(*ast.NilNode); ok {
			return one(atom{term: term(s[0]), op: opNil, val: truth(equal), tree: n, negated: !want})
		}
		if v, ok := l.constant(s[1]); ok && v.kind == boolean && (n.Operator == "==" || n.Operator == "!=") {
			return l.cases(s[0], equal == v.isTrue())
		}
	}
	op := n.Operator
	if !want {
		op = opposite(op)
	}
	a := atom{op: op, tree: n, negated: !want, needs: needsOf(n)}
	if v, ok := l.constant(n.Right); ok {
		a.term, a.val = term(n.Left), v
	} else if v, ok := l.constant(n.Left); ok {
		a.term, a.val, a.op = term(n.Right), v, mirrored(op)
	} else { // two terms: their difference is compared with nothing
		left, right := term(n.Left), term(n.Right)
		if a.val = numeric(0); left > right {
			left, right, a.op = right, left, mirrored(op)
		}
		a.term = left + " - " + right
	}
	if a.val.kind == unknown {
		return cases{}
	}
	return one(a)
}

func (l *logic) membership(n *ast.BinaryNode, want bool) cases {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return l.flag(n, want)
	}
	out := cases{}
	if !want {
		out = anyCase()
	}
	for _, item := range list.Nodes {
		v, ok := l.constant(item)
		if !ok {
			return l.flag(n, want)
		}
		a := atom{term: term(n.Left), op: "!=", val: v, tree: n, negated: !want, needs: needsOf(n.Left)}
		if want {
			a.op = "=="
			out = out.or(one(a))
			continue
		}
		out = out.and(one(a))
	}
	return out
}

// coalescing is a condition with a default.
func (l *logic) coalescing(n *ast.BinaryNode, want bool) cases {
	name := spelled(n.Left)
	if name == "" {
		return l.flag(n, want)
	}
	none := one(atom{term: name, op: opNil, val: truth(true), tree: n})
	return l.cases(n.Left, want).or(none.and(l.cases(n.Right, want)))
}

func opposite(op string) string {
	switch op {
	case "<":
		return ">="
	case "<=":
		return ">"
	case ">":
		return "<="
	case ">=":
		return "<"
	case "==":
		return "!="
	}
	return "=="
}

// mirrored is an operator with its sides changed.
func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

// term is what stands in an expression, the same for the same.
func term(n ast.Node) string {
	if name := spelled(n); name != "" {
		return name
	}
	return n.String()
}
