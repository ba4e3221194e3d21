package httpjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/billwatch/billwatch/internal/expression"
	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) node {
	of := c.node(n.Node)
	switch n.Operator {
	case "!", "not":
		c.wants(of, "right of "+n.Operator, boolean)
		return node{kind: boolean, at: place(n), fixed: of.fixed, eval: func(e *env) (any, error) {
			v, err := truth(of, e)
			if err != nil || isNil(v) {
				return nil, err
			}
			return v == false, nil
		}}
	case "-", "+":
		c.wants(of, "right of "+n.Operator, number)
		return node{kind: number, at: place(n), fixed: of.fixed, eval: func(e *env) (any, error) {
			v, err := of.eval(e)
			if err != nil || isNil(v) {
				return nil, err
			}
			written, ok := v.(json.Number)
			if !ok {
				return nil, mismatch(of, v, number)
			}
			r, err := rational(written)
			if err != nil || n.Operator == "+" {
				return v, err
			}
			return numeral(r.Neg(r))
		}}
	}
	return c.unavailable(n)
}

// pair is an operator between two values that are both there.
type pair func(left, right any) (any, error)

func (c *compiler) binary(n *ast.BinaryNode) node { //nolint:gocyclo // a case an operator
	left, right := c.node(n.Left), c.node(n.Right)
	got := node{kind: boolean, at: left.at, fixed: left.fixed && right.fixed}
	switch n.Operator {
	case "&&", "and", "||", "or":
		c.wants(left, "left of "+n.Operator, boolean)
		c.wants(right, "right of "+n.Operator, boolean)
		got.eval = logical(left, right, n.Operator == "||" || n.Operator == "or")
	case "==", "!=":
		got.eval = equality(left, right, n.Operator == "==")
		if left.kind > nothing && right.kind > nothing && left.kind != right.kind {
			return c.fail(right.at, fmt.Sprintf("%s never equals %s", left.kind, right.kind), "")
		}
	case "??":
		got.kind = anything
		if left.kind == right.kind {
			got.kind = left.kind
		}
		got.eval = func(e *env) (any, error) {
			if v, err := left.eval(e); err != nil || !isNil(v) {
				return v, err
			}
			return right.eval(e)
		}
	case "matches":
		got.eval = c.matches(left, right, n.Right)
	case "<", "<=", ">", ">=":
		c.wants(left, "left of "+n.Operator, number, text)
		c.wants(right, "right of "+n.Operator, number, text)
		got.eval = c.both(left, right, ordered(n.Operator))
	case "contains", "startsWith", "endsWith":
		c.wants(left, "left of "+n.Operator, text)
		c.wants(right, "right of "+n.Operator, text)
		got.eval = c.both(left, right, textual(n.Operator))
	case "in":
		c.wants(right, "right of in", array, object)
		got.eval = c.both(left, right, within)
	default:
		return c.arithmetic(n, left, right)
	}
	return got
}

// both evaluates an operator; where a side is not there, nothing is.
func (c *compiler) both(left, right node, apply pair) func(*env) (any, error) {
	return func(e *env) (any, error) {
		l, err := left.eval(e)
		if err != nil {
			return nil, err
		}
		r, err := right.eval(e)
		if err != nil || isNil(l) || isNil(r) {
			return nil, err
		}
		if err := e.spend(1 + weight(l) + weight(r)); err != nil {
			return nil, err
		}
		return apply(l, r)
	}
}

// weight is what an operation on a value costs.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) / 16
	case []any:
		return len(v)
	}
	return 0
}

// logical is && and || of three values: true, false and nil.
func logical(left, right node, or bool) func(*env) (any, error) {
	return func(e *env) (any, error) {
		if err := e.spend(1); err != nil {
			return nil, err
		}
		l, err := truth(left, e)
		if err != nil || l == or {
			return l, err
		}
		r, err := truth(right, e)
		switch {
		case err != nil || r == or:
			return r, err
		case isNil(l) || isNil(r):
			return nil, nil
		}
		return !or, nil
	}
}

// equality compares two values; with a nil that is written as one it asks
// whether there is a value.
func equality(left, right node, same bool) func(*env) (any, error) {
	return func(e *env) (any, error) {
		l, err := left.eval(e)
		if err != nil {
			return nil, err
		}
		r, err := right.eval(e)
		if err != nil {
			return nil, err
		}
		if err := e.spend(1 + weight(l) + weight(r)); err != nil {
			return nil, err
		}
		switch {
		case left.kind == nothing || right.kind == nothing:
			return (isNil(l) && isNil(r)) == same, nil
		case isNil(l) || isNil(r):
			return nil, nil
		}
		equal, err := equals(l, r)
		return equal == same, err
	}
}

func equals(l, r any) (bool, error) {
	if kindOf(l) != kindOf(r) {
		return false, fmt.Errorf("%s is compared with %s", kindOf(l), kindOf(r))
	}
	switch l := l.(type) {
	case bool, string:
		return l == r, nil
	case json.Number:
		order, err := compare(l, r.(json.Number))
		return order == 0, err
	}
	return false, fmt.Errorf("%s cannot be compared", kindOf(l))
}

func compare(l, r json.Number) (int, error) {
	a, err := rational(l)
	if err != nil {
		return 0, err
	}
	b, err := rational(r)
	if err != nil {
		return 0, err
	}
	return a.Cmp(b), nil
}

func ordered(operator string) pair {
	holds := func(order int) bool {
		switch operator {
		case "<":
			return order < 0
		case "<=":
			return order <= 0
		case ">":
			return order > 0
		}
		return order >= 0
	}
	return func(l, r any) (any, error) {
		switch a := l.(type) {
		case json.Number:
			if b, ok := r.(json.Number); ok {
				order, err := compare(a, b)
				return holds(order), err
			}
		case string:
			if b, ok := r.(string); ok {
				return holds(strings.Compare(a, b)), nil
			}
		}
		return nil, fmt.Errorf("%s is compared with %s", kindOf(l), kindOf(r))
	}
}

func textual(operator string) pair {
	holds := strings.Contains
	switch operator {
	case "startsWith":
		holds = strings.HasPrefix
	case "endsWith":
		holds = strings.HasSuffix
	}
	return func(l, r any) (any, error) {
		a, isText := l.(string)
		b, both := r.(string)
		if !isText || !both {
			return nil, fmt.Errorf("%s stands between %s and %s, not between texts", operator, kindOf(l), kindOf(r))
		}
		return holds(a, b), nil
	}
}

func within(needle, in any) (any, error) {
	switch in := in.(type) {
	case []any:
		unsure := false
		for _, v := range in {
			if isNil(v) {
				unsure = true
				continue
			}
			if equal, err := equals(needle, v); err != nil || equal {
				return equal, err
			}
		}
		if unsure {
			return nil, nil
		}
		return false, nil
	case map[string]any:
		name, ok := needle.(string)
		if !ok {
			return nil, errors.New("the members of an object have names, not numbers")
		}
		_, found := in[name]
		return found, nil
	}
	return nil, fmt.Errorf("%s stands right of in, not an array or an object", kindOf(in))
}

func (c *compiler) matches(left, right node, pattern ast.Node) func(*env) (any, error) {
	c.wants(left, "left of matches", text)
	constant, ok := pattern.(*ast.StringNode)
	if !ok {
		return c.fail(right.at, "right of matches there must be a text in quotes", "").eval
	}
	compiled, err := expression.Pattern(constant.Value)
	if err != nil {
		return c.fail(right.at, err.Error(), "").eval
	}
	return func(e *env) (any, error) {
		l, err := left.eval(e)
		if err != nil || isNil(l) {
			return nil, err
		}
		s, ok := l.(string)
		if !ok {
			return nil, mismatch(left, l, text)
		}
		if err := e.spend(1 + len(s)); err != nil {
			return nil, err
		}
		return compiled.MatchString(s), nil
	}
}
