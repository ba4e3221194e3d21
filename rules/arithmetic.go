package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
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
	switch order := orderOf(a, b); {
	case order < 0:
		return truth(c.less)
	case order > 0:
		return truth(c.greater)
	}
	return truth(c.equal)
}

// orderOf compares two values of a kind.
func orderOf(a, b value) int {
	switch a.kind {
	case text:
		return strings.Compare(a.str, b.str)
	case moment:
		return a.at.Compare(b.at)
	case span:
		return cmp.Compare(a.dur, b.dur)
	}
	return cmp.Compare(a.num, b.num)
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

// pair is two kinds with an operator between them.
type pair struct {
	left, right kind
}

// results are what an operator makes of two kinds, and which do.
var results = map[pair]struct {
	kind      kind
	operators []string
}{
	{number, number}: {number, []string{"+", "-", "*", "/", "%", "**", "^"}},
	{text, text}:     {text, []string{"+"}},
	{moment, moment}: {span, []string{"-"}},
	{moment, span}:   {moment, []string{"+", "-"}},
	{span, span}:     {span, []string{"+", "-"}},
	{span, number}:   {span, []string{"*", "/"}},
	{number, span}:   {span, []string{"*"}},
}

// kindOf returns what an operator makes of two kinds.
func kindOf(op string, a, b kind) (kind, bool) {
	if a == dynamic || b == dynamic {
		return dynamic, true
	}
	result := results[pair{a, b}]
	return result.kind, slices.Contains(result.operators, op)
}

func calculate(op string, a, b value) value {
	if a.kind == unknown || b.kind == unknown {
		return worse(a, b)
	}
	if a.kind == number && b.kind == number {
		return checked(op, a.num, b.num)
	}
	k, ok := kindOf(op, a.kind, b.kind)
	if !ok {
		return without(failed, fmt.Sprintf("cannot calculate %s %s %s", a.kind, op, b.kind))
	}
	switch k {
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
	if b == 0 && (op == "/" || op == "%") {
		return without(failed, zeroDivisions[op])
	}
	f := plain(op, a, b)
	made := math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0)
	if made || math.IsNaN(f) {
		return without(failed, fmt.Sprintf("%s %s %s is no number", humanize(a), op, humanize(b)))
	}
	return numeric(f)
}

var zeroDivisions = map[string]string{"/": "division by zero", "%": "modulo by zero"}

func plain(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "%":
		return math.Mod(a, b)
	}
	return math.Pow(a, b)
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
