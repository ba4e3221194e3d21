package config

import (
	"log/slog"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// Kinds is what may be configured, and how billwatch calls itself there.
type Kinds struct {
	Sources      []poller.Type
	Integrations []notify.Type
	UserAgent    string

	// Tests returns what is wrong with a file of rule tests; where it is nil,
	// Check refuses such files.
	Tests func(*document.Document) billwatch.Problems
}

// Config is a configuration that checked out.
type Config struct {
	Files     []string // all that was read, the configuration itself first
	Hash      string   // the same where sources, rules, routes and receivers are, whatever their secrets
	State     billwatch.Secret
	Retention time.Duration

	ForgetAfter time.Duration // how long an account is gone before it is forgotten
	Listen      string
	Hosts       []string // names under which it may be asked for what it shows
	Log         Log
	Timezone    *time.Location // of times in messages
	Sources     []Source       // in the order of the file
	Accounts    []AccountEntry
	Rules       *rules.Set
	Router      *notify.Router
	Fallback    string // the receiver that is told when another one is down; may be empty
	Templates   *notify.Templates

	options rules.Options // that the rules were compiled with
}

// Log is how much is logged, and in which format: "auto", "text" or "json".
type Log struct {
	Level  slog.Level
	Format string
}

// Source is one configured API with one credential.
type Source struct {
	Name              string
	Type              string
	Settings          poller.Settings // checked
	Timing            poller.Timing
	Timeout           time.Duration
	Concurrency       int
	RequestsPerMinute int             // 0 for no limit
	MaxInterval       time.Duration   // 0 for the poller's own
	Select            *rules.Selector // nil for all accounts
	Labels            billwatch.Labels
	UserAgent         string
	Digest            string // another one where anything of it changed, a secret included
}

// Open makes a source that is ready to be polled, with its request budget.
func (s Source) Open(now func() time.Time, log *slog.Logger) (*poller.Source, error) {
	return s.OpenWatched(now, log, nil)
}

// OpenWatched is Open with somebody who is told of each request.
func (s Source) OpenWatched(now func() time.Time, log *slog.Logger, watch func(poller.Exchange)) (*poller.Source, error) {
	budget := poller.NewBudget(s.RequestsPerMinute, now)
	common := s.common()
	common.Watch = watch
	common.Ask, common.AskHistory = budget.Ask, budget.AskHistory
	provider, err := s.Settings.New(common)
	if err != nil {
		return nil, err
	}
	source := &poller.Source{
		Name: s.Name, Provider: provider, Timing: s.Timing, Concurrency: s.Concurrency,
		Labels: s.Labels, Budget: budget, Now: now, Log: log, MaxInterval: s.MaxInterval,
	}
	if s.Select != nil {
		source.Select, source.SelectRead = s.Select.Match, s.Select.MatchSnapshot
	}
	return source, nil
}

func (s Source) common() poller.Common {
	return poller.Common{Source: s.Name, Timeout: s.Timeout, UserAgent: s.UserAgent}
}

// AccountEntry is what differs for the accounts that it matches.
type AccountEntry struct {
	Match  *rules.Selector
	Labels billwatch.Labels
	Vars   map[string]any
}
