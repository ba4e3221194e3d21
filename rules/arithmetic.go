package rules

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// questions are what can be asked of two texts.
var questions = map[string]func(a, b string) bool{
	"contains":   strings.Contains,
	"startsWith": strings.HasPrefix,
	"endsWith":   strings.HasSuffix,
}

// comparison is an operator that compares: which orders of its operands it
// accepts.
type comparison struct {
	symbol               string
	less, equal, greater bool
}

func comparisonOf(operator string) comparison {
	return comparison{
		symbol:  operator,
		less:    operator == "<" || operator == "<=" || operator == "!=",
		equal:   operator == "==" || operator == "<=" || operator == ">=",
		greater: operator == ">" || operator == ">=" || operator == "!=",
	}
}

func (c comparison) compare(a, b value) value {
	if a.kind == unknown || b.kind == unknown {
		return worse(a, b)
	}
	if a.kind != b.kind {
		return without(failed, fmt.Sprintf("cannot compare %s with %s", a.kind, b.kind))
	}
	order := 0
	switch a.kind {
	case boolean, number:
		order = cmp.Compare(a.num, b.num)
	case text:
		order = strings.Compare(a.str, b.str)
	case moment:
		order = a.at.Compare(b.at)
	case span:
		order = cmp.Compare(a.dur, b.dur)
	}
	return truth(order < 0 && c.less || order == 0 && c.equal || order > 0 && c.greater)
}

// arithmetic compiles what calculates: numbers, texts that are joined, and
// times with durations.
func (c *compiler) arithmetic(n *ast.BinaryNode) node {
	l, r := c.operand(n.Left), c.operand(n.Right)
	if l.kind == broken || r.kind == broken {
		return node{kind: broken, at: l.at}
	}
	op := n.Operator
	k, ok := kindOf(op, l.kind, r.kind)
	if !ok {
		return c.fail(place(n), fmt.Sprintf("cannot calculate %s %s %s", l.kind, op, r.kind), "")
	}
	return node{kind: k, at: l.at, fixed: l.fixed && r.fixed, eval: func(e *env) value {
		return calculate(op, l.eval(e), r.eval(e))
	}}
}

// kindOf returns what an operator makes of two kinds.
func kindOf(op string, a, b kind) (kind, bool) {
	if a == dynamic || b == dynamic {
		return dynamic, true
	}
	switch {
	case a == number && b == number:
		return number, true
	case a == text && b == text:
		return text, op == "+"
	case a == moment && b == moment:
		return span, op == "-"
	case a == moment && b == span:
		return moment, op == "+" || op == "-"
	case a == span && b == span:
		return span, op == "+" || op == "-"
	case a == span && b == number:
		return span, op == "*" || op == "/"
	case a == number && b == span:
		return span, op == "*"
	}
	return broken, false
}

func calculate(op string, a, b value) value {
	if a.kind == unknown || b.kind == unknown {
		return worse(a, b)
	}
	k, ok := kindOf(op, a.kind, b.kind)
	if !ok {
		return without(failed, fmt.Sprintf("cannot calculate %s %s %s", a.kind, op, b.kind))
	}
	switch k {
	case number:
		return checked(op, a.num, b.num)
	case text:
		return textual(a.str + b.str)
	case moment:
		if op == "-" {
			return momentary(a.at.Add(-b.dur))
		}
		return momentary(a.at.Add(b.dur))
	}
	return spanOf(op, a, b)
}

// checked calculates with numbers. An infinity that came from a function is a
// value; one that the operator makes is a mistake, and so is what is no number.
func checked(op string, a, b float64) value {
	var f float64
	switch op {
	case "+":
		f = a + b
	case "-":
		f = a - b
	case "*":
		f = a * b
	case "/":
		if b == 0 {
			return without(failed, "division by zero")
		}
		f = a / b
	case "%":
		if b == 0 {
			return without(failed, "modulo by zero")
		}
		f = math.Mod(a, b)
	default:
		f = math.Pow(a, b)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return without(failed, fmt.Sprintf("%s %s %s is no number", humanize(a), op, humanize(b)))
	}
	return numeric(f)
}

// spanOf calculates what gives a duration.
func spanOf(op string, a, b value) value {
	var f float64
	switch {
	case a.kind == moment:
		return lasting(a.at.Sub(b.at))
	case op == "+":
		f = float64(a.dur) + float64(b.dur)
	case op == "-":
		f = float64(a.dur) - float64(b.dur)
	case a.kind == number:
		f = a.num * float64(b.dur)
	case op == "/":
		f = float64(a.dur) / b.num
	default:
		f = float64(a.dur) * b.num
	}
	if math.IsNaN(f) || math.Abs(f) >= math.MaxInt64 {
		return without(failed, "the duration is too long")
	}
	return lasting(time.Duration(f))
}
