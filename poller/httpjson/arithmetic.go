package httpjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// arithmetic compiles + - * / %, which are exact. + also joins texts, where one
// side is certain to be one: two numbers that came in quotes must not become a
// longer one.
func (c *compiler) arithmetic(n *ast.BinaryNode, left, right node) node {
	if !strings.Contains("+-*/%", n.Operator) {
		return c.fail(left.at, n.Operator+" is not available in mappings", "")
	}
	got := node{kind: number, at: left.at, fixed: left.fixed && right.fixed}
	if n.Operator == "+" && (left.kind == text || right.kind == text) {
		got.kind = text
		c.wants(left, "left of +", text)
		c.wants(right, "right of +", text)
		got.eval = c.both(left, right, joined)
		return got
	}
	c.wants(left, "left of "+n.Operator, number)
	c.wants(right, "right of "+n.Operator, number)
	got.eval = c.both(left, right, func(l, r any) (any, error) {
		a, isNumber := l.(json.Number)
		b, both := r.(json.Number)
		if !isNumber || !both {
			return nil, fmt.Errorf("%s stands between %s and %s, not between numbers: decimal(…) makes one of a text", n.Operator, kindOf(l), kindOf(r))
		}
		return calculate(n.Operator, a, b)
	})
	return got
}

func joined(l, r any) (any, error) {
	a, isText := l.(string)
	b, both := r.(string)
	if !isText || !both {
		return nil, fmt.Errorf("+ stands between %s and %s, not between texts: string(…) makes one of a number", kindOf(l), kindOf(r))
	}
	if len(a)+len(b) > maxJoined {
		return nil, errors.New("the text becomes too long")
	}
	return a + b, nil
}

func calculate(operator string, left, right json.Number) (any, error) {
	a, err := rational(left)
	if err != nil {
		return nil, err
	}
	b, err := rational(right)
	if err != nil {
		return nil, err
	}
	got := new(big.Rat)
	switch operator {
	case "+":
		got.Add(a, b)
	case "-":
		got.Sub(a, b)
	case "*":
		got.Mul(a, b)
	default:
		if b.Sign() == 0 {
			return nil, errors.New("division by zero")
		}
		got.Quo(a, b)
	}
	if operator == "%" { // what is left of whole times, with the sign of the left
		whole := new(big.Rat).SetInt(new(big.Int).Quo(got.Num(), got.Denom()))
		got.Sub(a, whole.Mul(whole, b))
	}
	return numeral(got)
}
