package notify

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/billwatch/billwatch"
)

// Quieting says which firing alerts are not told at present, and why. It never
// changes, and is safe for concurrent use; nil mutes nothing.
type Quieting struct {
	version int64
	keyed   map[string]map[string][]silence // by a label and a value that they ask for
	others  []silence                       // that ask for no value
	gone    map[billwatch.AccountKey]string // fingerprint of what says that an account is gone
	rules   []inhibitors
	moments []time.Time // at which a silence begins or ends
}

type silence struct {
	billwatch.Silence
	matchers labels.Matchers
	prefixes []string // of the matchers: what a value begins with that a regular expression matches
}

// newSilence returns a silence that is ready; false where it does not compile,
// although that was checked when it was made.
func newSilence(s billwatch.Silence) (silence, bool) {
	matchers, err := compileSilence(s)
	compiled := silence{s, matchers, make([]string, len(matchers))}
	for i, m := range matchers {
		if m.Type != labels.MatchRegexp {
			continue
		}
		if free, err := regexp.Compile(m.Value); err == nil {
			compiled.prefixes[i], _ = free.LiteralPrefix()
		}
	}
	return compiled, err == nil
}

func (s *silence) matches(l billwatch.Labels) bool {
	for i, m := range s.matchers {
		value := l[m.Name]
		if !strings.HasPrefix(value, s.prefixes[i]) || !m.Matches(value) {
			return false
		}
	}
	return true
}

// Quieting returns what is quiet by these rules.
func (i *Inhibition) Quieting(from billwatch.Quiet) *Quieting {
	q := &Quieting{version: from.Version, keyed: map[string]map[string][]silence{}, gone: map[billwatch.AccountKey]string{}}
	for _, s := range from.Silences {
		if ready, ok := newSilence(s); ok {
			q.add(ready)
		}
	}
	sources := slices.Clone(from.Inhibitors)
	slices.SortFunc(sources, func(a, b billwatch.Alert) int { // what is named as the reason stays the same
		return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	for _, a := range sources {
		if a.Key.Rule == billwatch.RuleAccountGone {
			q.gone[a.Key.Account] = a.Fingerprint
		}
	}
	for _, r := range i.rules {
		q.rules = append(q.rules, r.live(sources))
	}
	return q
}

// add files a silence under a value that it asks for, so that an alert is held
// only against those that may match it.
func (q *Quieting) add(s silence) {
	q.moments = append(q.moments, s.StartsAt, s.EndsAt)
	narrowest := -1
	order := []string{billwatch.LabelAccount, billwatch.LabelAlert, billwatch.LabelSource}
	for i, m := range s.matchers {
		if m.Type != labels.MatchEqual {
			continue
		}
		if narrowest < 0 || rank(order, m.Name) < rank(order, s.matchers[narrowest].Name) {
			narrowest = i
		}
	}
	if narrowest < 0 {
		q.others = append(q.others, s)
		return
	}
	m := s.matchers[narrowest]
	if q.keyed[m.Name] == nil {
		q.keyed[m.Name] = map[string][]silence{}
	}
	q.keyed[m.Name][m.Value] = append(q.keyed[m.Name][m.Value], s)
}

func rank(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// Version is that of the billwatch.Quiet that it was made from.
func (q *Quieting) Version() int64 {
	if q == nil {
		return 0
	}
	return q.version
}

// Why says why a firing alert is not told at a moment; zero where nothing keeps
// it from being told.
func (q *Quieting) Why(a billwatch.Alert, now time.Time) billwatch.Mute {
	if q == nil {
		return billwatch.Mute{}
	}
	if by, gone := q.gone[a.Key.Account]; gone && a.Key.Rule != billwatch.RuleAccountGone {
		return billwatch.Mute{Why: billwatch.MutedGone, By: by}
	}
	if s := q.silenced(a, now); s.ID != "" {
		return billwatch.Mute{Why: billwatch.MutedSilenced, By: s.ID, Until: s.EndsAt}
	}
	for _, r := range q.rules {
		if by := r.over(a); by != "" {
			return billwatch.Mute{Why: billwatch.MutedInhibited, By: by}
		}
	}
	return billwatch.Mute{}
}

// silenced returns of the active silences that match the one that ends last.
func (q *Quieting) silenced(a billwatch.Alert, now time.Time) billwatch.Silence {
	var last billwatch.Silence
	look := func(all []silence) {
		for i := range all {
			s := &all[i]
			if s.State(now) == billwatch.SilenceActive && s.matches(a.Labels) && later(s.Silence, last) {
				last = s.Silence
			}
		}
	}
	for name, byValue := range q.keyed {
		look(byValue[a.Labels[name]])
	}
	look(q.others)
	return last
}

// later says whether a ends after b, so that the answer does not depend on the
// order in which they are looked at.
func later(a, b billwatch.Silence) bool {
	return cmp.Or(a.EndsAt.Compare(b.EndsAt), cmp.Compare(b.ID, a.ID)) > 0
}

// next returns when a silence begins or ends next; zero where none does.
func (q *Quieting) next(now time.Time) time.Time {
	var next time.Time
	if q == nil {
		return next
	}
	for _, at := range q.moments {
		if at.After(now) {
			next = sooner(next, at)
		}
	}
	return next
}

// sooner returns the earlier of two moments, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
