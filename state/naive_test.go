package state_test

import (
	"time"

	"github.com/billwatch/billwatch"
)

// This file states the table of the alert machine a second time, and knows
// nothing of the machine: it may use the words, never package state. It keeps no
// clock. Each time it looks back over all that was ever said, which is slow and
// hard to get wrong.

// word is what one evaluation said, and when.
type word struct {
	at      time.Time
	outcome billwatch.Outcome
	until   billwatch.Outcome
	ends    string
	held    time.Duration // for
	keep    time.Duration // keep_firing_for
	labels  billwatch.Labels
}

// tale is all that was said of one rule on one account, and where that led:
// states[i] is how the alert stood after words[i].
type tale struct {
	words  []word
	states []billwatch.AlertState
}

// row is one field of the table: in this state, when this is said, this follows.
type row struct {
	in   billwatch.AlertState
	said func(word) bool
	when func(tale) bool // nil where nothing more is asked
	then billwatch.AlertState
}

func ends(w word) bool      { return w.ends != "" }
func isTrue(w word) bool    { return w.ends == "" && w.outcome == billwatch.True }
func isFalse(w word) bool   { return w.ends == "" && w.outcome == billwatch.False }
func isUnknown(w word) bool { return w.ends == "" && w.outcome == billwatch.Unknown }

// table is read from the top; the first row that fits counts.
var table = []row{
	{in: billwatch.Inactive, said: isTrue, when: waits, then: billwatch.Pending},
	{in: billwatch.Inactive, said: isTrue, then: billwatch.Firing},
	{in: billwatch.Inactive, said: isFalse, then: billwatch.Inactive},
	{in: billwatch.Inactive, said: isUnknown, then: billwatch.Inactive},
	{in: billwatch.Inactive, said: ends, then: billwatch.Inactive},

	{in: billwatch.Pending, said: isTrue, when: hasHeld, then: billwatch.Firing},
	{in: billwatch.Pending, said: isTrue, then: billwatch.Pending},
	{in: billwatch.Pending, said: isFalse, then: billwatch.Inactive},
	{in: billwatch.Pending, said: isUnknown, then: billwatch.Pending},
	{in: billwatch.Pending, said: ends, then: billwatch.Inactive},

	{in: billwatch.Firing, said: isTrue, then: billwatch.Firing},
	{in: billwatch.Firing, said: isFalse, when: mayResolve, then: billwatch.Resolved},
	{in: billwatch.Firing, said: isFalse, then: billwatch.Firing},
	{in: billwatch.Firing, said: isUnknown, then: billwatch.Firing},
	{in: billwatch.Firing, said: ends, then: billwatch.Resolved},
}

// hear adds what was said and returns how the alert stood before, with resolved
// being inactive, and how it stands now.
func (t *tale) hear(w word) (from, to billwatch.AlertState) {
	from = t.standing()
	t.words = append(t.words, w)
	for _, r := range table {
		if r.in == from && r.said(w) && (r.when == nil || r.when(*t)) {
			t.states = append(t.states, r.then)
			return from, r.then
		}
	}
	panic("the table has no row for it")
}

func (t *tale) standing() billwatch.AlertState {
	if len(t.states) == 0 || t.states[len(t.states)-1] == billwatch.Resolved {
		return billwatch.Inactive
	}
	return t.states[len(t.states)-1]
}

func (t tale) now() word { return t.words[len(t.words)-1] }

// since returns the index of the word by which the alert came into the state
// that it was in when the last word was said.
func (t tale) since(state billwatch.AlertState) int {
	i := len(t.words) - 1
	for i > 0 && t.states[i-1] == state {
		i--
	}
	return i
}

func waits(t tale) bool { return t.now().held > 0 }

func hasHeld(t tale) bool {
	began := t.words[t.since(billwatch.Pending)].at
	return t.now().at.Sub(began) >= t.now().held
}

// mayResolve asks for keep_firing_for since the first False that no True came
// after, and for until.
func mayResolve(t tale) bool {
	var first time.Time
	for _, w := range t.words[t.since(billwatch.Firing):] {
		switch {
		case isTrue(w):
			first = time.Time{}
		case isFalse(w) && first.IsZero():
			first = w.at
		}
	}
	return t.now().at.Sub(first) >= t.now().keep && t.now().until == billwatch.True
}

// began returns the word by which the last incident began to fire.
func (t tale) began() (word, bool) {
	for i := len(t.words) - 1; i >= 0; i-- {
		if t.states[i] == billwatch.Firing && (i == 0 || t.states[i-1] != billwatch.Firing) {
			return t.words[i], true
		}
	}
	return word{}, false
}

// identity returns the labels that the last incident has until it ends: the last
// that were said when it began to fire.
func (t tale) identity() billwatch.Labels {
	fired := false
	for i := len(t.words) - 1; i >= 0; i-- {
		fired = fired || t.states[i] == billwatch.Firing && (i == 0 || t.states[i-1] != billwatch.Firing)
		if !fired {
			continue
		}
		if t.states[i] != billwatch.Firing && t.states[i] != billwatch.Pending {
			break // of an incident before
		}
		if t.words[i].labels != nil {
			return t.words[i].labels
		}
	}
	return nil
}
