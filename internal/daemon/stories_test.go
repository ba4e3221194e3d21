package daemon

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// tale is a story's world: alerts that begin and end at a store, a dispatcher
// over it, a clock that the story moves, and what was told by then.
type tale struct {
	*testing.T
	dsn        string
	route      *notify.Route
	store      *sqlstore.Store
	router     *notify.Router
	dispatcher *notify.Dispatcher
	clock      *Clock
	lease      billwatch.Lease
	due        time.Time
	alerts     map[string]billwatch.Alert
	silences   map[string]string // ids, by the word that made them
	log        []string
	untold     int
}

func newTale(t *testing.T, dsn string, root *notify.Route) *tale {
	t.Helper()
	w := &tale{T: t, dsn: dsn, route: root, clock: NewClock(noon, still), alerts: map[string]billwatch.Alert{}, silences: map[string]string{}}
	w.starts()
	now := w.clock.Now()
	must(t, w.store.Renew(t.Context(), "a", now, now.AddDate(2, 0, 0)))
	slot, err := w.store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
	must(t, err)
	w.lease = slot.Lease
	return w
}

// starts begins a process on the state; what the one before knew is gone.
func (w *tale) starts() {
	w.Helper()
	if w.store != nil {
		must(w.T, w.store.Close())
	}
	var err error
	w.store, err = sqlstore.Open(w.Context(), sqlstore.Config{DSN: w.dsn})
	must(w.T, err)
	w.Cleanup(func() { w.store.Close() })
	intervals, err := notify.NewIntervals([]notify.NamedInterval{{Name: "afternoon", Intervals: []notify.TimeInterval{
		{Times: []notify.TimeRange{{StartTime: "14:00", EndTime: "16:00"}}},
	}}})
	must(w.T, err)
	inhibition, err := notify.NewInhibition([]notify.InhibitRule{{
		SourceMatchers: []string{`alertname="Suspended"`}, TargetMatchers: []string{`severity!="critical"`}, Equal: []string{"account"},
	}})
	must(w.T, err)
	receivers := map[string][]notify.Integration{"nobody": nil}
	for _, name := range []string{"ops", "iot"} {
		receivers[name] = []notify.Integration{{Name: name + "/webhook/0", Receiver: name, SendResolved: true}}
	}
	w.router, err = notify.NewRouterWith(w.route, receivers, notify.Quiets{Intervals: intervals, Inhibition: inhibition})
	must(w.T, err)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	must(w.T, err)
	w.dispatcher, err = notify.NewDispatcher(notify.DispatcherConfig{
		Store: w.store, Waker: w.store, Quiet: w.store, Router: w.router, Templates: templates, Holder: "a",
		Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Untold: func(n int) { w.untold += n },
	})
	must(w.T, err)
}

// play does what the words say: "+a" lets the rule Low fire for account a and
// "-a" resolve, "+A" and "-A" the critical rule Suspended, for the same account;
// "s:a:2h" silences what fires on account a for two hours, "u:a" until it is
// resolved, "x:a" ends that; "restart" is a new process; a duration is until when
// time passes, counted from the start.
func (w *tale) play(story string) {
	w.Helper()
	for word := range strings.FieldsSeq(story) {
		switch {
		case word == "restart":
			w.starts()
		case word[0] == '+', word[0] == '-':
			w.move(word[1:], word[0] == '+')
		case strings.HasPrefix(word, "s:"), strings.HasPrefix(word, "u:"):
			w.silence(word)
		case strings.HasPrefix(word, "x:"):
			must(w.T, w.store.ExpireSilence(w.Context(), w.silences[word[2:]], w.clock.Now()))
		default:
			d, err := time.ParseDuration(word)
			must(w.T, err)
			w.pass(noon.Add(d))
			continue
		}
		w.tell()
	}
}

func (w *tale) move(name string, fires bool) {
	w.Helper()
	now, rule, severity := w.clock.Now(), "Low", "warning"
	if strings.ToUpper(name) == name {
		rule, severity = "Suspended", "critical"
	}
	account := billwatch.AccountKey{Source: "blues", ID: strings.ToLower(name)}
	a, from := w.alerts[name], billwatch.Inactive
	if fires {
		a = billwatch.Alert{Key: billwatch.AlertKey{Rule: rule, Account: account}, State: billwatch.Firing, StartsAt: now,
			Labels: billwatch.Labels{"alertname": rule, "source": "blues", "account": account.ID, "severity": severity, "account_name": "Acme"}}
		a.Fingerprint = a.Labels.Fingerprint()
	} else {
		a.State, a.EndsAt, from = billwatch.Resolved, now, billwatch.Firing
	}
	a.Inhibits = a.State == billwatch.Firing && w.router.Inhibition().Inhibits(a)
	w.alerts[name] = a
	must(w.T, w.store.Commit(w.Context(), billwatch.Batch{Lease: w.lease, Now: now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: a.State, At: now}}, Due: w.router.Due(a, now)}))
}

func (w *tale) silence(word string) {
	w.Helper()
	parts := strings.Split(word, ":")
	now := w.clock.Now()
	s := billwatch.Silence{Matchers: notify.SilenceOf(w.alerts[parts[1]]), StartsAt: now, EndsAt: now.Add(24 * time.Hour), UntilResolved: parts[0] == "u"}
	if len(parts) > 2 {
		d, err := time.ParseDuration(parts[2])
		must(w.T, err)
		s.EndsAt = now.Add(d)
	}
	must(w.T, notify.CheckSilence(s))
	made, err := w.store.PutSilence(w.Context(), s, now)
	must(w.T, err)
	w.silences[parts[1]] = made.ID
}

func (w *tale) tell() {
	w.Helper()
	due, err := w.dispatcher.Rehearse(context.WithoutCancel(w.Context()), func(n billwatch.Notification) {
		var names []string
		for _, a := range n.Alerts {
			name := a.Key.Account.ID
			if a.Key.Rule == "Suspended" {
				name = strings.ToUpper(name)
			}
			if a.State == billwatch.Resolved {
				name = "(" + name + ")"
			}
			names = append(names, name)
		}
		line := n.FrozenAt.Sub(noon).String() + " " + n.Reason + " " + strings.Join(names, " ")
		if n.Receiver != "ops" {
			line += " to " + n.Receiver
		}
		w.log = append(w.log, line)
	})
	must(w.T, err)
	w.due = due
}

func (w *tale) pass(until time.Time) {
	w.Helper()
	for range 2000 {
		if w.due.IsZero() || w.due.After(until) {
			w.clock.Set(until)
			return
		}
		if w.due.After(w.clock.Now()) {
			w.clock.Set(w.due)
		}
		w.tell()
	}
	w.Fatalf("it does not end: something is due at %s for ever; told %q", w.due, w.log)
}

// route returns a root for ops with children.
func route(children ...*notify.Route) *notify.Route {
	return &notify.Route{Receiver: "ops", GroupBy: []string{"alertname"}, Routes: children}
}

func in(d time.Duration) *time.Duration { return &d }

var silent = []string{"afternoon"} // 14:00 to 16:00, two to four hours after the start

func TestStoriesOfWhoIsToldWhatWhen(t *testing.T) {
	for _, c := range []struct {
		name   string
		route  *notify.Route
		story  string
		want   string
		untold int
	}{
		{"grouped by the rule", route(), "+a +b +C 1h", "10s first C, 10s first a b", 0},
		{"by all labels each stands alone", &notify.Route{Receiver: "ops", GroupBy: []string{"..."}}, "+a 5s +b 1h", "10s first a, 15s first b", 0},
		{"without labels all stand together", &notify.Route{Receiver: "ops", GroupBy: []string{}}, "+a +A 1h", "10s first A", 0},
		{"continue tells both", route(&notify.Route{Receiver: "iot", Continue: true}, &notify.Route{Receiver: "ops"}), "+a 1h", "10s first a, 10s first a to iot", 0},
		{"without it the first alone", route(&notify.Route{Receiver: "iot"}, &notify.Route{Receiver: "ops"}), "+a 1h", "10s first a to iot", 0},
		{"a change waits for its turn, over a restart", route(), "+a 1m +b restart 1h", "10s first a, 5m10s new_alerts a b", 0},
		{"the repeat clock survives restarts", route(), "+a 23h restart 25h", "10s first a, 24h0m10s repeat a", 0},
		{"a repeat shorter than the interval", &notify.Route{Receiver: "ops", RepeatInterval: in(time.Minute)}, "+a 90s restart 150s", "10s first a, 1m10s repeat a, 2m10s repeat a", 0},
		{"fires and resolves within the wait", route(), "+a 4s -a 1h", "", 1},
		{"restarted within the wait", route(), "+a 4s restart 1h", "10s first a", 0},

		{"what is silenced is not told", route(), "+a s:a:2h 1h", "", 0},
		{"nobody was told of it: first", route(), "+a s:a:2h 3h", "2h0m0s first a", 0},
		{"it was told: unmuted", route(), "+a 1h s:a:2h 5h", "10s first a, 3h0m0s unmuted a", 0},
		{"the same over restarts", route(), "+a 1h s:a:2h restart 2h restart 5h", "10s first a, 3h0m0s unmuted a", 0},
		{"it ended while nobody ran", route(), "+a 1h s:a:2h restart 5h", "10s first a, 3h0m0s unmuted a", 0},
		{"a silence that is expired", route(), "+a 1h s:a:20h 2h x:a 5h", "10s first a, 2h0m0s unmuted a", 0},
		{"resolved while silenced is told at once", route(), "+a 1h s:a:2h 2h -a 5h", "10s first a, 2h0m0s all_resolved (a)", 0},
		{"resolved while silenced and never told", route(), "+a s:a:2h 1h -a 5h", "", 1},
		{"fires anew while silenced", route(), "+a 1h s:a:4h 2h -a 3h +a 6h", "10s first a, 2h0m0s all_resolved (a), 5h0m0s first a", 0},
		{"a neighbour is told alone", route(), "+a 1h s:a:4h +b 2h -b 6h", "10s first a, 1h0m0s new_alerts b, 2h0m0s some_resolved (b), 5h0m0s unmuted a", 0},
		{"one that is silenced is not repeated", route(), "+a 1h s:a:30h 40h", "10s first a, 31h0m0s unmuted a", 0},
		{"unmuted waits for its turn", route(), "+a 1h s:a:10m 1h8m +b 2h", "10s first a, 1h8m0s new_alerts b, 1h13m0s unmuted a b", 0},
		{"a silenced warning hides no critical alert", route(), "+a s:a:20h +A 1h", "10s first A", 0},
		{"until resolved: ten minutes after", route(), "+a 1h u:a 2h -a 3h +a 4h", "10s first a, 2h0m0s all_resolved (a), 3h0m10s first a", 0},
		{"until resolved: a flap is not told", route(), "+a 1h u:a 2h -a 2h5m +a 5h", "10s first a, 2h0m0s all_resolved (a)", 0},

		{"inhibited from the beginning", route(), "+A +a 1h", "10s first A", 0},
		{"inhibition begins, ends", route(), "+a 1h +A 2h -A 3h", "10s first a, 1h0m10s first A, 2h0m0s all_resolved (A), 2h0m0s unmuted a", 0},
		{"inhibited, over restarts", route(), "+a 1h +A restart 2h restart -A restart 3h", "10s first a, 1h0m10s first A, 2h0m0s all_resolved (A), 2h0m0s unmuted a", 0},
		{"inhibited and never told: first", route(), "+A 1s +a 1h -A 3h", "10s first A, 1h0m0s all_resolved (A), 1h0m0s first a", 0},
		{"another account is not", route(), "+A +b 1h", "10s first A, 10s first b", 0},
		{"inhibited, resolves", route(), "+a 1h +A 2h -a 3h", "10s first a, 1h0m10s first A, 2h0m0s all_resolved (a)", 0},

		{"a mute time keeps what is new", route(&notify.Route{MuteTimes: silent}), "2h30m +a 5h", "4h0m0s first a", 0},
		{"and ends", route(&notify.Route{MuteTimes: silent}), "+a 3h -a 5h", "10s first a, 4h0m0s all_resolved (a)", 0},
		{"what was told is told again", route(&notify.Route{MuteTimes: silent}), "+a 5h", "10s first a, 4h0m0s unmuted a", 0},
		{"what came and went is not", route(&notify.Route{MuteTimes: silent}), "2h30m +a 3h -a 5h", "", 1},
		{"over a restart", route(&notify.Route{MuteTimes: silent}), "2h30m +a restart 3h restart 5h", "4h0m0s first a", 0},
		{"active times are the other way round", route(&notify.Route{ActiveTimes: silent}), "+a 3h +b 5h -b 27h", "2h0m0s first a, 3h0m0s new_alerts a b, 26h0m0s some_resolved a (b)", 0},
		{"the other route tells", route(&notify.Route{MuteTimes: silent, Continue: true}, &notify.Route{Receiver: "iot"}), "2h30m +a 5h", "2h30m10s first a to iot, 4h0m0s first a", 0},
		{"a silence that outlasts the mute time", route(&notify.Route{MuteTimes: silent}), "+a 3h s:a:2h 6h", "10s first a, 5h0m0s unmuted a", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, dsn string) {
				w := newTale(t, dsn, c.route)
				w.play(c.story)
				slices.SortStableFunc(w.log, func(a, b string) int { // what is told at once has no order
					at, _, _ := strings.Cut(a, " ")
					if strings.HasPrefix(b, at+" ") {
						return strings.Compare(a, b)
					}
					return 0
				})
				if got := strings.Join(w.log, ", "); got != c.want || w.untold != c.untold {
					t.Errorf("%s:\n got %s (%d untold)\nwant %s (%d untold)", c.story, got, w.untold, c.want, c.untold)
				}
			})
		})
	}
}
