package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/billwatch/billwatch"
)

// LongestUntilResolved is how long a silence until resolved lasts at most: an
// alert that never ends must be heard of again.
const LongestUntilResolved = 30 * 24 * time.Hour

// Bounds of a silence that somebody wants.
const (
	maxMatchers = 50
	maxValue    = 4096 // bytes of a matcher's value
	maxComment  = 4096
)

// CheckSilence says what is wrong with a silence that somebody wants; nil where
// nothing is. Mistakes are *billwatch.FieldError, all of them joined.
func CheckSilence(s billwatch.Silence) error {
	var problems []error
	wrong := func(field, format string, args ...any) {
		problems = append(problems, &billwatch.FieldError{Field: field, Err: fmt.Errorf(format, args...)})
	}
	switch {
	case len(s.Matchers) == 0:
		wrong("matchers", "at least one is needed")
	case len(s.Matchers) > maxMatchers:
		wrong("matchers", "are more than %d", maxMatchers)
	}
	if len(problems) == 0 {
		problems = append(problems, checkMatchers(s.Matchers)...)
	}
	if s.StartsAt.IsZero() {
		wrong("startsAt", "is missing")
	}
	if s.EndsAt.IsZero() {
		wrong("endsAt", "is missing")
	} else if !s.EndsAt.After(s.StartsAt) {
		wrong("endsAt", "must be after the start")
	}
	if s.UntilResolved && s.EndsAt.Sub(s.StartsAt) > LongestUntilResolved {
		wrong("endsAt", "a silence until resolved ends after 30 days at the latest")
	}
	for _, text := range []struct{ field, text string }{{"createdBy", s.CreatedBy}, {"comment", s.Comment}} {
		if len(text.text) > maxComment {
			wrong(text.field, "is longer than %d bytes", maxComment)
		}
	}
	size := 0
	for name, value := range s.Annotations {
		size += len(name) + len(value)
	}
	if size > 2*maxComment {
		wrong("annotations", "are longer than %d bytes", 2*maxComment)
	}
	return errors.Join(problems...)
}

func checkMatchers(all []billwatch.Matcher) []error {
	var problems []error
	matchesNothing := false // one that an alert without the label does not meet
	for i, m := range all {
		field := fmt.Sprintf("matchers.%d", i)
		compiled, err := compileMatcher(m)
		if err != nil {
			problems = append(problems, &billwatch.FieldError{Field: field, Err: err})
			continue
		}
		matchesNothing = matchesNothing || !compiled.Matches("")
	}
	if len(problems) == 0 && !matchesNothing {
		problems = append(problems, &billwatch.FieldError{
			Field: "matchers", Err: errors.New("at least one must not match the empty string"),
			Hint: "or every alert would be silenced that lacks the label",
		})
	}
	return problems
}

func compileMatcher(m billwatch.Matcher) (*labels.Matcher, error) {
	switch {
	case m.Name == "":
		return nil, errors.New("the label's name is empty")
	case !utf8.ValidString(m.Name) || !utf8.ValidString(m.Value) || strings.ContainsRune(m.Name+m.Value, 0):
		return nil, errors.New("is not valid text")
	case m.IsRegex && utf8.RuneCountInString(m.Value) > maxRegexp:
		return nil, fmt.Errorf("the regular expression on %q is longer than %d characters", cutRunes(m.Name, maxName), maxRegexp)
	case len(m.Name) > maxValue || len(m.Value) > maxValue:
		return nil, fmt.Errorf("is longer than %d bytes", maxValue)
	}
	kind := labels.MatchEqual
	switch {
	case m.IsRegex && m.IsEqual:
		kind = labels.MatchRegexp
	case m.IsRegex:
		kind = labels.MatchNotRegexp
	case !m.IsEqual:
		kind = labels.MatchNotEqual
	}
	compiled, err := labels.NewMatcher(kind, m.Name, m.Value)
	if err != nil {
		return nil, fmt.Errorf("the regular expression on %q: %w", cutRunes(m.Name, maxName), err)
	}
	return compiled, nil
}

// MatchersOf turns matchers as a person writes them, `severity="critical"`,
// into those of a silence.
func MatchersOf(texts []string) ([]billwatch.Matcher, error) {
	var all []billwatch.Matcher
	for _, text := range texts {
		parsed, err := ParseMatchers(text)
		if err != nil {
			return nil, err
		}
		for _, m := range parsed {
			all = append(all, billwatch.Matcher{
				Name: m.Name, Value: m.Value,
				IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
				IsEqual: m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp,
			})
		}
	}
	return all, nil
}

// SilenceOf returns the matchers of a silence of one alert: all labels that make
// it what it is, the severity included, so that a silenced warning never hides a
// critical alert of the same account. The account's name is none of them: it may
// change while the alert is firing.
func SilenceOf(a billwatch.Alert) []billwatch.Matcher {
	all := []billwatch.Matcher{}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name != billwatch.LabelAccountName {
			all = append(all, billwatch.Matcher{Name: name, Value: a.Labels[name], IsEqual: true})
		}
	}
	if _, ok := a.Labels[billwatch.LabelSeverity]; !ok { // another of the same labels may have one
		all = append(all, billwatch.Matcher{Name: billwatch.LabelSeverity, IsEqual: true})
	}
	return all
}

// SilenceMatches says whether a silence is about an alert with these labels.
// One whose matchers do not compile is about none.
func SilenceMatches(s billwatch.Silence, l billwatch.Labels) bool {
	matchers, err := compileSilence(s)
	return err == nil && matchesAll(matchers, l)
}

func compileSilence(s billwatch.Silence) (labels.Matchers, error) {
	var all labels.Matchers
	for _, m := range s.Matchers {
		compiled, err := compileMatcher(m)
		if err != nil {
			return nil, err
		}
		all = append(all, compiled)
	}
	if len(all) == 0 {
		return nil, errors.New("has no matcher")
	}
	return all, nil
}

func matchesAll(all labels.Matchers, l billwatch.Labels) bool {
	for _, m := range all {
		if !m.Matches(l[m.Name]) {
			return false
		}
	}
	return true
}
