package rules

import (
	"time"

	"github.com/expr-lang/expr/ast"
)

// Expected is a balance to come: in one case of ten it is below Low, in one of
// ten above High. It is negative where the account would be empty before.
type Expected struct {
	At             time.Time
	Low, Mid, High float64
}

// Path returns the account's balance over so many days to come, four times a
// day, from now on; nil where no forecast can be made.
func Path(in Input, days int) []Expected {
	e := in.env()
	balance, v := e.balance()
	if v.kind == unknown {
		return nil
	}
	m := e.ahead()
	if m == nil {
		return nil
	}
	const steps = 4 // a day
	path := make([]Expected, 0, days*steps+1)
	for i := range days*steps + 1 {
		ahead := float64(i) / steps
		path = append(path, Expected{
			At:  e.now.Add(time.Duration(i) * day / steps),
			Low: balance - m.Use(ahead, e.now, 0.1), Mid: balance - m.Use(ahead, e.now, 0.5), High: balance - m.Use(ahead, e.now, 0.9),
		})
	}
	return path
}

// Threshold returns the balance below which a rule alerts, as it is for this
// account; false where the rule compares the balance with no amount.
func (s *Set) Threshold(name string, in Input) (float64, bool) {
	for _, r := range s.rules {
		if r.name == name && r.expr != nil {
			return r.expr.threshold(in.env())
		}
	}
	return 0, false
}

// threshold returns the amount that the balance must not fall below; of several
// the highest, which is the first that is met.
func (p *program) threshold(e *env) (float64, bool) {
	highest, found := 0.0, false
	for _, part := range p.parts {
		n, ok := part.tree.(*ast.BinaryNode)
		if !ok {
			continue
		}
		bound := lowerBound(n)
		if bound == nil {
			continue
		}
		for _, side := range p.parts {
			if side.tree != bound || side.node.eval == nil {
				continue
			}
			if v := side.node.eval(e); v.kind == number && (!found || v.num > highest) {
				highest, found = v.num, true
			}
		}
	}
	return highest, found
}

// lowerBound returns what the balance is compared with so that it holds for
// small balances: the right side of balance < x, or the left one of x > balance.
func lowerBound(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "<", "<=":
		if isBalance(n.Left) {
			return n.Right
		}
	case ">", ">=":
		if isBalance(n.Right) {
			return n.Left
		}
	}
	return nil
}

func isBalance(n ast.Node) bool {
	name, ok := n.(*ast.IdentifierNode)
	return ok && name.Value == "balance"
}
