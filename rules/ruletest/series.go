package ruletest

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// maxValues bounds a series: a year of quarters of an hour and some more.
const maxValues = 50_000

// token is a value of a series as it is written; a left out one is absent.
type token struct {
	text   string
	absent bool
}

var (
	stepped  = regexp.MustCompile(`^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([+-][0-9.]+)x([0-9]+)$`)
	repeated = regexp.MustCompile(`^(.+)x([0-9]+)$`)
)

// expand reads a series: values between spaces, `_` for one left out, `axn` for
// a and n more of it, `a+bxn` for a and n more, each b above the one before.
func expand(series string) ([]token, error) {
	words, err := split(series)
	if err != nil {
		return nil, err
	}
	var all []token
	for _, w := range words {
		more, err := expandWord(w)
		if err != nil {
			return nil, err
		}
		if all = append(all, more...); len(all) > maxValues {
			return nil, fmt.Errorf("more than %d values", maxValues)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("holds no value")
	}
	return all, nil
}

// word is a piece of a series; quoted ones are taken as they are.
type word struct {
	text   string
	quoted bool
	times  string // "x4" behind a quoted one
}

// split cuts a series at its spaces, but not within quotes.
func split(series string) ([]word, error) {
	var words []word
	rest := strings.TrimSpace(series)
	for rest != "" {
		var w word
		if quote := rest[0]; quote == '\'' || quote == '"' {
			text, after, closed := strings.Cut(rest[1:], string(quote))
			if !closed {
				return nil, fmt.Errorf("the quote before %q is not closed", shortened(text))
			}
			w.text, w.quoted, rest = text, true, after
			w.times, rest = cutWord(rest)
		} else {
			w.text, rest = cutWord(rest)
		}
		words = append(words, w)
		rest = strings.TrimSpace(rest)
	}
	return words, nil
}

func cutWord(text string) (word, rest string) {
	end := strings.IndexAny(text, " \t\r\n")
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

func shortened(text string) string {
	if runes := []rune(text); len(runes) > 40 {
		return string(runes[:39]) + "…"
	}
	return text
}

func expandWord(w word) ([]token, error) {
	if w.quoted {
		n, err := times(strings.TrimPrefix(w.times, "x"), w.times == "")
		return repeat(token{text: w.text}, n+1), err
	}
	if m := stepped.FindStringSubmatch(w.text); m != nil {
		return steps(m[1], m[2], m[3])
	}
	one, n := w.text, 0
	if m := repeated.FindStringSubmatch(w.text); m != nil {
		var err error
		if one, err = m[1], nil; err == nil {
			n, err = times(m[2], false)
		}
		if err != nil {
			return nil, err
		}
		if one == "_" { // as promtool: n left out, not n + 1
			n--
		}
	}
	return repeat(token{text: one, absent: one == "_"}, n+1), nil
}

func times(text string, none bool) (int, error) {
	if none {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxValues {
		return 0, fmt.Errorf("%q is not a number of times up to %d", shortened(text), maxValues)
	}
	return n, nil
}

func repeat(t token, n int) []token {
	all := make([]token, max(0, n))
	for i := range all {
		all[i] = t
	}
	return all
}

// steps returns first and n more, each by more than the one before, exactly.
func steps(first, by, count string) ([]token, error) {
	n, err := times(count, false)
	if err != nil {
		return nil, err
	}
	if _, err := billwatch.ParseDecimal(first); err != nil { // bounds the exponent, too
		return nil, err
	}
	a, ok := new(big.Rat).SetString(first)
	b, also := new(big.Rat).SetString(by)
	if !ok || !also {
		return nil, fmt.Errorf("%q is not a number with a step", shortened(first+by))
	}
	places := max(decimals(first), decimals(by))
	all := make([]token, n+1)
	for i := range all {
		all[i] = token{text: a.FloatString(places)}
		a = new(big.Rat).Add(a, b)
	}
	return all, nil
}

func decimals(number string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	return len(fraction)
}

// atIndex returns the value of a poll; a shorter series keeps its last one.
func atIndex(values []token, i int) token { return values[min(i, len(values)-1)] }

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date such as 2026-03-01 or a time such as 2026-03-01T12:00:00Z", shortened(text))
}
