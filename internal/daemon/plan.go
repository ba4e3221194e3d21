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
	Vars      func(billwatch.Account) map[string]any   // an account's own variables
	Labels    func(billwatch.Account) billwatch.Labels // an account's labels, the configured ones added
	Router    *notify.Router
	Templates *notify.Templates

	Hash      string            // of the configuration: the same where replicas judge and tell alike
	Digests   map[string]string // of the sources' settings, by name
	Retention time.Duration
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
	p := Plan{Rules: c.Rules, Vars: c.Vars, Labels: c.Labels, Router: c.Router, Templates: c.Templates,
		Providers: map[string]string{}, Types: map[string]string{}, Limits: map[string]int{}, Digests: map[string]string{},
		Hash: c.Hash, Retention: c.Retention}
	for _, source := range c.Sources {
		ready, err := source.Open(now, log)
		if err != nil {
			return Plan{}, fmt.Errorf("source %s: %w", source.Name, err)
		}
		p.Sources = append(p.Sources, ready)
		p.Digests[source.Name] = source.Digest
		p.Types[source.Name], p.Limits[source.Name] = source.Type, source.RequestsPerMinute
		p.Providers[source.Name] = strings.TrimSuffix(source.Type, "-billing-accounts") // two types, one provider
	}
	return p, nil
}
