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
	Where      string               // why it does not apply; empty where it does
	Evaluation billwatch.Evaluation // zero where the rule does not apply
	Parts      []Part               // outermost first, constants left out
	Decides    string               // the clause on which the outcome hangs
	Distance   string               // how far its number is from changing that; empty where it has none
	Reached    string               // when the balance gets there at the expected use; empty where there is no telling
	Until      string               // the rule's until, and what it says at present; empty where there is none
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
	applies, _ := r.applies(e, in.Applied[r.name], in.Standing[r.name])
	out.Applies = r.concerns(in.Snapshot.Account.Source) && applies
	if out.Applies {
		out.Evaluation = r.evaluate(e, true)
	} else {
		out.Where = r.whereInWords(e)
	}
	w := newWhys(r.expr, e)
	out.Parts = w.parts()
	if len(r.expr.parts) > 0 {
		clause := w.deciding(r.expr.parts[0].tree)
		out.Decides, out.Distance, out.Reached = clause.String(), w.distance(clause), w.reached(clause)
	}
	if r.until != nil {
		out.Until = untilInWords(r.until, e)
	}
	return out
}

// whereInWords is why the rule does not look at an account.
func (r *rule) whereInWords(e *env) string {
	if !r.concerns(e.snap.Account.Source) {
		return "its sources do not name " + e.snap.Account.Source
	}
	text := r.where.source + " is " + told(r.where.root.eval(e))
	for _, part := range newWhys(r.where, e).parts() {
		if part.Text != r.where.source && part.Value != "true" && part.Value != "false" {
			text += "; " + part.Text + " is " + part.Value
		}
	}
	return text
}

// untilInWords is an until with what it says and how far that is from changing.
func untilInWords(p *program, e *env) string {
	text := p.source + " is " + told(p.root.eval(e))
	if len(p.parts) == 0 {
		return text
	}
	w := newWhys(p, e)
	if far := w.distance(w.deciding(p.parts[0].tree)); far != "" {
		text += "; " + far
	}
	return text
}

// whys are the parts of a condition, judged on an account.
type whys struct {
	program *program
	env     *env
	nodes   map[ast.Node]node
}

func newWhys(p *program, e *env) whys {
	w := whys{p, e, make(map[ast.Node]node, len(p.parts))}
	for _, part := range p.parts {
		if part.node.eval != nil {
			w.nodes[part.tree] = part.node
		}
	}
	return w
}

// parts returns each part once with its value, outermost first; what is said
// twice is shown once.
func (w whys) parts() []Part {
	var all []Part
	shown := map[string]bool{}
	for _, p := range w.program.parts {
		text := p.tree.String()
		if p.node.eval == nil || p.node.fixed || shown[text] {
			continue
		}
		shown[text] = true
		all = append(all, Part{text, told(p.node.eval(w.env))})
	}
	return all
}

// told is a value with the reason of an unknown one.
func told(v value) string {
	if v.kind == unknown && v.str != "" {
		return "unknown: " + v.str
	}
	return v.String()
}

// deciding goes down to the clause on which the outcome hangs. Where any one of
// two sides could turn it, that is the one that is nearer to turning; where both
// must turn, the one that is farther from it.
func (w whys) deciding(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return w.deciding(n.Node)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and":
			return w.side(n, false)
		case "||", "or":
			return w.side(n, true)
		}
	}
	return n
}

// side returns the clause on which two sides hang, one of which is enough to
// make them what enough says.
func (w whys) side(n *ast.BinaryNode, enough bool) ast.Node {
	whole := w.nodes[n].eval(w.env)
	mustBoth := enough && whole.isTrue() || !enough && whole.isFalse()
	var best ast.Node
	for _, side := range []ast.Node{n.Left, n.Right} {
		v := w.nodes[side].eval(w.env)
		if v.kind != whole.kind || v.num != whole.num || v.why != whole.why {
			continue
		}
		clause := w.deciding(side)
		if best == nil || mustBoth && w.apart(clause) > w.apart(best) || !mustBoth && w.apart(clause) < w.apart(best) {
			best = clause
		}
	}
	if best == nil {
		return n
	}
	return best
}

// sides returns the two numbers that a clause compares; false where it does not
// compare numbers.
func (w whys) sides(n ast.Node) (a, b float64, ok bool) {
	compared, is := n.(*ast.BinaryNode)
	if !is {
		return 0, 0, false
	}
	l, r := w.nodes[compared.Left], w.nodes[compared.Right]
	if l.eval == nil || r.eval == nil {
		return 0, 0, false
	}
	left, right := l.eval(w.env), r.eval(w.env)
	if left.kind != number || right.kind != number {
		return 0, 0, false
	}
	off := math.Abs(left.num - right.num)
	return left.num, right.num, !math.IsNaN(off) && !math.IsInf(off, 0)
}

// apart is how far a clause is from turning, as a share of its numbers; what
// compares no numbers is farther than all that does.
func (w whys) apart(n ast.Node) float64 {
	a, b, ok := w.sides(n)
	if !ok {
		return math.Inf(1)
	}
	if a == b {
		return 0
	}
	return math.Abs(a-b) / max(math.Abs(a), math.Abs(b))
}

// noise is below which share of two numbers their difference is one of floats,
// and none that a person should read.
const noise = 1e-9

// distance says how far the two numbers of a comparison are apart.
func (w whys) distance(n ast.Node) string {
	a, b, ok := w.sides(n)
	if !ok {
		return ""
	}
	compared, ok := n.(*ast.BinaryNode)
	if !ok {
		return ""
	}
	side := "above"
	if a < b {
		side = "below"
	}
	left := compared.Left.String() + " " + humanize(a)
	switch {
	case a == b:
		return fmt.Sprintf("%s is just %s", left, humanize(b))
	case w.apart(n) < noise:
		return fmt.Sprintf("%s is a hair %s %s", left, side, humanize(b))
	}
	return fmt.Sprintf("%s is %s %s %s", left, difference(a, b), side, humanize(b))
}

// difference is how far two numbers are apart, with no more decimals than they
// are shown with.
func difference(a, b float64) string {
	off := math.Abs(a - b)
	if rounded := math.Round(off*100) / 100; rounded > 0 && max(math.Abs(a), math.Abs(b)) >= 1 {
		off = rounded
	}
	return humanize(off)
}

// reached says when a balance that is above a bound is expected to get there.
func (w whys) reached(n ast.Node) string {
	balance, bound, ok := w.sides(n)
	if !ok {
		return ""
	}
	compared, ok := n.(*ast.BinaryNode)
	if !ok {
		return ""
	}
	switch "balance" {
	case compared.Left.String():
	case compared.Right.String():
		balance, bound = bound, balance
	default:
		return ""
	}
	m := w.env.ahead()
	if m == nil || balance <= bound {
		return ""
	}
	days := m.Runway(balance-bound, w.env.now, 0.5)
	if math.IsInf(days, 1) {
		return "not reached: no use is seen"
	}
	return "at p50 reached in " + humanizeDays(days)
}
