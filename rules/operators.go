package rules

import (
	"fmt"
	"slices"

	"github.com/billwatch/billwatch/internal/expression"
	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) node {
	x := c.node(n.Node)
	at := place(n)
	switch n.Operator {
	case "!", "not":
		if !c.wants(x, boolean, "right of "+n.Operator) {
			return node{kind: broken, at: at}
		}
		return node{kind: boolean, at: at, fixed: x.fixed, eval: func(e *env) value { return not(x.eval(e)) }}
	case "-", "+":
		if !c.wants(x, number, "right of "+n.Operator) {
			return node{kind: broken, at: at}
		}
		minus := n.Operator == "-"
		return node{kind: number, at: at, fixed: x.fixed, eval: func(e *env) value { return signed(x.eval(e), minus) }}
	}
	return c.fail(at, fmt.Sprintf("operator %s is not available in rules", n.Operator), "")
}

func not(v value) value {
	switch v.kind {
	case boolean:
		return truth(v.num == 0)
	case unknown:
		return v
	}
	return wrongKind(v, boolean)
}

func signed(v value, minus bool) value {
	switch {
	case v.kind == unknown:
		return v
	case v.kind != number:
		return wrongKind(v, number)
	case minus:
		v.num = -v.num
	}
	return v
}

func (c *compiler) binary(n *ast.BinaryNode) node {
	switch n.Operator {
	case "&&", "and", "||", "or":
		return c.logical(n)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.comparison(n)
	case "in":
		return c.membership(n)
	case "matches":
		return c.matching(n)
	case "??":
		return c.coalescing(n)
	case "contains", "startsWith", "endsWith":
		return c.textual(n)
	case "+", "-", "*", "/", "%", "**", "^":
		return c.arithmetic(n)
	case "..":
		return c.fail(place(n), "ranges are not available in rules", "")
	}
	return c.fail(place(n), fmt.Sprintf("operator %s is not available in rules", n.Operator), "")
}

// logical compiles and and or. Neither side decides alone by standing left.
func (c *compiler) logical(n *ast.BinaryNode) node {
	l, r := c.node(n.Left), c.node(n.Right)
	left := c.wants(l, boolean, "left of "+n.Operator)
	if right := c.wants(r, boolean, "right of "+n.Operator); !left || !right {
		return node{kind: broken, at: l.at}
	}
	decides := truth(n.Operator == "||" || n.Operator == "or")
	return node{kind: boolean, at: l.at, fixed: l.fixed && r.fixed, eval: func(e *env) value {
		a := l.eval(e)
		if a.kind == boolean && a.num == decides.num {
			return decides
		}
		b := r.eval(e)
		switch {
		case b.kind == boolean && b.num == decides.num:
			return decides
		case a.kind == boolean && b.kind == boolean:
			return a // both are what does not decide
		}
		return worse(asBoolean(a), asBoolean(b))
	}}
}

func asBoolean(v value) value {
	if v.kind == boolean || v.kind == unknown {
		return v
	}
	return wrongKind(v, boolean)
}

// comparison compiles ==, < and their like; with nil, a plain question.
func (c *compiler) comparison(n *ast.BinaryNode) node {
	equality := n.Operator == "==" || n.Operator == "!="
	if _, ok := n.Right.(*ast.NilNode); ok && equality {
		return c.nilTest(n, n.Left)
	}
	if _, ok := n.Left.(*ast.NilNode); ok && equality {
		return c.nilTest(n, n.Right)
	}
	l, r := c.operand(n.Left), c.operand(n.Right)
	switch {
	case l.kind == broken || r.kind == broken:
		return node{kind: broken, at: l.at}
	case !alike(l.kind, r.kind):
		return c.fail(place(n), fmt.Sprintf("cannot compare %s with %s", l.kind, r.kind), hintOfKinds(l.kind, r.kind))
	case !equality && (l.kind == boolean || r.kind == boolean):
		return c.fail(place(n), fmt.Sprintf("true and false cannot be compared with %s", n.Operator), "")
	}
	op := comparisonOf(n.Operator)
	compared := node{kind: boolean, at: l.at, fixed: l.fixed && r.fixed, eval: func(e *env) value {
		return op.compare(l.eval(e), r.eval(e))
	}}
	c.showFirst(l, r)
	return compared
}

// alike says whether two kinds can be compared, as far as that is known.
func alike(a, b kind) bool { return a == b || a == dynamic || b == dynamic }

func hintOfKinds(a, b kind) string {
	if a == text && b == moment || a == moment && b == text {
		return `write a time as date("2026-12-31")`
	}
	if a == span && b == number || a == number && b == span {
		return `write a duration as duration("7d")`
	}
	return ""
}

// showFirst takes the first number that is compared with another as the one to
// show with the alert, where the rule names none.
func (c *compiler) showFirst(l, r node) {
	for _, side := range []node{l, r} {
		if c.program.shown == nil && side.kind == number && !side.fixed {
			c.program.shown = side.eval
		}
	}
}

func (c *compiler) nilTest(n *ast.BinaryNode, of ast.Node) node {
	want := n.Operator == "=="
	if isPrevious(of) {
		return node{kind: boolean, at: place(of), eval: func(e *env) value {
			if e.blind || e.listed {
				return without(notSent, "the poll before this one is not known")
			}
			return truth((e.prev == nil) == want)
		}}
	}
	x := c.node(of)
	switch x.kind {
	case broken:
		return x
	case absent:
		return literal(n, truth(want))
	}
	return node{kind: boolean, at: x.at, fixed: x.fixed, eval: func(e *env) value {
		v := x.eval(e)
		if e.unread(v) {
			return v
		}
		return truth((v.kind == unknown) == want)
	}}
}

func isPrevious(n ast.Node) bool {
	x, ok := n.(*ast.IdentifierNode)
	return ok && x.Value == "previous"
}

func (c *compiler) coalescing(n *ast.BinaryNode) node {
	l, r := c.operand(n.Left), c.operand(n.Right)
	if l.kind == broken || r.kind == broken {
		return node{kind: broken, at: l.at}
	}
	k := l.kind
	switch {
	case k == dynamic:
		k = r.kind
	case r.kind != k && r.kind != dynamic:
		return c.fail(r.at, fmt.Sprintf("is %s where the left of ?? is %s", r.kind, l.kind), "")
	}
	return node{kind: k, at: l.at, fixed: l.fixed && r.fixed, eval: func(e *env) value {
		v := l.eval(e)
		if v.kind != unknown || e.unread(v) {
			return v
		}
		return r.eval(e)
	}}
}

// membership compiles in, whose right side is a list.
func (c *compiler) membership(n *ast.BinaryNode) node {
	l := c.operand(n.Left)
	array, ok := n.Right.(*ast.ArrayNode)
	if x, binary := n.Right.(*ast.BinaryNode); binary && x.Operator == ".." {
		return c.node(x)
	}
	if !ok {
		return c.fail(place(n), "a list must stand right of in", `write one: plan.type in ["Essentials", "Enterprise"]`)
	}
	items, fine := c.items(l, array)
	if !fine {
		return node{kind: broken, at: l.at}
	}
	fixed := l.fixed && !slices.ContainsFunc(items, func(n node) bool { return !n.fixed })
	return node{kind: boolean, at: l.at, fixed: fixed, eval: func(e *env) value { return among(l, items, e) }}
}

// items compiles a list whose members are compared with a value.
func (c *compiler) items(of node, list *ast.ArrayNode) (items []node, fine bool) {
	fine = of.kind != broken
	for _, a := range list.Nodes {
		item := c.operand(a)
		switch {
		case item.kind == broken:
			fine = false
		case of.kind != broken && !alike(item.kind, of.kind):
			c.fail(item.at, fmt.Sprintf("cannot compare %s with %s", of.kind, item.kind), "")
			fine = false
		}
		items = append(items, item)
	}
	return items, fine
}

// among says whether a value is one of several; an unknown one among them all
// leaves that open.
func among(of node, items []node, e *env) value {
	v, found := of.eval(e), truth(false)
	if v.kind == unknown {
		found = v
	}
	for _, item := range items {
		switch same := equals.compare(v, item.eval(e)); {
		case same.kind == unknown || found.kind == unknown:
			found = worse(found, same)
		case same.isTrue():
			found = same
		}
	}
	return found
}

var equals = comparisonOf("==")

// textual compiles the questions about texts.
func (c *compiler) textual(n *ast.BinaryNode) node {
	l, r := c.node(n.Left), c.node(n.Right)
	left := c.wants(l, text, "left of "+n.Operator)
	if right := c.wants(r, text, "right of "+n.Operator); !left || !right {
		return node{kind: broken, at: l.at}
	}
	ask := questions[n.Operator]
	return node{kind: boolean, at: l.at, fixed: l.fixed && r.fixed, eval: func(e *env) value {
		a, b := asText(l.eval(e)), asText(r.eval(e))
		if a.kind == unknown || b.kind == unknown {
			return worse(a, b)
		}
		return truth(ask(a.str, b.str))
	}}
}

// matching compiles matches, whose pattern is known when it is loaded.
func (c *compiler) matching(n *ast.BinaryNode) node {
	l := c.node(n.Left)
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		return c.fail(place(n), "a text in quotes must stand right of matches", "")
	}
	re, err := expression.Pattern(pattern.Value)
	if err != nil {
		return c.fail(place(pattern), err.Error(), "")
	}
	if !c.wants(l, text, "left of matches") {
		return node{kind: broken, at: l.at}
	}
	return node{kind: boolean, at: l.at, fixed: l.fixed, eval: func(e *env) value {
		v := asText(l.eval(e))
		if v.kind == unknown {
			return v
		}
		return truth(re.MatchString(v.str))
	}}
}

func asText(v value) value {
	if v.kind == text || v.kind == unknown {
		return v
	}
	return wrongKind(v, text)
}
