package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts is what is known of a configured source before it is polled.
type Facts struct {
	Name     string
	Provider string        // of its accounts; empty where that is not known
	Kind     string        // of its accounts; empty where that is not known
	Interval time.Duration // 0 for a schedule
	Fields   []string      // that its accounts can have; nil where that is not known
}

// of returns the facts of the sources that a rule concerns; nil where nothing
// is known of one of them.
func (o Options) of(sources []string) []Facts {
	var all []Facts
	for _, f := range o.Facts {
		if len(sources) == 0 || slices.Contains(sources, f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// shortest returns the shortest interval of the sources that a rule concerns; 0
// where one has a schedule, or there is none.
func (o Options) shortest(sources []string) time.Duration {
	var least time.Duration
	for i, f := range o.of(sources) {
		if i == 0 || f.Interval < least {
			least = f.Interval
		}
	}
	return least
}

// world returns what is known of a source's accounts.
func (o Options) world(f Facts) world {
	w := world{source: "source " + f.Name, allowed: map[string]string{"account.source": f.Name}, missing: map[string]bool{}}
	if f.Provider != "" {
		w.allowed["account.provider"] = f.Provider
	}
	if f.Kind != "" {
		w.allowed["account.kind"] = f.Kind
	}
	if f.Fields != nil {
		for _, v := range snapshotVariables {
			w.missing[v.name] = !slices.Contains(f.Fields, v.name) && !slices.Contains(everyAccount, v.name)
		}
	}
	return w
}

// everyAccount is what no account is without.
var everyAccount = []string{"account.id", "account.name", "account.kind", "account.source", "account.provider"}

// lintSources warns of a rule that no account of any configured source can
// meet, and of what it names and none of them has.
func (s *subject) lintSources() {
	facts := s.options.of(s.rule.sources)
	if len(facts) == 0 || !s.expr.sound || s.where != nil && !s.where.sound {
		return
	}
	picked := anyCase()
	if s.where != nil {
		picked = s.where.cases(true)
	}
	var concerned []world // whose accounts where can pick
	var left, dead []*conflict
	alive := false
	for _, f := range facts {
		w := s.options.world(f)
		possible, why := picked.possible(w)
		if !possible {
			left = append(left, why)
			continue
		}
		concerned = append(concerned, w)
		possible, why = picked.and(s.expr.cases(true)).possible(w)
		alive = alive || possible
		dead = append(dead, why)
	}
	switch {
	case alive:
		s.lintFields(concerned)
	case len(concerned) > 0:
		s.blame(dead, s.expr, s.expr.never)
	default:
		s.blame(left, s.where, s.where.never)
	}
}

// blame warns of what keeps the accounts of each source from meeting the
// conditions, of which l is the one in question.
func (s *subject) blame(all []*conflict, l *looker, hint string) {
	first := all[0]
	if slices.ContainsFunc(all, func(c *conflict) bool { return c == nil || c.at.tree != first.at.tree }) {
		l.warn(l.root(), "no source has accounts for which this can be true", hint)
		return
	}
	if _, ok := l.logic.nodes[first.at.tree]; !ok {
		l = s.where
	}
	switch {
	case first.other != nil:
		l.warn(first.at.tree, fmt.Sprintf("%s and %s cannot both be true", first.other, first.at), hint)
	case len(all) == 1:
		l.warn(first.at.tree, fmt.Sprintf("%s is never true: %s", first.at, first.why), hint)
	default:
		l.warn(first.at.tree, fmt.Sprintf("%s is true at no source", first.at), hint)
	}
}

// lintFields warns of fields that no source has whose accounts a rule looks at.
// Where the rule asks whether there is a value, it has thought of that.
func (s *subject) lintFields(worlds []world) {
	for _, l := range s.all() {
		if l == s.where {
			continue
		}
		for _, u := range usesOf(l.root()) {
			some := slices.ContainsFunc(worlds, func(w world) bool { return !w.missing[u.name] })
			if !some && !l.program.asked.about(u.tree, u.name) {
				l.warn(u.tree, s.nobody+u.name, "what hangs on it is never known")
			}
		}
	}
}

// lintLabels warns of labels that nothing sets.
func (s *subject) lintLabels() {
	if s.options.Labels == nil {
		return
	}
	for _, l := range s.all() {
		for _, u := range usesOf(l.root()) {
			label, found := strings.CutPrefix(u.name, "account.labels.")
			if found && !slices.Contains(s.options.Labels, label) && !l.program.asked.about(u.tree, u.name) {
				l.warn(u.tree, "no source and no account sets the label "+label,
					suggest(label, s.options.Labels, "set it below labels: of a source, or below accounts:"))
			}
		}
	}
}
