package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// shownFailures is how many failing accounts of a source are shown.
const shownFailures = 100

var errNoStore = errors.New("the store is not open yet")

// api is what can be asked of the daemon over HTTP.
func (d *Daemon) api() web.API {
	return web.API{
		Sources: d.sources, Explain: d.explain, Outbox: d.outbox(), Receivers: d.receivers, Test: d.sendTest, Now: d.Clock.Now,
		Hosts: func() []string { return d.plan().Hosts }, Reload: func() error { return d.Reload("request") }, Refused: web.OpenToAll(d.Listen),
		Silences: d.silences, Alerts: d.alerts(), Accounts: d.accountBook(),
	}
}

// sources shows the configured sources as the store has them, so that every
// replica answers the same.
func (d *Daemon) sources(ctx context.Context) ([]web.Source, error) {
	store := d.opened.Load()
	if store == nil {
		return nil, errNoStore
	}
	rows, err := store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]sqlstore.SourceRow, len(rows))
	for _, row := range rows {
		known[row.Source] = row
	}
	plan := d.plan()
	shown := make([]web.Source, 0, len(plan.Sources))
	for _, source := range plan.Sources {
		out := shownSource(source, known[source.Name], d.Clock.Now())
		out.Type, out.Limit = plan.Types[source.Name], plan.Limits[source.Name]
		failures, err := store.Failures(ctx, source.Name, shownFailures)
		if err != nil {
			return nil, err
		}
		for _, f := range failures {
			out.Failures = append(out.Failures, web.AccountFailure{Account: f.Account, Since: f.Since, Error: f.Failure})
		}
		shown = append(shown, out)
	}
	return shown, nil
}

func shownSource(source *poller.Source, row sqlstore.SourceRow, now time.Time) web.Source {
	out := web.Source{
		Name: source.Name, LastRound: shownTime(row.RoundAt), LastSuccess: shownTime(row.GoodAt),
		FailingFrom: shownTime(row.FailingAt), Shortage: row.Shortage, Problems: row.Problems,
		Accounts: web.Accounts{
			Known: row.Accounts.Known, Missing: row.Accounts.Missing, Gone: row.Accounts.Gone,
			Failing: row.Accounts.Failing, Derived: row.Accounts.Derived,
		},
	}
	if len(out.Problems) > shownFailures {
		out.Problems = out.Problems[:shownFailures]
	}
	if row.PausedUntil.After(now) {
		out.PausedUntil = shownTime(row.PausedUntil)
	}
	if row.Error != "" {
		out.Error = &row.Failure
	}
	for _, at := range row.Requests {
		if now.Sub(at) < time.Minute {
			out.Requests++
		}
	}
	if at := row.Accounts.OldestAt; !at.IsZero() {
		age := max(now.Sub(at).Seconds(), 0)
		out.Accounts.OldestReading = &age
	}
	return out
}

func shownTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
