package config

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// Given is what the configuration adds to an account.
type Given struct {
	Labels billwatch.Labels // those of its source among them
	Vars   map[string]any   // what vars is in rules
}

// Given returns what the entries that match an account add to it; of two
// entries the later wins. Entries are judged over what was seen of it, the
// newest first: over an older snapshot where the newer lacks what decides, and
// over the listing's row where there is none. Of an entry that cannot be judged
// at all, the labels are left out and the variables are not known.
func (c *Config) Given(a billwatch.Account, seen ...*billwatch.Snapshot) Given {
	g := Given{Labels: maps.Clone(a.Labels), Vars: map[string]any{}}
	if g.Labels == nil {
		g.Labels = billwatch.Labels{}
	}
	for _, e := range c.Accounts {
		switch e.matches(a, seen) {
		case billwatch.True:
			maps.Copy(g.Labels, e.Labels)
			maps.Copy(g.Vars, e.Vars)
		case billwatch.Unknown:
			for name := range e.Vars {
				g.Vars[name] = rules.Undecided{}
			}
		}
	}
	return g
}

func (e AccountEntry) matches(a billwatch.Account, seen []*billwatch.Snapshot) billwatch.Outcome {
	listed := true
	for _, s := range seen {
		if s == nil {
			continue
		}
		now := *s
		now.Account, listed = a, false
		if said := e.Match.MatchSnapshot(now); said != billwatch.Unknown {
			return said
		}
	}
	if listed {
		return e.Match.Match(a)
	}
	return billwatch.Unknown
}

// LabelsBy returns a text that changes when the configuration gives other
// labels to the accounts of a source, or gives them otherwise.
func (c *Config) LabelsBy(source string) string {
	sum := fnv.New64a()
	write := func(labels billwatch.Labels) {
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			fmt.Fprintf(sum, "%q%q", name, labels[name])
		}
	}
	for _, s := range c.Sources {
		if s.Name == source {
			write(s.Labels)
		}
	}
	for _, e := range c.Accounts {
		if len(e.Labels) > 0 {
			fmt.Fprintf(sum, "%q", e.Match)
			write(e.Labels)
		}
	}
	return fmt.Sprintf("%016x", sum.Sum64())
}
