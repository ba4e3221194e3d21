package rules

import (
	"fmt"
	"math"

	"github.com/billwatch/billwatch"
	"github.com/expr-lang/expr/ast"
)

// Explanation is why a rule says of an account what it says.
type Explanation struct {
	Rule       string
	Expr       string
	Applies    bool                 // where holds, or there is none
	Evaluation billwatch.Evaluation // zero where the rule does not apply
	Parts      []Part               // outermost first, constants left out
	Decides    string               // the clause on which the outcome hangs
	Distance   string               // how far its number is from changing that; empty where it has none
	Reached    string               // when the balance gets there at the expected use; empty where there is no telling
}

// Part is a sub-expression with its value, and of an unknown one the reason.
type Part struct {
	Text  string
	Value string
}

// Explain judges an account by one rule and says why. It is false where there
// is no rule of that name.
func (s *Set) Explain(rule string, in Input) (Explanation, bool) {
	for _, r := range s.rules {
		if r.name == rule {
			return r.explain(in), true
		}
	}
	return Explanation{}, false
}

func (r *rule) explain(in Input) Explanation {
	e := in.env()
	out := Explanation{Rule: r.name, Expr: r.expr.source}
	out.Applies = r.concerns(in.Snapshot.Account.Source) && r.applies(e, in.Applied[r.name], in.Standing[r.name])
	if out.Applies {
		out.Evaluation = r.evaluate(e, true)
	}
	nodes := make(map[ast.Node]node, len(r.expr.parts))
	for _, p := range r.expr.parts {
		if p.node.eval == nil {
			continue
		}
		if _, seen := nodes[p.tree]; !seen && !p.node.fixed {
			out.Parts = append(out.Parts, Part{p.tree.String(), told(p.node.eval(e))})
		}
		nodes[p.tree] = p.node
	}
	if len(r.expr.parts) > 0 {
		clause := deciding(r.expr.parts[0].tree, nodes, e)
		out.Decides, out.Distance = clause.String(), distance(clause, nodes, e)
		out.Reached = reached(clause, nodes, e)
	}
	return out
}

// told is a value with the reason of an unknown one.
func told(v value) string {
	if v.kind == unknown && v.str != "" {
		return "unknown: " + v.str
	}
	return v.String()
}

// deciding goes down to the clause on which the outcome hangs.
func deciding(n ast.Node, nodes map[ast.Node]node, e *env) ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return deciding(n.Node, nodes, e)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or":
			whole := nodes[n].eval(e)
			for _, side := range []ast.Node{n.Left, n.Right} {
				v := nodes[side].eval(e)
				if v.kind == whole.kind && v.num == whole.num && v.why == whole.why {
					return deciding(side, nodes, e)
				}
			}
		}
	}
	return n
}

// distance says how far the two numbers of a comparison are apart.
func distance(n ast.Node, nodes map[ast.Node]node, e *env) string {
	compared, ok := n.(*ast.BinaryNode)
	if !ok {
		return ""
	}
	l, r := nodes[compared.Left], nodes[compared.Right]
	if l.eval == nil || r.eval == nil {
		return ""
	}
	a, b := l.eval(e), r.eval(e)
	if a.kind != number || b.kind != number {
		return ""
	}
	off := math.Abs(a.num - b.num)
	if math.IsNaN(off) || math.IsInf(off, 0) {
		return ""
	}
	if off == 0 {
		return fmt.Sprintf("%s %s is just %s", compared.Left, humanize(a.num), humanize(b.num))
	}
	side := "above"
	if a.num < b.num {
		side = "below"
	}
	return fmt.Sprintf("%s %s is %s %s %s", compared.Left, humanize(a.num), humanize(off), side, humanize(b.num))
}

// reached says when a balance that is above a bound is expected to get there.
func reached(n ast.Node, nodes map[ast.Node]node, e *env) string {
	compared, ok := n.(*ast.BinaryNode)
	if !ok || compared.Left.String() != "balance" || nodes[compared.Right].eval == nil {
		return ""
	}
	if compared.Operator != "<" && compared.Operator != "<=" {
		return ""
	}
	balance, v := e.balance()
	bound, m := nodes[compared.Right].eval(e), e.ahead()
	if v.kind != number || bound.kind != number || m == nil || balance <= bound.num {
		return ""
	}
	days := m.Runway(balance-bound.num, e.now, 0.5)
	if math.IsInf(days, 1) {
		return "not reached: no use is seen"
	}
	return "at the expected use reached in " + humanizeDays(days)
}
