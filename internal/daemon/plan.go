package daemon

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// Plan is what a configuration asks for, ready to be carried out: whom to ask,
// how to judge, whom to tell.
type Plan struct {
	Sources   []*poller.Source
	Providers map[string]string // of the sources, by name
	Types     map[string]string // of the sources, by name
	Limits    map[string]int    // requests a minute that the sources may make; none where zero
	Rules     *rules.Set
	LabelsBy  map[string]string // by source: another text once the configuration makes other labels

	// Given is what the configuration adds to an account, as far as it was seen;
	// nothing where nil.
	Given     func(a billwatch.Account, seen ...*billwatch.Snapshot) config.Given
	Router    *notify.Router
	Templates *notify.Templates
	Fallback  string         // the receiver that is told when another one is down; may be empty
	Zone      *time.Location // of times in messages; nil for UTC
	Hosts     []string       // names under which the service may be asked for what it shows

	Hash      string            // of the configuration: the same where replicas judge and tell alike
	Digests   map[string]string // of the sources' settings, by name
	Retention time.Duration     // of snapshots and of what was told; all is kept where zero

	ForgetAfter time.Duration // that accounts are gone; zero for never
}

// after is the plan as it follows another one: a source that is as it was stays
// the same one.
func (p Plan) after(before Plan) Plan {
	sources := make([]*poller.Source, len(p.Sources))
	for i, source := range p.Sources {
		sources[i] = source
		for _, was := range before.Sources {
			if digest := p.Digests[source.Name]; was.Name == source.Name && digest != "" && digest == before.Digests[source.Name] {
				sources[i] = was
			}
		}
	}
	p.Sources = sources
	return p
}

// PlanOf makes ready what a checked configuration asks for.
func PlanOf(c *config.Config, now func() time.Time, log *slog.Logger) (Plan, error) {
	p := Plan{Rules: c.Rules, Given: c.Given, Router: c.Router, Templates: c.Templates, Fallback: c.Fallback, Zone: c.Timezone, Hosts: c.Hosts,
		Hash: c.Hash, Retention: c.Retention, ForgetAfter: c.ForgetAfter,
		Providers: map[string]string{}, Types: map[string]string{}, Limits: map[string]int{}, LabelsBy: map[string]string{}, Digests: map[string]string{}}
	for _, source := range c.Sources {
		ready, err := source.Open(now, log)
		if err != nil {
			return Plan{}, fmt.Errorf("source %s: %w", source.Name, err)
		}
		p.Sources = append(p.Sources, ready)
		p.Digests[source.Name] = source.Digest
		p.LabelsBy[source.Name] = c.LabelsBy(source.Name)
		p.Types[source.Name], p.Limits[source.Name] = source.Type, source.RequestsPerMinute
		p.Providers[source.Name] = strings.TrimSuffix(source.Type, "-billing-accounts") // two types, one provider
	}
	return p, nil
}

// settings are the integrations, each with a text that changes with its settings.
func (p *Plan) settings() map[string]string {
	settings := map[string]string{}
	if p.Router == nil {
		return settings
	}
	for _, in := range p.Router.Integrations() {
		settings[in.Name] = in.Settings
	}
	return settings
}

// given is what the configuration adds to an account.
func (p *Plan) given(a billwatch.Account, seen ...*billwatch.Snapshot) config.Given {
	if p.Given == nil {
		return config.Given{Labels: a.Labels}
	}
	return p.Given(a, seen...)
}
