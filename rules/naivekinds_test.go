package rules_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"pgregory.net/rapid"
)

// What the naive evaluator knows beside numbers and flags: texts, times,
// functions, and what may overflow.

// called is a function of numbers.
func (w world) called(t *rapid.T, depth int) guess {
	name := rapid.SampledFrom([]string{"abs", "ceil", "floor", "round", "min", "max"}).Draw(t, "function")
	a := w.number(t, depth-1)
	if name == "min" || name == "max" {
		b := w.number(t, depth-1)
		out := guess{text: fmt.Sprintf("%s(%s, %s)", name, a.text, b.text), why: join(a, b)}
		if out.number = math.Max(a.number, b.number); name == "min" {
			out.number = math.Min(a.number, b.number)
		}
		return out
	}
	f := map[string]func(float64) float64{"abs": math.Abs, "ceil": math.Ceil, "floor": math.Floor, "round": math.Round}[name]
	return guess{text: fmt.Sprintf("%s(%s)", name, a.text), why: a.why, number: f(a.number)}
}

// steep is an operator that makes numbers that are none more easily.
func (w world) steep(t *rapid.T, depth int) guess {
	op := rapid.SampledFrom([]string{"%", "**", "^"}).Draw(t, "steep operator")
	a, b := w.number(t, depth-1), w.number(t, depth-1)
	out := guess{text: fmt.Sprintf("(%s %s %s)", a.text, op, b.text), why: join(a, b)}
	if out.why != 0 {
		return out
	}
	if op == "%" {
		out.number = math.Mod(a.number, b.number)
	} else {
		out.number = math.Pow(a.number, b.number)
	}
	if math.IsNaN(out.number) || math.IsInf(out.number, 0) {
		out.why = naiveFailed
	}
	return out
}

// word is a text: a field, a constant, or made of others.
type word struct {
	text string
	why  int
	is   string
}

func (w world) word(t *rapid.T, depth int) word {
	if depth <= 0 {
		if rapid.Bool().Draw(t, "a field") {
			return rapid.SampledFrom(w.words).Draw(t, "text")
		}
		s := rapid.SampledFrom([]string{"", "a", "Ab", " b ", `"`, "é"}).Draw(t, "text literal")
		return word{text: strconv.Quote(s), is: s}
	}
	a := w.word(t, depth-1)
	switch rapid.IntRange(0, 5).Draw(t, "kind of text") {
	case 0:
		return word{"lower(" + a.text + ")", a.why, strings.ToLower(a.is)}
	case 1:
		return word{"upper(" + a.text + ")", a.why, strings.ToUpper(a.is)}
	case 2:
		return word{"trim(" + a.text + ")", a.why, strings.TrimSpace(a.is)}
	case 3:
		b := w.word(t, depth-1)
		return word{"(" + a.text + " + " + b.text + ")", max(a.why, b.why), a.is + b.is}
	case 4:
		b := w.word(t, depth-1)
		out := a
		if a.why != 0 {
			out = b
		}
		out.text = "(" + a.text + " ?? " + b.text + ")"
		return out
	}
	c, b := w.flag(t, depth-1), w.word(t, depth-1)
	out := word{why: c.why}
	switch {
	case c.why != 0:
	case c.truth:
		out = a
	default:
		out = b
	}
	out.text = "(" + c.text + " ? " + a.text + " : " + b.text + ")"
	return out
}

// worded is a condition over texts.
func (w world) worded(t *rapid.T, depth int) guess {
	a, b := w.word(t, depth-1), w.word(t, depth-1)
	op := rapid.SampledFrom([]string{"==", "!=", "<", ">=", "contains", "startsWith", "endsWith", "not contains", "in", "not in", "nil"}).Draw(t, "about texts")
	out := guess{text: fmt.Sprintf("(%s %s %s)", a.text, op, b.text), why: max(a.why, b.why)}
	switch op {
	case "==":
		out.truth = a.is == b.is
	case "!=":
		out.truth = a.is != b.is
	case "<":
		out.truth = a.is < b.is
	case ">=":
		out.truth = a.is >= b.is
	case "contains":
		out.truth = strings.Contains(a.is, b.is)
	case "startsWith":
		out.truth = strings.HasPrefix(a.is, b.is)
	case "endsWith":
		out.truth = strings.HasSuffix(a.is, b.is)
	case "not contains":
		out.truth = !strings.Contains(a.is, b.is)
	case "in", "not in":
		out.text = fmt.Sprintf("(%s %s [%s, \"a\"])", a.text, op, b.text)
		out.truth = (a.is == b.is || a.is == "a") == (op == "in")
	case "nil":
		out = guess{text: "(" + a.text + " == nil)", truth: a.why != 0}
	}
	return out
}

// timed is a condition over times and durations.
func (w world) timed(t *rapid.T, _ int) guess {
	a, b := rapid.SampledFrom(w.times).Draw(t, "time"), rapid.SampledFrom(w.times).Draw(t, "other time")
	days := rapid.IntRange(0, 3).Draw(t, "days")
	length := time.Duration(days) * 24 * time.Hour
	out := guess{why: max(a.why, b.why)}
	switch rapid.IntRange(0, 4).Draw(t, "about times") {
	case 0:
		out.text, out.truth = fmt.Sprintf("(%s < %s)", a.text, b.text), a.at.Before(b.at)
	case 1:
		out.text, out.truth = fmt.Sprintf("(%s - %s >= duration(\"%dd\"))", a.text, b.text, days), a.at.Sub(b.at) >= length
	case 2:
		out.text, out.truth = fmt.Sprintf("(%s + duration(\"%dd\") == %s)", a.text, days, b.text), a.at.Add(length).Equal(b.at)
	case 3:
		out.text, out.truth = fmt.Sprintf("(days_until(%s) <= %d)", a.text, days), a.at.Sub(now).Hours() <= float64(24*days)
		out.why = a.why
	case 4:
		out.text, out.truth, out.why = fmt.Sprintf("(%s != nil)", a.text), a.why == 0, 0
	}
	return out
}

// moment is a time that conditions can name.
type moment struct {
	text string
	why  int
	at   time.Time
}

// addKinds gives a world its texts and times.
func (w *world) addKinds(t *rapid.T) {
	text := func(name string, into *billwatch.Value[string]) {
		s := rapid.SampledFrom([]string{"", "a", "Ab", " b "}).Draw(t, name)
		var why int
		*into, why = someField(t, name, s)
		w.words = append(w.words, word{name, why, s})
	}
	text("state", &w.snap.State)
	text("plan.type", &w.snap.Plan.Type)
	at := func(name string, into *billwatch.Value[time.Time]) {
		is := now.AddDate(0, 0, rapid.IntRange(-3, 3).Draw(t, name))
		var why int
		*into, why = someField(t, name, is)
		w.times = append(w.times, moment{name, why, is})
	}
	at("plan.start", &w.snap.Plan.Start)
	at("plan.end", &w.snap.Plan.End)
	w.times = append(w.times, moment{"now", 0, now}, moment{`date("2026-11-24")`, 0, now.Truncate(24 * time.Hour)})
}
