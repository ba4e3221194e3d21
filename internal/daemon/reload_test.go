package daemon

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
)

// follows puts a changed plan into force, as a reload does, and does what it asks
// for at once.
func (r *road) follows(change func(p *Plan)) {
	r.Helper()
	next := r.d.plan()
	change(&next)
	r.d.plans.adopt(next)
	r.hire()
	r.must(r.d.settler(r.store, r.rounds).settle(r.Context(), r.d.plans.get()))
}

// hire makes the dispatcher of the plan in force.
func (r *road) hire() {
	r.Helper()
	plan := r.d.plan()
	dispatcher, err := notify.NewDispatcher(notify.DispatcherConfig{
		Store: r.store, Waker: r.store, Quiet: r.store, Router: plan.Router, Templates: plan.Templates,
		Holder: r.d.name, Now: r.d.Clock.Now, Log: r.d.Log, Untold: func(n int) { r.untold += n },
		Down: notify.Down{Alert: plan.Rules.ReceiverDown, Fallback: plan.Fallback},
	})
	r.must(err)
	r.dispatcher = dispatcher
}

func (r *road) rules(text string) func(*Plan) {
	r.Helper()
	doc, problems := document.Parse("rules.yaml", []byte(text))
	set, more := rules.Load([]*document.Document{doc}, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
	if problems = append(problems, more...); problems.Errors() > 0 {
		r.Fatal(problems)
	}
	return func(p *Plan) { p.Rules = set }
}

const noBuiltin = `
rules:
  - { alert: AccountSuspended, expr: "false" }
  - { alert: RunsOutSoon, expr: "false" }
`

func TestARuleThatChangesKeepsItsAlertsUnlessTheyAreCalledOtherwise(t *testing.T) {
	low := func(rest string) string { return noBuiltin + "  - { alert: Low, " + rest + " }\n" }
	for _, c := range []struct {
		what        string
		next        string
		told, moved []string
	}{
		{"another condition, times and annotations keep it",
			low(`expr: balance < 900, for: 5h, keep_firing_for: 1h, annotations: { summary: other }, labels: { severity: warning }`), nil, nil},
		{"other labels end it and begin it anew, its for served",
			low(`expr: balance < 1000, for: 5h, labels: { severity: critical }`),
			[]string{"new_alerts: Low a1 firing", "new_alerts: Low a1 resolved"}, []string{"Low a1 firing", "Low a1 resolved"}},
		{"a rule that is gone ends it",
			noBuiltin, []string{"all_resolved: Low a1 resolved"}, []string{"Low a1 resolved"}},
		{"another name is another rule",
			strings.ReplaceAll(low(`expr: balance < 1000, labels: { severity: warning }`), "Low", "Little"),
			[]string{"all_resolved: Low a1 resolved", "first: Little a1 firing"}, []string{"Little a1 firing", "Low a1 resolved"}},
		{"a rule for other sources ends it",
			low(`expr: balance < 1000, sources: [other], labels: { severity: warning }`),
			[]string{"all_resolved: Low a1 resolved"}, []string{"Low a1 resolved"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				for _, restarts := range []bool{false, true} {
					r := newRoad(t, dsn, low(`expr: balance < 1000, labels: { severity: warning }`), rules.Options{})
					if restarts { // on the state of the run before: what stands there ends
						r.follows(func(p *Plan) {})
					}
					r.api.lists("a1")
					r.pass(11 * time.Minute)
					r.news()
					if restarts {
						r.d.plans = newPlans(r.d.plan())
					}
					next := r.rules(c.next)
					r.follows(next)
					if restarts {
						r.starts()
					}
					r.pass(time.Hour)
					told, moved := r.news()
					slices.Sort(told)
					slices.Sort(moved)
					if !slices.Equal(told, c.told) {
						t.Errorf("restarts %v: told %q, want %q", restarts, told, c.told)
					}
					if !slices.Equal(moved, c.moved) {
						t.Errorf("restarts %v: moved %q, want %q", restarts, moved, c.moved)
					}
					if t.Failed() || strings.HasPrefix(dsn, "postgres") {
						return
					}
					dsn = "sqlite:" + t.TempDir() + "/again.db"
				}
			})
		})
	}
}

func TestWhatIsRemovedEndsWhetherItCanBeReadOrNot(t *testing.T) {
	for _, c := range []struct {
		what    string
		happens func(r *road)
		change  func(r *road) func(*Plan)
		reason  string
		told    []string
	}{
		{"a rule, on an account that is gone", func(r *road) {
			r.api.lists("b2")
			r.pass(16 * time.Minute)
		}, func(r *road) func(*Plan) { return r.rules(noBuiltin) }, "rule removed",
			[]string{"all_resolved: Low a1 resolved", "all_resolved: Low b2 resolved"}},
		{"a rule, on a source that is down", func(r *road) {
			r.api.refuses(rejected)
			r.pass(6 * time.Minute)
		}, func(r *road) func(*Plan) { return r.rules(noBuiltin) }, "rule removed",
			[]string{"all_resolved: Low a1 resolved", "all_resolved: Low b2 resolved"}},
		{"a source", func(*road) {}, func(*road) func(*Plan) {
			return func(p *Plan) { p.Sources, p.Providers = nil, map[string]string{} }
		}, "source removed", []string{"all_resolved: Low a1 resolved", "all_resolved: Low b2 resolved"}},
		{"an account that is gone and is selected no more", func(r *road) {
			r.api.lists("b2")
			r.pass(16 * time.Minute)
		}, func(r *road) func(*Plan) {
			return func(p *Plan) {
				next := &poller.Source{Name: "blues", Provider: r.api, Timing: r.source.Timing, Now: r.source.Now, Log: r.source.Log,
					Select: func(a billwatch.Account) billwatch.Outcome {
						if a.ID == "a1" {
							return billwatch.False
						}
						return billwatch.True
					}}
				r.source, p.Sources = next, []*poller.Source{next}
			}
		}, "no longer selected", []string{"all_resolved: AccountGone a1 resolved", "some_resolved: Low a1 resolved", "some_resolved: Low b2 firing"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				r := newRoad(t, dsn, noBuiltin+"  - { alert: Low, expr: balance < 1000 }\n", rules.Options{})
				r.api.lists("a1", "b2")
				r.pass(11 * time.Minute)
				c.happens(r)
				r.news()
				r.follows(c.change(r))
				for range 6 { // settled once more, restarted, and nobody hears of it again
					r.d.Clock.Set(r.d.Clock.Now().Add(time.Minute))
					r.tell()
					r.must(r.d.settler(r.store, r.rounds).settle(r.Context(), r.d.plans.get()))
					r.rounds.watcher.lookAtAll(r.Context())
				}
				for _, n := range r.told {
					for _, a := range n.Alerts {
						if a.State == billwatch.Resolved && a.Reason != c.reason {
							t.Errorf("told that %s of %s ended because %q, want %q", a.Key.Rule, a.Key.Account.ID, a.Reason, c.reason)
						}
					}
				}
				told, _ := r.news()
				slices.Sort(told)
				if !slices.Equal(told, c.told) {
					t.Errorf("told %q, want %q", told, c.told)
				}
			})
		})
	}
}

// routes returns a plan's change to other routes.
func (r *road) routes(root *notify.Route, names ...string) func(*Plan) {
	r.Helper()
	receivers := map[string][]notify.Integration{}
	for _, name := range names {
		receivers[name] = []notify.Integration{{Name: name + "/webhook/0", Receiver: name, SendResolved: true}}
	}
	router, err := notify.NewRouter(root, receivers)
	r.must(err)
	return func(p *Plan) { p.Router = router }
}

func TestWhoIsNoLongerToldHearsThatOnce(t *testing.T) {
	both := &notify.Route{Receiver: "ops", Routes: []*notify.Route{
		{Receiver: "ops", Matchers: []string{`severity="warning"`}, Continue: true}, {Receiver: "finance"},
	}}
	story := func(t *testing.T, dsn string, change func(r *road) func(*Plan)) (r *road, told []string) {
		t.Helper()
		r = newRoad(t, dsn, noBuiltin+"  - { alert: Low, expr: balance < 1000, labels: { severity: warning } }\n", rules.Options{})
		r.follows(r.routes(both, "ops", "finance"))
		r.api.lists("a1")
		r.pass(11 * time.Minute)
		if told, _ := r.news(); len(told) != 2 {
			t.Fatalf("at first told %q, want two", told)
		}
		for range 3 { // the same again is no news
			r.follows(change(r))
		}
		r.pass(30 * time.Minute)
		for _, n := range r.told {
			for _, a := range n.Alerts {
				told = append(told, words(n.Receiver, n.Reason+":", a.Key.Rule, string(a.State), "because", a.Reason))
			}
		}
		return r, told
	}
	only := func(r *road) func(*Plan) { return r.routes(&notify.Route{Receiver: "ops"}, "ops", "finance") }
	onBoth(t, func(t *testing.T, dsn string) {
		r, told := story(t, dsn, only)
		if want := []string{"finance all_resolved: Low resolved because no longer routed"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		r.news()
		r.follows(r.routes(both, "ops", "finance"))
		r.pass(30 * time.Minute)
		if told, _ := r.news(); !slices.Equal(told, []string{"first: Low a1 firing"}) {
			t.Errorf("routed there again: told %q, want the one that was told of its end", told)
		}
	})
	onBoth(t, func(t *testing.T, dsn string) {
		regrouped := func(r *road) func(*Plan) {
			return r.routes(&notify.Route{Receiver: "ops", GroupBy: []string{"account"}, Routes: []*notify.Route{
				{Receiver: "finance", Continue: true}, {Receiver: "ops"},
			}}, "ops", "finance")
		}
		if _, told := story(t, dsn, regrouped); len(told) != 0 {
			t.Errorf("grouped otherwise: told %q, want nothing", told)
		}
	})
}

func TestWhatIsOwedToARemovedReceiverIsDroppedAndCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, noBuiltin+"  - { alert: Low, expr: balance < 1000 }\n", rules.Options{})
		r.api.lists("a1")
		r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
		slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
		if _, err := r.rounds.poll(t.Context(), r.source, slot); err != nil {
			t.Fatal(err)
		}
		now := r.d.Clock.Now().Add(time.Minute)
		r.d.Clock.Set(now)
		groups, err := r.store.ClaimGroups(t.Context(), billwatch.Claim{Holder: r.d.name, Integrations: []string{"ops/webhook/0"}, Limit: 1, Now: now, Until: now.Add(time.Minute)})
		r.must(err)
		flush := notify.Decide(groups[0], notify.Plan{Timing: r.d.plan().Router.Timing(groups[0]), SendResolved: true}, now)
		flush.Notification.ID = "ntf_1"
		r.must(r.store.Freeze(t.Context(), []billwatch.Flush{flush}))
		r.follows(r.routes(&notify.Route{Receiver: "other"}, "other"))
		r.follows(func(*Plan) {})
		rows, err := r.store.Notifications(t.Context(), 10)
		r.must(err)
		if len(rows) != 1 || rows[0].Status != billwatch.OutboxDropped {
			t.Errorf("the outbox has %+v, want one that was dropped", rows)
		}
		if want := `billwatch_notifications_dropped_total{integration="ops/webhook/0"} 1`; !strings.Contains(r.metrics(), want) {
			t.Errorf("metrics lack %s", want)
		}
		r.pass(11 * time.Minute)
		r.wantNews("the receiver that took its place", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})
	})
}

func TestAnUntilAndAValueThatFailAreToldOf(t *testing.T) {
	for key, detail := range map[string]string{"until": "until: ", "value": "value: "} {
		t.Run(key, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				text := noBuiltin + "  - { alert: Share, expr: balance < 1000, " + key + ": 'balance / (balance - 5) > 0.5' }\n"
				if key == "value" {
					text = strings.Replace(text, " > 0.5", "", 1)
				}
				r := newRoad(t, dsn, text, rules.Options{})
				r.api.lists("a1")
				r.pass(67 * time.Minute)
				if len(r.told) != 2 {
					t.Fatalf("told %d messages, want of the alert and of the rule", len(r.told))
				}
				if got := r.told[1].Alerts[0].Annotations["summary"]; !strings.HasPrefix(got, "rule Share fails on 1 account since 24 November 12:01 UTC: "+detail) {
					t.Errorf("RuleBroken says %q", got)
				}
				r.wantNews("after the hour", []string{"first: Share a1 firing", "first: RuleBroken Share firing"}, []string{"Share a1 firing", "RuleBroken Share firing"})
				r.follows(r.rules(strings.Replace(text, "(balance - 5)", "(balance - 4)", 1)))
				r.pass(6 * time.Minute)
				r.wantNews("once it was mended", []string{"all_resolved: RuleBroken Share resolved"}, []string{"RuleBroken Share resolved"})
			})
		})
	}
}

func TestARuleThatFailsForAnHourIsToldOfOnce(t *testing.T) {
	const broken = noBuiltin + `
  - { alert: Share, expr: 'balance / (balance - 5) > 0.5' }
  - { alert: Low, expr: balance < 1000 }
`
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, broken, rules.Options{})
		r.api.lists("a1", "b2", "c3")
		r.pass(55 * time.Minute)
		slices.Sort(r.moved)
		r.wantNews("before the hour is over", []string{"first: Low a1 firing", "first: Low b2 firing", "first: Low c3 firing"},
			[]string{"Low a1 firing", "Low b2 firing", "Low c3 firing"})
		r.starts() // the hour goes on over a restart
		r.pass(12 * time.Minute)
		if len(r.told) != 1 {
			t.Fatalf("told %d messages of a rule that fails, want one", len(r.told))
		}
		alert := r.told[0].Alerts[0]
		if got := alert.Annotations["summary"]; !strings.HasPrefix(got, "rule Share fails on 3 accounts since 24 November 12:01 UTC: ") {
			t.Errorf("RuleBroken says %q", got)
		}
		if alert.Labels["rule"] != "Share" || alert.Labels["severity"] != "warning" || alert.Labels["account"] != "" {
			t.Errorf("RuleBroken has labels %v", alert.Labels)
		}
		r.wantNews("after the hour", []string{"first: RuleBroken Share firing"}, []string{"RuleBroken Share firing"})
		r.pass(2 * time.Hour)
		r.wantNews("while it lasts", nil, nil)
		r.follows(r.rules(strings.Replace(broken, "balance - 5", "balance - 4", 1)))
		r.pass(6 * time.Minute)
		told, _ := r.news()
		slices.Sort(told)
		want := []string{"all_resolved: RuleBroken Share resolved", "first: Share a1 firing", "first: Share b2 firing", "first: Share c3 firing"}
		if !slices.Equal(told, want) {
			t.Errorf("once it was mended: told %q, want %q", told, want)
		}
	})
}
