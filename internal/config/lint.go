package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// facts returns what is known of the sources before they are polled; nothing
// where one of them could not be read, for its accounts might be what a rule is
// about.
func (l *loader) facts() []rules.Facts {
	if len(l.config.Sources) != len(l.sourceNames()) {
		return nil
	}
	var all []rules.Facts
	for _, s := range l.config.Sources {
		all = append(all, factsOf(s))
	}
	return all
}

func factsOf(s Source) rules.Facts {
	f := rules.Facts{Name: s.Name, Interval: s.Timing.Interval}
	if fields, ok := poller.FactsOf(s.Settings); ok {
		f.Provider, f.Kind, f.Fields = fields.Provider, fields.Kind, fields.Names
	}
	return f
}

// labelNames returns the names of labels that some source or account has.
func (l *loader) labelNames() []string {
	names := map[string]bool{}
	for _, s := range l.config.Sources {
		for name := range s.Labels {
			names[name] = true
		}
	}
	for _, a := range l.config.Accounts {
		for name := range a.Labels {
			names[name] = true
		}
	}
	sorted := []string{}
	return append(sorted, slices.Sorted(maps.Keys(names))...)
}

// shortestInterval returns that of the source that is polled most often; 0
// where one has a schedule.
func (l *loader) shortestInterval() time.Duration {
	var least time.Duration
	for i, s := range l.config.Sources {
		if i == 0 || s.Timing.Interval < least {
			least = s.Timing.Interval
		}
	}
	return least
}

// lintTiming warns of durations of a source that do not fit each other.
func (l *loader) lintTiming(s section, own sourceSettings) {
	if n := document.Get(s.node, "timeout"); n != nil && own.Cron == "" && own.Timeout > own.Interval && own.Interval >= time.Second {
		l.warn(n, fmt.Sprintf("timeout: is longer than the %s between two polls", short(own.Interval)), "a request that hangs makes the source miss polls")
	}
}

// short is a duration as people write it.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
