package sqlstore_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// ear is a receiver that keeps what it took, and refuses while it is told to.
type ear struct {
	mu      sync.Mutex
	refuses error
	took    []billwatch.Notification
	tries   int
	tried   []string // ids of all attempts
	to      string   // where it is, where it says so
}

// Destination implements notify.Addressed.
func (e *ear) Destination() string { return e.to }

func (e *ear) Notify(_ context.Context, n billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tries++
	e.tried = append(e.tried, n.ID)
	if e.refuses != nil {
		return billwatch.Receipt{}, e.refuses
	}
	e.took = append(e.took, n)
	return billwatch.Receipt{Answer: "ok"}, nil
}

// heard is the story of what an ear took: reasons with their rules.
func (e *ear) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var story []string
	for _, n := range e.took {
		story = append(story, n.Reason+" "+n.Alerts[0].Key.Rule)
	}
	return strings.Join(story, ", ")
}

// of is what an ear heard of one account, as reasons.
func (e *ear) of(account string) string {
	var reasons []string
	for _, n := range e.took {
		if n.Alerts[0].Key.Account.ID == account {
			reasons = append(reasons, n.Reason)
		}
	}
	return strings.Join(reasons, " ")
}

// road is a dispatcher on a real store, with a clock that is set by hand.
type road struct {
	*outboxWorld
	router     *notify.Router
	inhibition *notify.Inhibition // nil for what always holds
	dispatcher *notify.Dispatcher
	ears       map[string]*ear
	groupBy    []string // all labels where empty
}

// newRoad opens a road to these receivers; the first one is told of everything.
func newRoad(w *outboxWorld, fallback string, receivers ...string) *road {
	w.Helper()
	return newQuietRoad(w, nil, fallback, receivers...)
}

// newQuietRoad is newRoad with rules of inhibition.
func newQuietRoad(w *outboxWorld, inhibition *notify.Inhibition, fallback string, receivers ...string) *road {
	w.Helper()
	r := &road{outboxWorld: w, ears: map[string]*ear{}, inhibition: inhibition}
	all := map[string][]notify.Integration{}
	for _, name := range receivers {
		r.ears[name] = &ear{}
		all[name] = []notify.Integration{{Name: name + "/webhook/0", Receiver: name, Type: "webhook", SendResolved: true,
			RetryFor: time.Hour, StormLimit: 20, Notifier: r.ears[name]}}
	}
	r.open(fallback, receivers[0], all)
	return r
}

// open makes the dispatcher anew, as a process that starts does.
func (r *road) open(fallback, root string, all map[string][]notify.Integration) {
	r.Helper()
	wait, often := time.Second, time.Minute
	groupBy := r.groupBy
	if len(groupBy) == 0 {
		groupBy = []string{"..."}
	}
	router, err := notify.NewRouterWith(&notify.Route{Receiver: root, GroupBy: groupBy, GroupWait: &wait, GroupInterval: &often}, all,
		notify.Quiets{Inhibition: r.inhibition})
	r.must(err)
	r.router = router
	set, problems := rules.Load(nil, rules.Options{})
	if set == nil {
		r.Fatal(problems)
	}
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	r.must(err)
	r.dispatcher, err = notify.NewDispatcher(notify.DispatcherConfig{
		Store: r.store, Storms: r.store, Waker: r.store, Quiet: r.store, Router: r.router, Templates: templates, Holder: "a", Now: func() time.Time { return r.now },
		Down: notify.Down{Alert: set.ReceiverDown, Fallback: fallback}, Log: slog.New(slog.DiscardHandler),
	})
	r.must(err)
}

// alert commits that an alert of an account began or ended.
func (r *road) alert(id string, state billwatch.AlertState) {
	r.Helper()
	a := outboxAlert(id, r.now)
	a.State = state
	from := billwatch.Inactive
	if state == billwatch.Resolved {
		from, a.EndsAt = billwatch.Firing, r.now
	}
	r.must(r.store.Commit(r.Context(), billwatch.Batch{
		Lease: r.lease, Now: r.now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: state, At: r.now}}, Due: r.router.Due(a, r.now),
	}))
}

// pass lets time go by; everything that becomes due is done in its turn.
func (r *road) pass(d time.Duration) {
	r.Helper()
	for end := r.now.Add(d); ; {
		next, err := r.dispatcher.Step(r.Context())
		r.must(err)
		if next.IsZero() || next.After(end) {
			r.now = end
			return
		}
		r.now = latestOf(r.now.Add(time.Millisecond), next)
	}
}

func latestOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wants fails when an ear heard another story.
func (r *road) wants(what, receiver, story string) {
	r.Helper()
	if heard := r.ears[receiver].heard(); heard != story {
		r.Errorf("%s: %s heard %q, want %q", what, receiver, heard, story)
	}
}

// moves are the transitions of ReceiverDown, oldest first.
func (r *road) moves(integration string) string {
	r.Helper()
	all, err := r.store.Transitions(r.Context(), billwatch.AccountKey{ID: integration}, 100)
	r.must(err)
	var states []string
	for _, t := range slices.Backward(all) {
		states = append(states, string(t.To))
	}
	return strings.Join(states, " ")
}

var errRefused = notify.Permanent(errors.New("channel_not_found"))

func TestAReceiverThatIsDownIsToldOnceToTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "backup", "ops", "backup")
		r.ears["ops"].refuses = errRefused
		r.alert("1", billwatch.Firing)
		r.pass(time.Minute)
		r.wants("after the first refusal", "backup", "first ReceiverDown")
		n := r.ears["backup"].took[0]
		if len(n.Alerts) != 1 || n.Alerts[0].Labels["integration"] != "ops/webhook/0" || n.Alerts[0].Labels["severity"] != "critical" ||
			!strings.Contains(n.Message.Text, "channel_not_found") || strings.Contains(n.Message.Text, "(, ") {
			t.Errorf("told as %+v", n)
		}
		r.alert("2", billwatch.Firing)
		r.pass(time.Hour)
		r.wants("after the second", "backup", "first ReceiverDown")
		r.ears["ops"].refuses = nil
		r.alert("3", billwatch.Firing)
		r.pass(time.Hour)
		r.wants("once a message is taken again", "backup", "first ReceiverDown, all_resolved ReceiverDown")
		r.wants("of its own trouble it hears nothing", "ops", "first Low")
		if got := r.moves("ops/webhook/0"); got != "firing resolved" {
			t.Errorf("its history is %q", got)
		}
	})
}

func TestReceiversThatAreAllDownDoNotTellEachOtherForEver(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "backup", "ops", "backup")
		r.ears["ops"].refuses, r.ears["backup"].refuses = errRefused, errRefused
		r.alert("1", billwatch.Firing)
		r.pass(23 * time.Hour)
		// ops is told of the alert and that backup is down, backup that ops is down.
		if ops, backup := r.ears["ops"].tries, r.ears["backup"].tries; ops != 2 || backup != 1 {
			t.Errorf("ops was tried %d times and backup %d, want 2 and 1", ops, backup)
		}
		if ops, backup := r.moves("ops/webhook/0"), r.moves("backup/webhook/0"); ops != "firing" || backup != "firing" {
			t.Errorf("moved %q and %q, want one firing each", ops, backup)
		}
	})
}

func TestAReceiverThatWasAwayForADayIsToldFirstWhenItIsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "backup", "ops", "backup") // retry_for is an hour
		r.ears["ops"].refuses = errors.New("connection reset")
		r.alert("1", billwatch.Firing)
		r.alert("2", billwatch.Firing)
		r.pass(23 * time.Hour)
		r.wants("while it is away", "backup", "first ReceiverDown")
		if tries := r.ears["ops"].tries; tries < 2*23*6 || tries > 2*23*20 {
			t.Errorf("%d attempts in 23 hours for two alerts, want about six an hour each", tries)
		}
		r.alert("2", billwatch.Resolved)
		r.ears["ops"].refuses = nil
		r.pass(20 * time.Minute)
		// An attempt without an answer may have been heard: what began is told
		// before its end, and not left out.
		if one, two := r.ears["ops"].of("1"), r.ears["ops"].of("2"); one != "first" || two != "first all_resolved" {
			t.Errorf("back again it heard %q of one alert and %q of the other", one, two)
		}
		r.wants("when it is back", "backup", "first ReceiverDown, all_resolved ReceiverDown")
	})
}

func TestSettingsThatChangedMakeGoodWhatWasRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "backup", "ops", "backup")
		settings := map[string]string{"ops/webhook/0": "one", "backup/webhook/0": "one"}
		r.must(r.store.Configured(t.Context(), settings, r.now))
		r.ears["ops"].refuses = errRefused
		r.alert("1", billwatch.Firing)
		r.alert("2", billwatch.Firing)
		r.pass(time.Minute)
		r.wants("after the refusals", "backup", "first ReceiverDown")
		r.ears["ops"].refuses = nil
		r.must(r.store.Configured(t.Context(), settings, r.now))
		r.pass(time.Hour)
		r.wants("while nothing changed", "ops", "")
		settings["ops/webhook/0"] = "two"
		r.must(r.store.Configured(t.Context(), settings, r.now))
		r.pass(time.Minute)
		r.wants("once its settings changed", "ops", "first Low, first Low")
		r.wants("who was told hears the end", "backup", "first ReceiverDown, all_resolved ReceiverDown")
		r.must(r.store.Configured(t.Context(), settings, r.now))
		r.pass(time.Hour)
		r.wants("and nothing more", "ops", "first Low, first Low")
	})
}

// Whoever changed where messages go wants to see that they arrive, and not to
// wait for what another place asked for.
func TestSettingsThatChangedAreTriedAtOnce(t *testing.T) {
	for what, trouble := range map[string]error{
		"asked to wait":     notify.Throttled(errors.New("429"), 50*time.Minute, "old.example.com"),
		"far into back-off": errors.New("no answer"),
	} {
		t.Run(what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *outboxWorld) {
				r := newRoad(w, "", "ops")
				settings := map[string]string{"ops/webhook/0": "one"}
				r.must(r.store.Configured(t.Context(), settings, r.now))
				r.ears["ops"].refuses = trouble
				r.alert("1", billwatch.Firing)
				r.pass(25 * time.Minute)
				r.ears["ops"].refuses = nil
				r.must(r.store.Configured(t.Context(), settings, r.now))
				r.pass(time.Second)
				r.wants("while nothing changed", "ops", "")
				settings["ops/webhook/0"] = "two"
				r.must(r.store.Configured(t.Context(), settings, r.now))
				r.alert("2", billwatch.Firing)
				r.pass(2 * time.Second)
				r.wants("once its settings changed", "ops", "first Low, first Low")
			})
		})
	}
}

// A configuration that sends an alert elsewhere, and the next that takes that
// back, while the end is about to be told.
func TestAnAlertThatIsRoutedAgainWhileItsEndIsToldIsToldAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "", "ops")
		r.alert("1", billwatch.Firing)
		r.pass(10 * time.Minute)
		member := func() []sqlstore.Membership {
			t.Helper()
			all, err := r.store.Memberships(t.Context(), "", 10)
			r.must(err)
			return all
		}
		left := member()
		left[0].Unrouted = true
		r.must(r.store.Reroute(t.Context(), "a", left, "no longer routed", r.now))
		groups, err := r.store.ClaimGroups(t.Context(), r.claim("ops/webhook/0"))
		r.must(err)
		back := member()
		back[0].Unrouted = false
		r.must(r.store.Reroute(t.Context(), "a", back, "", r.now))
		flush := notify.Decide(groups[0], notify.Plan{Timing: r.router.Timing(groups[0]), SendResolved: true}, r.now)
		flush.Notification.ID = "ntf_end"
		r.must(r.store.Freeze(t.Context(), []billwatch.Flush{flush}))
		r.pass(10 * time.Minute)
		r.wants("routed again", "ops", "first Low, first Low") // the end had not gone out
	})
}

// A group may have more members than fit into one sentence. Those that began anew
// while their end was told count as not told.
func TestTheEndOfManyIsToldAndWhoBeganAnewStays(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		const many = 1003
		look := func(id string, meanwhile func()) billwatch.Flush {
			t.Helper()
			groups, err := w.store.ClaimGroups(t.Context(), w.claim("ops/webhook/0"))
			w.must(err)
			flush := notify.Decide(groups[0], notify.Plan{SendResolved: true}, w.now)
			flush.Notification.ID = id
			meanwhile()
			w.must(w.store.Freeze(t.Context(), []billwatch.Flush{flush}))
			return flush
		}
		move := func(state billwatch.AlertState, from billwatch.AlertState, ids ...int) {
			t.Helper()
			b := billwatch.Batch{Lease: w.lease, Now: w.now}
			for _, id := range ids {
				a := outboxAlert(strconv.Itoa(id), w.now)
				if a.State = state; state == billwatch.Resolved {
					a.EndsAt = w.now
				}
				b.Alerts = append(b.Alerts, a)
				b.Transitions = append(b.Transitions, billwatch.Transition{Alert: a, From: from, To: state, At: w.now})
				b.Due = append(b.Due, billwatch.GroupDue{Key: "all", Receiver: "ops", Integration: "ops/webhook/0", Labels: billwatch.Labels{}, Alert: a, DueAt: w.now})
			}
			w.must(w.store.Commit(t.Context(), b))
		}
		all := make([]int, many)
		for i := range all {
			all[i] = i
		}
		move(billwatch.Firing, billwatch.Inactive, all...)
		look("ntf_1", func() {})
		w.now = w.now.Add(time.Second)
		move(billwatch.Resolved, billwatch.Firing, all...)
		w.now = w.now.Add(time.Second)
		if f := look("ntf_2", func() { move(billwatch.Firing, billwatch.Inactive, 3, 700) }); len(f.Drop) != many {
			t.Fatalf("%d ended, want %d", len(f.Drop), many)
		}
		w.now = w.now.Add(time.Second)
		groups, err := w.store.ClaimGroups(t.Context(), w.claim("ops/webhook/0"))
		w.must(err)
		if len(groups) != 1 || len(groups[0].Members) != 2 {
			t.Fatalf("%d groups are due, want one with the two that began anew", len(groups))
		}
		for _, m := range groups[0].Members {
			if m.Told != billwatch.Inactive || m.Alert.State != billwatch.Firing {
				t.Errorf("%s is %q and told as %q", m.Alert.Key.Account.ID, m.Alert.State, m.Told)
			}
		}
	})
}

// newPair opens a road to two integrations that go to one place, and one that
// goes elsewhere.
func newPair(w *outboxWorld) *road {
	w.Helper()
	r := &road{outboxWorld: w, ears: map[string]*ear{"one": {}, "other": {}, "elsewhere": {}}}
	of := func(name string) notify.Integration {
		return notify.Integration{Name: name, Receiver: "all", SendResolved: true, RetryFor: 24 * time.Hour, Notifier: r.ears[name]}
	}
	r.open("", "all", map[string][]notify.Integration{"all": {of("one"), of("other"), of("elsewhere")}})
	return r
}

func TestAPauseHoldsUpWhoeverGoesToThatPlaceAndSurvivesAKill(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newPair(w)
		busy := notify.Throttled(errors.New("429"), 20*time.Minute, "slack C1")
		r.ears["one"].refuses, r.ears["other"].refuses = busy, busy
		r.alert("1", billwatch.Firing)
		r.pass(time.Minute) // both are known now to go to that place
		tries := r.ears["one"].tries + r.ears["other"].tries
		r.wants("another place", "elsewhere", "first Low")
		r.alert("2", billwatch.Firing)
		r.pass(10 * time.Minute)
		if got := r.ears["one"].tries + r.ears["other"].tries; got != tries {
			t.Errorf("%d attempts within the pause", got-tries)
		}
		r.wants("another place goes on", "elsewhere", "first Low, first Low")
		// The process is killed: what it knew is what the store knows.
		ears := r.ears
		r = newPair(w)
		r.ears["elsewhere"].took = ears["elsewhere"].took
		r.pass(8 * time.Minute)
		if got := r.ears["one"].tries + r.ears["other"].tries; got != 0 {
			t.Errorf("%d attempts within the pause after a restart", got)
		}
		r.pass(3 * time.Minute)
		r.wants("after the pause", "one", "first Low, first Low")
		r.wants("after the pause", "other", "first Low, first Low")
		// Only one of them is told now to wait: the other one waits as well.
		r.ears["one"].refuses = notify.Throttled(errors.New("429"), 300*time.Hour, "slack C1")
		r.alert("3", billwatch.Firing)
		r.pass(30 * time.Second)
		r.alert("4", billwatch.Firing)
		other := r.ears["other"].tries
		r.pass(50 * time.Minute)
		if got := r.ears["other"].tries; got != other {
			t.Errorf("%d attempts at the same place by another way", got-other)
		}
		r.ears["one"].refuses = nil
		r.pass(20 * time.Minute) // it asked for days, and gets an hour
		if one, other := len(r.ears["one"].took), len(r.ears["other"].took); one != 4 || other != 4 {
			t.Errorf("after the longest pause %d and %d messages, want 4 each", one, other)
		}
	})
}

func TestHowDeliveriesGoIsKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "", "ops")
		w.must(w.store.Configured(t.Context(), map[string]string{"ops/webhook/0": "one"}, r.now))
		r.alert("1", billwatch.Firing)
		r.pass(time.Minute)
		status := func() sqlstore.ReceiverRow {
			t.Helper()
			rows, err := w.store.Receivers(t.Context(), []string{"ops/webhook/0"})
			w.must(err)
			return rows[0]
		}
		if s := status(); s.Pending != 0 || s.Down != nil || s.DeliveredAt.IsZero() {
			t.Errorf("after a delivery: %+v", s)
		}
		r.ears["ops"].refuses = errRefused
		r.alert("2", billwatch.Firing)
		r.pass(time.Minute)
		r.ears["ops"].refuses = notify.Refused(errors.New("connection refused"))
		r.alert("3", billwatch.Firing)
		at := r.now
		r.pass(time.Minute)
		if s := status(); s.Pending != 1 || s.Down == nil || !strings.Contains(s.Down.Reason, "channel_not_found") || s.OldestAt.Before(at) {
			t.Errorf("down, with one that is owed: %+v", s)
		}
		dropped, err := w.store.DropRemoved(t.Context(), "a", []string{"another/webhook/0"}, r.now)
		w.must(err)
		if s := status(); s.Pending != 0 || s.Down != nil || dropped["ops/webhook/0"] != 1 {
			t.Errorf("removed, with %v dropped: %+v", dropped, s)
		}
		if got := r.moves("ops/webhook/0"); got != "firing resolved" {
			t.Errorf("that it was down went %q", got)
		}
	})
}

func TestKillsDoNotPutTheNextAttemptOff(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		r := newRoad(w, "", "ops")
		r.ears["ops"].refuses = errors.New("connection reset")
		r.alert("1", billwatch.Firing)
		r.pass(time.Second + time.Millisecond)
		for range 12 { // processes are killed between their claim and its end
			r.now = r.now.Add(30 * time.Second)
			claimed, err := r.store.ClaimDeliveries(t.Context(), billwatch.Claim{
				Holder: "killed", Integrations: []string{"ops/webhook/0"}, Limit: 10, Now: r.now, Until: r.now.Add(30 * time.Second),
			})
			r.must(err)
			if len(claimed) != 1 {
				t.Fatalf("%d notifications are due, want 1", len(claimed))
			}
		}
		r.now = r.now.Add(30 * time.Second)
		before := r.ears["ops"].tries
		r.pass(5 * time.Second) // the second attempt that ends, and the third
		if got := r.ears["ops"].tries - before; before != 1 || got != 2 {
			t.Errorf("after %d attempts and 12 kills there were %d attempts in 5 s, want 1 and 2", before, got)
		}
	})
}
