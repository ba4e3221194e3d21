package rules_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
	"github.com/expr-lang/expr"
	"pgregory.net/rapid"
)

// guess is what the naive evaluator thinks of an expression: a value, or how
// bad it is that there is none.
type guess struct {
	text   string
	why    int // 0 is known; greater says more
	truth  bool
	number float64
}

const (
	naiveNotApplicable = 1
	naiveNotSent       = 2
	naiveFailed        = 3
)

// world is an account whose fields are random, and what there is to name.
type world struct {
	snap    billwatch.Snapshot
	numbers []guess
	flags   []guess
	words   []word
	times   []moment
	whole   bool // everything is known, and nothing is divided
}

func someField[T any](t *rapid.T, name string, v T) (billwatch.Value[T], int) {
	switch rapid.IntRange(0, 4).Draw(t, name+" is") {
	case 0:
		return billwatch.NotSent[T](), naiveNotSent
	case 1:
		return billwatch.Value[T]{}, naiveNotApplicable
	}
	return billwatch.Known(v), 0
}

func someWorld(t *rapid.T, whole bool) world {
	w := world{whole: whole}
	w.snap.Account.Source = "blues"
	number := func(name string, into *billwatch.Value[billwatch.Decimal]) {
		f := float64(rapid.IntRange(-3, 3).Draw(t, name))
		why := 0
		if *into = billwatch.Known(amount(f)); !whole {
			*into, why = someField(t, name, amount(f))
		}
		w.numbers = append(w.numbers, guess{text: name, why: why, number: f})
	}
	flag := func(name string, into *billwatch.Value[bool]) {
		b := rapid.Bool().Draw(t, name)
		why := 0
		if *into = billwatch.Known(b); !whole {
			*into, why = someField(t, name, b)
		}
		w.flags = append(w.flags, guess{text: name, why: why, truth: b})
	}
	number("balance", &w.snap.Balance)
	number("plan.capacity", &w.snap.Plan.Capacity)
	number("spend.hourly", &w.snap.Spend.Hourly)
	number("recharge.low", &w.snap.Recharge.Low)
	flag("suspended", &w.snap.Suspended)
	flag("recharge.auto", &w.snap.Recharge.Auto)
	if !whole {
		w.addKinds(t)
	}
	return w
}

// join says how bad it is that one of several is not known.
func join(all ...guess) int {
	why := 0
	for _, g := range all {
		why = max(why, g.why)
	}
	return why
}

func (w world) number(t *rapid.T, depth int) guess {
	if depth <= 0 {
		if rapid.Bool().Draw(t, "a variable") {
			return rapid.SampledFrom(w.numbers).Draw(t, "number")
		}
		n := rapid.IntRange(0, 3).Draw(t, "literal")
		return guess{text: fmt.Sprint(n), number: float64(n)}
	}
	most := 9
	if w.whole { // in the language itself some of these are others' functions
		most = 7
	}
	switch rapid.IntRange(0, most).Draw(t, "kind of number") {
	case 8:
		return w.called(t, depth)
	case 9:
		return w.steep(t, depth)
	case 0:
		a, b := w.number(t, 0), w.number(t, depth-1)
		out := a
		if a.why != 0 {
			out = b
		}
		out.text = fmt.Sprintf("(%s ?? %s)", a.text, b.text)
		return out
	case 1:
		c, a, b := w.flag(t, depth-1), w.number(t, depth-1), w.number(t, depth-1)
		out := guess{why: c.why}
		switch {
		case c.why != 0:
		case c.truth:
			out = a
		default:
			out = b
		}
		out.text = fmt.Sprintf("(%s ? %s : %s)", c.text, a.text, b.text)
		return out
	case 2:
		a := w.number(t, depth-1)
		a.text, a.number = "(-"+a.text+")", -a.number
		return a
	}
	op := rapid.SampledFrom([]string{"+", "-", "*", "/"}).Draw(t, "operator")
	if w.whole && op == "/" {
		op = "*"
	}
	a, b := w.number(t, depth-1), w.number(t, depth-1)
	out := guess{text: fmt.Sprintf("(%s %s %s)", a.text, op, b.text), why: join(a, b)}
	if out.why != 0 {
		return out
	}
	switch op {
	case "+":
		out.number = a.number + b.number
	case "-":
		out.number = a.number - b.number
	case "*":
		out.number = a.number * b.number
	case "/":
		out.number = a.number / b.number
	}
	if math.IsNaN(out.number) || math.IsInf(out.number, 0) {
		out.why = naiveFailed
	}
	return out
}

func (w world) flag(t *rapid.T, depth int) guess {
	if depth <= 0 {
		if rapid.Bool().Draw(t, "a variable") {
			return rapid.SampledFrom(w.flags).Draw(t, "flag")
		}
		b := rapid.Bool().Draw(t, "literal")
		return guess{text: fmt.Sprint(b), truth: b}
	}
	most := 12
	if w.whole {
		most = 9
	}
	switch rapid.IntRange(0, most).Draw(t, "kind of condition") {
	case 10:
		return w.worded(t, depth)
	case 11:
		return w.timed(t, depth)
	case 12:
		return w.chosen(t, depth)
	case 0:
		a := w.flag(t, depth-1)
		a.text, a.truth = "(!"+a.text+")", !a.truth
		return a
	case 1:
		a, equal := w.number(t, depth-1), rapid.Bool().Draw(t, "equal")
		if equal {
			return guess{text: "(" + a.text + " == nil)", truth: a.why != 0}
		}
		return guess{text: "(" + a.text + " != nil)", truth: a.why == 0}
	case 2:
		a, b, c := w.number(t, depth-1), w.number(t, depth-1), w.number(t, depth-1)
		return guess{
			text: fmt.Sprintf("(%s in [%s, %s])", a.text, b.text, c.text),
			why:  join(a, b, c), truth: a.number == b.number || a.number == c.number,
		}
	case 3, 4, 5:
		return w.compared(t, depth)
	}
	a, b := w.flag(t, depth-1), w.flag(t, depth-1)
	or := rapid.Bool().Draw(t, "or")
	out := guess{text: fmt.Sprintf("(%s && %s)", a.text, b.text)}
	if or {
		out.text = fmt.Sprintf("(%s || %s)", a.text, b.text)
	}
	for _, g := range []guess{a, b} {
		if g.why == 0 && g.truth == or { // it decides alone
			out.truth = or
			return out
		}
	}
	out.why, out.truth = join(a, b), !or
	return out
}

// chosen is one of two conditions, or a chain of comparisons.
func (w world) chosen(t *rapid.T, depth int) guess {
	if rapid.Bool().Draw(t, "a chain") {
		a, b, c := w.number(t, depth-1), w.number(t, depth-1), w.number(t, depth-1)
		left, right := guess{why: join(a, b), truth: a.number < b.number}, guess{why: join(b, c), truth: b.number <= c.number}
		out := guess{text: fmt.Sprintf("(%s < %s <= %s)", a.text, b.text, c.text)}
		switch {
		case left.why == 0 && !left.truth, right.why == 0 && !right.truth:
		default:
			out.why, out.truth = join(left, right), true
		}
		return out
	}
	c, a, b := w.flag(t, depth-1), w.flag(t, depth-1), w.flag(t, depth-1)
	out := guess{why: c.why}
	switch {
	case c.why != 0:
	case c.truth:
		out = a
	default:
		out = b
	}
	out.text = fmt.Sprintf("(%s ? %s : %s)", c.text, a.text, b.text)
	return out
}

func (w world) compared(t *rapid.T, depth int) guess {
	op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "comparison")
	a, b := w.number(t, depth-1), w.number(t, depth-1)
	out := guess{text: fmt.Sprintf("(%s %s %s)", a.text, op, b.text), why: join(a, b)}
	switch op {
	case "<":
		out.truth = a.number < b.number
	case "<=":
		out.truth = a.number <= b.number
	case ">":
		out.truth = a.number > b.number
	case ">=":
		out.truth = a.number >= b.number
	case "==":
		out.truth = a.number == b.number
	case "!=":
		out.truth = a.number != b.number
	}
	return out
}

func (g guess) String() string {
	switch g.why {
	case naiveNotApplicable:
		return notApplicable
	case naiveNotSent:
		return notSent
	case naiveFailed:
		return failed
	}
	return fmt.Sprint(g.truth)
}

func TestConditionsAreThreeValued(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := someWorld(rt, false)
		want := w.flag(rt, rapid.IntRange(0, 4).Draw(rt, "depth"))
		got := judge(t, want.text, rules.Input{Snapshot: w.snap})
		if said(got) != want.String() {
			rt.Fatalf("%s\n got %s (%s)\nwant %s", want.text, said(got), got.Detail, want)
		}
	})
}

// Where everything is known, a condition means what the language says it means.
func TestConditionsMeanWhatExprMeans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := someWorld(rt, true)
		cond := w.flag(rt, rapid.IntRange(0, 3).Draw(rt, "depth"))
		number := func(v billwatch.Value[billwatch.Decimal]) float64 {
			d, _ := v.Get()
			return d.Float64()
		}
		flag := func(v billwatch.Value[bool]) bool {
			b, _ := v.Get()
			return b
		}
		s := w.snap
		want, err := expr.Eval(cond.text, map[string]any{
			"balance": number(s.Balance), "suspended": flag(s.Suspended),
			"plan":     map[string]any{"capacity": number(s.Plan.Capacity)},
			"spend":    map[string]any{"hourly": number(s.Spend.Hourly)},
			"recharge": map[string]any{"low": number(s.Recharge.Low), "auto": flag(s.Recharge.Auto)},
		})
		if err != nil {
			rt.Fatalf("%s: %v", cond.text, err)
		}
		got := judge(t, cond.text, rules.Input{Snapshot: s})
		if said(got) != fmt.Sprint(want) {
			rt.Fatalf("%s\n got %s\nwant %v", cond.text, said(got), want)
		}
	})
}
