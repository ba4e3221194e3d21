package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// every is how long a turn lasts.
const every = 2 * time.Minute

// drain is a provider of accounts that lose a little at every turn: one is
// topped up, one is suspended for a while, and for some turns nobody answers.
type drain struct {
	start time.Time
	now   func() time.Time
}

var errOut = errors.New("the service is out of order")

func (d *drain) List(context.Context) (poller.Listing, error) {
	turn := int(d.now().Sub(d.start) / every)
	if turn >= 100 && turn < 107 {
		return poller.Listing{}, errOut
	}
	listing := poller.Listing{Complete: true}
	for i := range 3 {
		account := billwatch.Account{Source: "blues", ID: fmt.Sprintf("a%d", i), Name: fmt.Sprintf("Account %d", i), Provider: "fake", Kind: "account"}
		left := int64(2000 - turn*(i+4))
		if turn >= 90 && i == 2 {
			left += 3000
		}
		snapshot := &billwatch.Snapshot{
			Account: account, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(max(0, left))),
			Suspended: billwatch.Known(i == 1 && turn >= 30 && turn < 80),
		}
		listing.Rows = append(listing.Rows, poller.Row{Account: account, Snapshot: snapshot})
	}
	return listing, nil
}

func (d *drain) Fetch(context.Context, billwatch.Account) (billwatch.Snapshot, error) {
	return billwatch.Snapshot{}, errors.New("the list carries all")
}

// keeper is a receiver that keeps what it is told.
type keeper struct {
	mu   sync.Mutex
	told []billwatch.Notification
}

func (k *keeper) Notify(_ context.Context, n billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = append(k.told, n)
	return billwatch.Receipt{}, nil
}

const roadRules = `
rules:
  - alert: Low
    expr: balance < 1500
    until: balance > 2500
    for: 6m
    keep_firing_for: 4m
    labels: { severity: warning }
  - alert: Suspended
    expr: suspended
    labels: { severity: critical }
`

// messages is what was told, without what differs from one telling to the next.
func messages(all []billwatch.Notification, from, to time.Time) []string {
	var lines []string
	for _, n := range all {
		if n.FrozenAt.Before(from) || n.FrozenAt.After(to) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s\n%s\n%s", n.FrozenAt.Truncate(time.Second).Format(time.RFC3339),
			n.Integration, n.Reason, n.Status, n.Message.Title, n.Message.Text))
	}
	slices.Sort(lines)
	return lines
}

// rulesAlone compiles rules without the built-in ones: a past has no blind
// spots, so that a backtest says nothing of them.
func rulesAlone(t *testing.T, text string) *rules.Set {
	t.Helper()
	doc, problems := document.Parse("rules.yaml", []byte(text))
	set, more := rules.Load([]*document.Document{doc}, rules.Options{Disabled: rules.Builtin()})
	if problems = append(problems, more...); problems.Errors() > 0 {
		t.Fatal(problems)
	}
	return set
}

// roadPlan tells one receiver what the road's rules say.
func roadPlan(t *testing.T, to notify.Notifier) Plan {
	t.Helper()
	plan := planWith(t, roadRules)
	var err error
	if plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{}); err != nil {
		t.Fatal(err)
	}
	plan.Rules = rulesAlone(t, roadRules)
	plan.Router, err = notify.NewRouter(&notify.Route{
		Receiver: "ops", GroupBy: []string{"alertname"}, GroupWait: new(10 * time.Second), RepeatInterval: new(time.Hour),
	}, map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true, Notifier: to}}})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// sameAsTold plays the span that a service stored, and compares what that tells
// with what the service told.
func sameAsTold(t *testing.T, plan Plan, dsn string, start, end time.Time, told []billwatch.Notification) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pasts, err := Remember(t.Context(), plan, store, start, true)
	if err != nil {
		t.Fatal(err)
	}
	var again []billwatch.Notification
	_, err = RunBacktest(t.Context(), BacktestConfig{Plan: plan, Pasts: pasts, Until: end,
		Told: func(n billwatch.Notification) { again = append(again, n) }})
	if err != nil {
		t.Fatal(err)
	}
	ran, played := messages(told, start, end), messages(again, start, end)
	if len(ran) < 7 {
		t.Fatalf("the service told only %d messages", len(ran))
	}
	if diff := cmp.Diff(ran, played); diff != "" {
		t.Errorf("the backtest tells otherwise than the service told (-ran +played):\n%s", diff)
	}
}

func TestABacktestOfAStoredSpanTellsWhatWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &keeper{}
		plan := roadPlan(t, kept)
		plan.Retention = 400 * 24 * time.Hour
		clock := RealClock()
		start, log := clock.Now(), slog.New(slog.DiscardHandler)
		plan.Sources = []*poller.Source{{
			Name: "blues", Provider: &drain{start, clock.Now}, Timing: poller.Timing{Interval: every}, Now: clock.Now, Log: log,
		}}
		d := &Daemon{Config: Config{Plan: plan, State: "sqlite:" + filepath.Join(t.TempDir(), "state.db"),
			Clock: clock, Log: log}, health: &web.Health{}, metrics: web.NewMetrics("test"), name: "one", plans: newPlans(plan)}
		ctx, cancel := context.WithTimeout(t.Context(), 150*every)
		defer cancel()
		if err := d.work(ctx); err != nil {
			t.Fatal(err)
		}
		sameAsTold(t, plan, d.State, start, clock.Now().Add(-2*time.Minute), kept.told)
	})
}

// On PostgreSQL time cannot be made to pass in a bubble: the rounds and the
// dispatcher are the service's, and a test moves their clock.
func TestABacktestOfASpanOnEitherDatabaseTellsWhatWasTold(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		plan, clock, log := roadPlan(t, nil), NewClock(noon, still), slog.New(slog.DiscardHandler)
		start := clock.Now()
		source := &poller.Source{Name: "blues", Provider: &drain{start, clock.Now}, Timing: poller.Timing{Interval: every}, Now: clock.Now, Log: log}
		plan.Sources = []*poller.Source{source}
		d := New(Config{Plan: plan, Clock: clock, Log: log})
		store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Renew(t.Context(), d.name, start, start.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		rounds := d.rounds(store)
		dispatcher, err := notify.NewDispatcher(notify.DispatcherConfig{Store: store, Waker: store, Router: plan.Router,
			Templates: plan.Templates, Holder: d.name, Now: clock.Now, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		var told []billwatch.Notification
		tell := func(until time.Time) {
			for {
				due, err := dispatcher.Rehearse(t.Context(), func(n billwatch.Notification) { told = append(told, n) })
				if err != nil {
					t.Fatal(err)
				}
				if due.IsZero() || !due.Before(until) {
					return
				}
				clock.Set(due)
			}
		}
		for turn := range 150 {
			_, at := source.Timing.Slot(source.Name, start.Add(time.Duration(turn)*every))
			tell(at)
			clock.Set(at)
			slot, _ := source.Timing.Slot(source.Name, at)
			if _, err := rounds.poll(t.Context(), source, slot); err != nil {
				t.Fatal(err)
			}
		}
		end := clock.Now().Add(-every)
		tell(clock.Now().Add(time.Second))
		sameAsTold(t, plan, dsn, start, end, told)
	})
}
