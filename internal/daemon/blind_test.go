package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// api is a provider whose answers a test decides.
type api struct {
	mu      sync.Mutex
	rows    []poller.Row
	refused error            // of the listing
	unread  map[string]error // of an account's detail
	deleted map[string]time.Time
	shape   func(*billwatch.Snapshot) // what else the details say; nil for nothing
}

func (a *api) List(context.Context) (poller.Listing, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return poller.Listing{Rows: a.rows, Complete: a.refused == nil}, a.refused
}

func (a *api) Fetch(_ context.Context, account billwatch.Account) (billwatch.Snapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.unread[account.ID]; err != nil {
		return billwatch.Snapshot{}, err
	}
	s := billwatch.Snapshot{Account: account, Unit: "events", Balance: billwatch.Known(billwatch.DecimalOf(5))}
	if at, ok := a.deleted[account.ID]; ok {
		s.DeletedAt = billwatch.Known(at)
	}
	if a.shape != nil {
		a.shape(&s)
	}
	return s, nil
}

func (a *api) Close() error { return nil }

func (a *api) lists(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows, a.refused = nil, nil
	for _, id := range ids {
		a.rows = append(a.rows, poller.Row{Account: billwatch.Account{ID: id, Name: "Acme " + id, Provider: "notehub", Kind: "organization"}})
	}
}

func (a *api) refuses(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = err
}

var rejected = &poller.Error{Kind: poller.Credential, Endpoint: "GET /v1/organizations", Status: 401}

// road is a daemon whose time a test moves, minute by minute.
type road struct {
	*testing.T
	d        *Daemon
	store    *sqlstore.Store
	rounds   *rounds
	source   *poller.Source
	api      *api
	interval time.Duration
	moved    []string // "rule account to"
	told     []billwatch.Notification

	dispatcher *notify.Dispatcher
	untold     int // alerts that came and went
}

const still = 1e-12 // the pace of a clock that only a test moves

func onBoth(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "billwatch.db")) })
	t.Run("Postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

func newRoad(t *testing.T, dsn, text string, o rules.Options) *road {
	t.Helper()
	r := &road{T: t, api: &api{unread: map[string]error{}, deleted: map[string]time.Time{}}, interval: 5 * time.Minute}
	plan := planWith(t, lowRule)
	doc, problems := document.Parse("rules.yaml", []byte(text))
	set, more := rules.Load([]*document.Document{doc}, o)
	if problems = append(problems, more...); problems.Errors() > 0 {
		t.Fatal(problems)
	}
	plan.Rules = set
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	plan.Templates = templates
	clock := NewClock(noon, still)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r.source = &poller.Source{Name: "blues", Provider: r.api, Timing: poller.Timing{Interval: r.interval},
		Labels: billwatch.Labels{"team": "iot"}, Now: clock.Now, Log: log}
	plan.Sources, plan.Providers = []*poller.Source{r.source}, map[string]string{"blues": "notehub"}
	r.d = New(Config{Plan: plan, Clock: clock, Log: log, Observer: Observer{Moved: func(m billwatch.Transition) {
		r.moved = append(r.moved, words(m.Alert.Key.Rule, m.Alert.Key.Account.ID, string(m.To)))
	}}})
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r.store = store
	r.starts()
	return r
}

// starts begins a process on the state, as work does.
func (r *road) starts() {
	r.Helper()
	if r.d.name != "" && r.rounds != nil {
		r.must(r.store.Resign(r.Context(), r.d.name))
	}
	r.d.name = replicaName()
	now := r.d.Clock.Now()
	r.must(r.store.Renew(r.Context(), r.d.name, now, now.AddDate(1, 0, 0)))
	r.rounds = r.d.rounds(r.store)
	r.hire() // its leases last, whatever the clock's pace
	r.rounds.watcher.lookAtAll(r.Context())
}

func (r *road) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// pass lets time pass, minute by minute: polls, looks, tells.
func (r *road) pass(d time.Duration) {
	r.Helper()
	step := time.Minute
	if d > 2*time.Hour {
		step = 10 * time.Minute
	}
	for end := r.d.Clock.Now().Add(d); r.d.Clock.Now().Before(end); {
		r.d.Clock.Set(r.d.Clock.Now().Add(step))
		slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
		if _, err := r.rounds.poll(r.Context(), r.source, slot); err != nil && !errors.Is(err, errTaken) {
			r.Fatal(err)
		}
		r.rounds.watcher.lookAtAll(r.Context())
		r.tell()
	}
}

// tell does what the dispatcher does, but for the sending.
func (r *road) tell() {
	r.Helper()
	_, err := r.dispatcher.Rehearse(r.Context(), func(n billwatch.Notification) { r.told = append(r.told, n) })
	r.must(err)
}

// news returns what was told since the last call: "reason rule account state",
// and what moved.
func (r *road) news() (told, moved []string) {
	for _, n := range r.told {
		for _, a := range n.Alerts {
			told = append(told, words(n.Reason+":", a.Key.Rule, a.Key.Account.ID, string(a.State)))
		}
	}
	moved, r.told, r.moved = r.moved, nil, nil
	return told, moved
}

func (r *road) wantNews(when string, wantTold, wantMoved []string) {
	r.Helper()
	told, moved := r.news()
	if !slices.Equal(told, wantTold) {
		r.Errorf("%s: told %q, want %q", when, told, wantTold)
	}
	if !slices.Equal(moved, wantMoved) {
		r.Errorf("%s: moved %q, want %q", when, moved, wantMoved)
	}
}

func TestASourceThatCannotBeReadIsSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{})
		r.api.lists("a1")
		r.pass(11 * time.Minute)
		r.wantNews("at first", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})
		r.api.refuses(rejected)
		r.pass(12 * time.Minute)
		r.wantNews("after two failed polls", nil, nil)
		r.pass(5 * time.Minute)
		alert := r.told[0].Alerts[0]
		r.wantNews("after three", []string{"first: SourceDown firing"}, []string{"SourceDown firing"})
		for name, want := range map[string]string{"severity": "critical", "provider": "notehub", "team": "iot", "account": "", "source": "blues"} {
			if got := alert.Labels[name]; got != want {
				t.Errorf("SourceDown has %s=%q, want %q", name, got, want)
			}
		}
		const want = "blues cannot be read since 12:10 UTC: credential rejected: GET /v1/organizations: 401 Unauthorized"
		if got := alert.Annotations["summary"]; got != want {
			t.Errorf("SourceDown says %q, want %q", got, want)
		}
		r.pass(time.Hour)
		r.wantNews("while it lasts", nil, nil)
		r.api.lists("a1")
		r.pass(10 * time.Minute)
		r.wantNews("when it is back", []string{"all_resolved: SourceDown resolved"}, []string{"SourceDown resolved"})
	})
}

func words(all ...string) string { return strings.Join(strings.Fields(strings.Join(all, " ")), " ") }

func TestAnAccountThatIsGoneIsSaidAndNothingElseOfIt(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{})
		r.api.lists("a1", "b2")
		r.pass(11 * time.Minute)
		r.wantNews("at first", []string{"first: Low a1 firing", "first: Low b2 firing"}, []string{"Low a1 firing", "Low b2 firing"})
		r.api.lists("b2")
		r.pass(10 * time.Minute)
		r.wantNews("missing twice", nil, nil)
		r.pass(6 * time.Minute)
		r.wantNews("missing three times", []string{"first: AccountGone a1 firing"}, []string{"AccountGone a1 firing"})
		r.starts()
		r.pass(25 * time.Hour)
		told, moved := r.news()
		if want := "repeat: Low b2 firing"; !slices.Contains(told, want) || len(moved) > 0 {
			t.Errorf("a day later: told %q, moved %q; want %q and no move", told, moved, want)
		}
		for _, line := range told {
			if strings.Contains(line, "Low a1") {
				t.Errorf("told of an account that is gone: %q", line)
			}
		}
		r.api.lists("a1", "b2")
		r.pass(11 * time.Minute)
		slices.SortStableFunc(r.told, func(a, b billwatch.Notification) int { return strings.Compare(a.Reason, b.Reason) })
		r.wantNews("when it is back", []string{"all_resolved: AccountGone a1 resolved", "unmuted: Low a1 firing", "unmuted: Low b2 firing"},
			[]string{"AccountGone a1 resolved"})
		r.api.deleted["b2"] = time.Date(2026, 5, 12, 8, 0, 0, 0, time.UTC)
		r.pass(6 * time.Minute)
		if len(r.told) != 1 || r.told[0].Alerts[0].Annotations["summary"] != "Acme b2 was deleted on 12 May 2026" {
			t.Errorf("of a deleted account was told %+v", r.told)
		}
		r.news()
		r.api.lists() // believed at the third time
		r.pass(20 * time.Minute)
		r.wantNews("when all are gone", []string{"new_alerts: AccountGone b2 firing", "new_alerts: AccountGone a1 firing"}, []string{"AccountGone a1 firing"})
	})
}

func TestAnOutageIsOneMessageNotFiveThousand(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{})
		r.source.Timing.Interval = 15 * time.Minute
		ids := make([]string, 5000)
		for i := range ids {
			ids[i] = fmt.Sprintf("a%04d", i)
		}
		r.api.lists(ids...)
		r.pass(16 * time.Minute)
		if _, moved := r.news(); len(moved) != len(ids) {
			t.Fatalf("%d alerts fire, want %d", len(moved), len(ids))
		}
		r.api.refuses(errors.New("connection refused"))
		r.pass(time.Hour)
		r.api.lists(ids...)
		for i, id := range ids {
			if i%2 == 0 { // the moment after, half of them cannot be read yet
				r.api.unread[id] = errors.New("slow")
			}
		}
		r.pass(16 * time.Minute)
		r.api.unread = map[string]error{}
		r.pass(16 * time.Minute)
		r.wantNews("in an hour's outage", []string{"first: SourceDown firing", "all_resolved: SourceDown resolved"},
			[]string{"SourceDown firing", "SourceDown resolved"})
	})
}

func TestAnAccountThatCannotBeReadIsStale(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{Severities: map[string]string{rules.AccountSuspended: "info", billwatch.RuleAccountStale: "info"}})
		r.api.lists("a1", "b2")
		r.pass(7 * time.Minute)
		r.api.unread["a1"] = &poller.Error{Kind: poller.NotPermitted, Endpoint: "GET /v1/organizations/{uid}", Status: 403}
		r.pass(25 * time.Minute)
		if len(r.told) == 0 {
			t.Fatal("nobody was told of an account that cannot be read")
		}
		alert := r.told[0].Alerts[0]
		r.wantNews("unread for 3 intervals", []string{"first: AccountStale a1 firing"}, []string{"AccountStale a1 firing"})
		if got := alert.Annotations["summary"]; !strings.Contains(got, "not permitted: ") || !strings.Contains(got, "GET /v1/organizations/{uid}: 403") {
			t.Errorf("AccountStale says %q", got)
		}
		if alert.Labels["severity"] != "info" || alert.Labels["account"] != "a1" || alert.Snapshot == nil {
			t.Errorf("AccountStale is %+v", alert)
		}
		delete(r.api.unread, "a1")
		r.pass(11 * time.Minute)
		r.wantNews("once it was read", []string{"all_resolved: AccountStale a1 resolved"}, []string{"AccountStale a1 resolved"})
	})
}

func TestAStartAfterADayCriesOnlyWhenItHasLooked(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{})
		r.api.lists("a1")
		r.pass(7 * time.Minute)
		r.api.refuses(rejected)
		r.d.Clock.Set(r.d.Clock.Now().Add(24 * time.Hour))
		r.starts()
		r.pass(14 * time.Minute)
		r.wantNews("before three intervals", nil, nil)
		r.pass(4 * time.Minute)
		r.wantNews("after three", []string{"first: SourceDown firing"}, []string{"SourceDown firing"})
		r.d.Clock.Set(r.d.Clock.Now().Add(24 * time.Hour))
		r.starts()
		r.pass(20 * time.Minute)
		_, moved := r.news()
		if len(moved) > 0 {
			t.Errorf("a restart moved %q of a source that is still down", moved)
		}
	})
}

func TestATokenThatIsWrongFromTheStartIsSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: []", rules.Options{})
		r.api.refuses(rejected)
		r.pass(14 * time.Minute)
		r.wantNews("before three intervals", nil, nil)
		r.pass(4 * time.Minute)
		if len(r.told) != 1 || !strings.HasPrefix(r.told[0].Alerts[0].Annotations["summary"], "blues could never be read: credential rejected: ") {
			t.Errorf("told %+v", r.told)
		}
		r.news()
		next := r.d.plan()
		next.Rules, _ = rules.Load(nil, rules.Options{Disabled: []string{billwatch.RuleSourceDown}})
		r.d.plans.adopt(next)
		r.starts()
		r.pass(7 * time.Minute)
		r.wantNews("once it is switched off", []string{"all_resolved: SourceDown resolved"}, []string{"SourceDown resolved"})
	})
}
