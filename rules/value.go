package rules

import (
	"strconv"
	"time"

	"github.com/billwatch/billwatch"
)

// kind is what a value is, and what an expression is known to give.
type kind uint8

const (
	unknown kind = iota // no value; the zero value decides nothing
	boolean
	number
	text
	moment
	span

	// Only of expressions:
	dynamic // known when it runs: a variable of the account's own
	list    // stands right of in
	absent  // the literal nil
	broken  // a mistake was reported; says nothing more
)

var kindNames = [...]string{
	"nothing", "true or false", "a number", "a text", "a time", "a duration",
	"a value", "a list", "nil", "a mistake",
}

func (k kind) String() string { return kindNames[k] }

// reason is why a value is unknown, the one that says more being greater.
type reason uint8

const (
	notApplicable reason = iota
	notSent
	failed
)

var reasonNames = [...]string{
	billwatch.ReasonNotApplicable, billwatch.ReasonNotSent, billwatch.ReasonEvaluationError,
}

func (r reason) String() string { return reasonNames[r] }

// value is what an expression gives.
type value struct {
	kind kind
	why  reason        // of an unknown one
	num  float64       // of a number; 1 for true
	str  string        // of a text; of an unknown value, what is missing
	at   time.Time     // of a moment
	dur  time.Duration // of a span
}

func truth(b bool) value {
	if b {
		return value{kind: boolean, num: 1}
	}
	return value{kind: boolean}
}

func numeric(f float64) value          { return value{kind: number, num: f} }
func textual(s string) value           { return value{kind: text, str: s} }
func momentary(t time.Time) value      { return value{kind: moment, at: t} }
func lasting(d time.Duration) value    { return value{kind: span, dur: d} }
func without(r reason, s string) value { return value{why: r, str: s} }

// isTrue and isFalse are both wrong of an unknown value.
func (v value) isTrue() bool  { return v.kind == boolean && v.num != 0 }
func (v value) isFalse() bool { return v.kind == boolean && v.num == 0 }

// outcome turns a condition's value into a word.
func (v value) outcome() billwatch.Outcome {
	switch {
	case v.isTrue():
		return billwatch.True
	case v.isFalse():
		return billwatch.False
	}
	return billwatch.Unknown
}

// worse returns, of two values of which one is unknown, the one that says more
// of why. Which stands left makes no difference.
func worse(a, b value) value {
	switch {
	case a.kind != unknown:
		return b
	case b.kind != unknown:
		return a
	case a.why != b.why:
		if a.why > b.why {
			return a
		}
		return b
	case a.str <= b.str:
		return a
	}
	return b
}

// String shows the value to a person.
func (v value) String() string {
	switch v.kind {
	case boolean:
		return strconv.FormatBool(v.num != 0)
	case number:
		return humanize(v.num)
	case text:
		return strconv.Quote(v.str)
	case moment:
		return date(v.at)
	case span:
		return humanizeDuration(v.dur)
	}
	return "unknown"
}
