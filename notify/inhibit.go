package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/billwatch/billwatch"
)

// InhibitRule is a rule of inhibition as a person wrote it, with the words of
// Alertmanager: while an alert fires that the source matchers match, the alerts
// that the target matchers match are not told, where both have the same values
// in the equal labels.
type InhibitRule struct {
	SourceMatchers []string `yaml:"source_matchers"`
	TargetMatchers []string `yaml:"target_matchers"`
	Equal          []string `yaml:"equal"`
}

// DefaultInhibition holds where no other is configured: of a suspended account
// only what is critical is told beside.
func DefaultInhibition() []InhibitRule {
	return []InhibitRule{{
		SourceMatchers: []string{billwatch.LabelAlert + `="AccountSuspended"`},
		TargetMatchers: []string{billwatch.LabelSeverity + `!="critical"`},
		Equal:          []string{billwatch.LabelSource, billwatch.LabelAccount},
	}}
}

// Inhibition says which alerts keep which others from being told. That an
// account is gone always does, for the account's other alerts: nothing new is
// known of them.
type Inhibition struct {
	rules []inhibition
	text  string // the same for the same rules
}

// inhibition is a compiled InhibitRule.
type inhibition struct {
	source, target labels.Matchers
	equal          []string
}

// always is the inhibition without any rule.
func always() *Inhibition { return &Inhibition{text: billwatch.RuleAccountGone} }

// NewInhibition compiles rules of inhibition. Mistakes are
// *billwatch.FieldError, all of them joined, with places such as
// "0.source_matchers.1".
func NewInhibition(rules []InhibitRule) (*Inhibition, error) {
	all, text := &Inhibition{}, []string{billwatch.RuleAccountGone}
	c := &compiler{}
	for i, r := range rules {
		at := fmt.Sprintf("%d.", i)
		if len(r.SourceMatchers) == 0 {
			c.wrong(at+"source_matchers", "", "at least one is needed: what fires while others are not told")
		}
		if len(r.TargetMatchers) == 0 {
			c.wrong(at+"target_matchers", `such as severity!="critical"`, "at least one is needed: what is not told")
		}
		compiled := inhibition{
			source: c.matcherList(r.SourceMatchers, at+"source_matchers"),
			target: c.matcherList(r.TargetMatchers, at+"target_matchers"),
		}
		for k, name := range r.Equal {
			switch field := fmt.Sprintf("%sequal.%d", at, k); {
			case name == "":
				c.wrong(field, "", "must not be empty")
			case slices.Contains(compiled.equal, name):
				c.wrong(field, "", "%q is there twice", name)
			default:
				compiled.equal = append(compiled.equal, name)
			}
		}
		slices.Sort(compiled.equal)
		all.rules = append(all.rules, compiled)
		text = append(text, fmt.Sprintf("%s>%s=%q", compiled.source, compiled.target, compiled.equal))
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	all.text = strings.Join(text, "\n")
	return all, nil
}

// Text is the same for the same rules, and no other.
func (i *Inhibition) Text() string { return i.text }

// Inhibits says whether an alert, while it fires, may keep others from being
// told.
func (i *Inhibition) Inhibits(a billwatch.Alert) bool {
	if a.Key.Rule == billwatch.RuleAccountGone {
		return true
	}
	return slices.ContainsFunc(i.rules, func(r inhibition) bool { return matchesAll(r.source, a.Labels) })
}

// inhibitors are the alerts that fire now, by one rule.
type inhibitors struct {
	inhibition
	oneSided map[string][]string // fingerprints of those that are no targets themselves, by their equal labels
	all      map[string][]string
}

func (i inhibition) live(sources []billwatch.Alert) inhibitors {
	l := inhibitors{i, map[string][]string{}, map[string][]string{}}
	for _, a := range sources {
		if !matchesAll(i.source, a.Labels) {
			continue
		}
		key := i.key(a.Labels)
		l.all[key] = append(l.all[key], a.Fingerprint)
		if !matchesAll(i.target, a.Labels) {
			l.oneSided[key] = append(l.oneSided[key], a.Fingerprint)
		}
	}
	return l
}

func (i inhibition) key(l billwatch.Labels) string {
	var b strings.Builder
	for _, name := range i.equal {
		b.WriteString(l[name])
		b.WriteByte(0xff)
	}
	return b.String()
}

// over returns the fingerprint of an alert that inhibits a; empty where none
// does. Of two that match both sides neither inhibits the other.
func (l inhibitors) over(a billwatch.Alert) string {
	if len(l.all) == 0 || !matchesAll(l.target, a.Labels) {
		return ""
	}
	sources := l.all
	if matchesAll(l.source, a.Labels) {
		sources = l.oneSided
	}
	if found := sources[l.key(a.Labels)]; len(found) > 0 { // never a itself: it matches both sides, or no source does
		return found[0]
	}
	return ""
}
