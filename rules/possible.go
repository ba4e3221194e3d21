package rules

import (
	"fmt"
	"slices"
	"strings"
)

// world is what is known of the accounts that a condition is judged over. The
// zero world is any account.
type world struct {
	source  string
	allowed map[string]string // the only value of a name
	missing map[string]bool   // names that no account has
}

// conflict is why a case cannot be.
type conflict struct {
	at    *atom  // where it shows
	other *atom  // what it cannot be together with; nil where it is impossible alone
	why   string // where it is impossible alone
}

// possible says whether one of the cases can be; the conflict is that of the
// first, nil where there is not even a case.
func (c cases) possible(w world) (bool, *conflict) {
	if c.open {
		return true, nil
	}
	var first *conflict
	for _, all := range c.all {
		wrong := w.conflict(all)
		if wrong == nil {
			return true, nil
		}
		if first == nil {
			first = wrong
		}
	}
	return false, first
}

// conflict returns what keeps atoms from holding at once, nil where nothing
// does.
func (w world) conflict(all []atom) *conflict {
	terms, none := map[string]*limits{}, map[string]*atom{}
	for i := range all {
		a := &all[i]
		if a.op == opNil && a.val.isTrue() {
			none[a.term] = a
		}
		if c := w.impossible(a); c != nil {
			return c
		}
	}
	for i := range all {
		a := &all[i]
		for _, name := range append(slices.Clone(a.needs), a.term) {
			if other := none[name]; other != nil && other != a && !(a.op == opNil && a.val.isTrue()) {
				return &conflict{at: a, other: other}
			}
		}
		if a.op == opNil {
			continue
		}
		if terms[a.term] == nil {
			terms[a.term] = w.domain(a)
		}
		if c := terms[a.term].add(a); c != nil {
			return c
		}
	}
	return nil
}

// impossible says what keeps an atom from holding by itself.
func (w world) impossible(a *atom) *conflict {
	for _, name := range a.needs {
		if w.lacks(name) {
			return &conflict{at: a, why: w.source + " has no " + current(name)}
		}
	}
	if a.op == opNil && a.val.isFalse() && w.lacks(a.term) {
		return &conflict{at: a, why: w.source + " has no " + current(a.term)}
	}
	return nil
}

func (w world) lacks(name string) bool { return w.missing[current(name)] }

// current is the name of a field without the poll that it is of.
func current(name string) string { return strings.TrimPrefix(name, "previous.") }

// domain returns the values that a term can have at all.
func (w world) domain(a *atom) *limits {
	l := &limits{}
	if only, ok := w.allowed[a.term]; ok && a.val.kind == text {
		l.why = fmt.Sprintf("%s is %q", a.term, only)
		l.low, l.high = &bound{val: textual(only)}, &bound{val: textual(only)}
		return l
	}
	if a.val.kind != number {
		return l
	}
	name, _, called := strings.Cut(a.term, "(")
	called = called && spansTerm(a.term)
	switch {
	case called && name == "percent_left":
		l.low, l.high, l.why = &bound{val: numeric(0)}, &bound{val: numeric(100)}, "it lies between 0 and 100"
	case called && slices.Contains(neverNegative, name), a.term == "plan.capacity":
		l.low, l.why = &bound{val: numeric(0)}, "it is never less than 0"
	}
	return l
}

// neverNegative are functions that give no number below zero. A balance may be
// one: events and credit are overdrawn.
var neverNegative = []string{"runway_days", "burn_rate", "used", "top_ups", "history_days", "abs"}

// spansTerm says whether a term is one call and nothing beside it.
func spansTerm(term string) bool {
	depth := 0
	for i, r := range term {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(term)-1
			}
		}
	}
	return false
}

// bound is an end of a range, and what set it: nil for the term's own nature.
type bound struct {
	val  value
	open bool
	by   *atom
}

// limits are the values that are left for a term.
type limits struct {
	low, high *bound
	not       []bound
	is        *atom  // of a flag
	why       string // of the ends that the term's own nature set
}

// add narrows the limits, and returns the conflict where nothing is left.
func (l *limits) add(a *atom) *conflict {
	if a.op == opIs {
		if l.is != nil && l.is.val.isTrue() != a.val.isTrue() {
			return &conflict{at: a, other: l.is}
		}
		l.is = a
		return nil
	}
	for _, end := range []*bound{l.low, l.high} {
		if end != nil && end.val.kind != a.val.kind {
			return nil // two kinds are not compared
		}
	}
	b := &bound{val: a.val, by: a}
	switch a.op {
	case "<", "<=":
		b.open = a.op == "<"
		l.narrowHigh(b)
	case ">", ">=":
		b.open = a.op == ">"
		l.narrowLow(b)
	case "==":
		l.narrowHigh(b)
		l.narrowLow(b)
	case "!=":
		l.not = append(l.not, *b)
	}
	return l.empty(a)
}

func (l *limits) narrowHigh(b *bound) {
	if l.high == nil || tighter(orderOf(b.val, l.high.val), b, l.high) {
		l.high = b
	}
}

func (l *limits) narrowLow(b *bound) {
	if l.low == nil || tighter(-orderOf(b.val, l.low.val), b, l.low) {
		l.low = b
	}
}

// tighter says whether a bound, which lies so far inside another, leaves less.
func tighter(order int, b, than *bound) bool {
	return order < 0 || order == 0 && b.open && !than.open
}

// empty returns the conflict where no value is left; a was added last.
func (l *limits) empty(a *atom) *conflict {
	if l.low == nil || l.high == nil {
		return nil
	}
	order := orderOf(l.low.val, l.high.val)
	if order > 0 || order == 0 && (l.low.open || l.high.open) {
		return l.between(a, l.low.by, l.high.by)
	}
	if order < 0 {
		return nil
	}
	for _, n := range l.not {
		if n.val.kind == l.low.val.kind && orderOf(n.val, l.low.val) == 0 {
			return l.between(a, l.low.by, n.by)
		}
	}
	return nil
}

func (l *limits) between(a, one, two *atom) *conflict {
	for _, other := range []*atom{one, two} {
		if other != nil && other != a {
			return &conflict{at: a, other: other}
		}
	}
	return &conflict{at: a, why: l.why}
}
