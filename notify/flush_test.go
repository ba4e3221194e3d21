package notify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// world plays transitions against the store by a clock of its own and writes
// down what is frozen.
type world struct {
	router *notify.Router
	plan   notify.Plan
	store  *fakeStore
	alerts map[string]billwatch.Alert
	now    time.Time
	log    []string
	shown  []billwatch.Notification
}

func newWorld(r *notify.Router, sendResolved bool) *world {
	return &world{
		router: r, plan: notify.Plan{SendResolved: sendResolved}, store: newFakeStore(),
		alerts: map[string]billwatch.Alert{}, now: noon,
	}
}

// do plays one word: "+a" fires, "-a" resolves, "down" and "up" are the
// receiver, "lost" is an attempt without an answer, "forget" gives up on what
// waits, and a duration is the moment, counted from the start, until which time
// passes.
func (w *world) do(word string) {
	switch name := word[1:]; {
	case word[0] == '+':
		w.alerts[name] = firing(labels("alertname=Low source=blues account="+name), w.now)
		w.store.Commit(w.now, w.router.Due(w.alerts[name], w.now))
	case word[0] == '-':
		w.alerts[name] = ended(w.alerts[name], w.now)
		w.store.Commit(w.now, w.router.Due(w.alerts[name], w.now))
	case word == "down":
		w.store.pauses["ops/webhook/0"] = w.now.Add(1000 * time.Hour)
	case word == "up":
		delete(w.store.pauses, "ops/webhook/0")
	case word == "lost":
		w.settle(billwatch.Settlement{Outcome: billwatch.Retry, Ambiguous: true, NextAt: w.now.Add(1000 * time.Hour)})
	case word == "forget":
		w.settle(billwatch.Settlement{Outcome: billwatch.Failed, Forget: true})
	default:
		d, err := time.ParseDuration(word)
		if err != nil {
			panic(err)
		}
		w.pass(noon.Add(d))
	}
}

// settle ends the attempt at whatever waits first, pause or not.
func (w *world) settle(s billwatch.Settlement) {
	delete(w.store.pauses, "ops/webhook/0")
	claimed, _ := w.store.ClaimDeliveries(context.Background(), w.claim())
	s.Delivery = claimed[0]
	_ = w.store.Settle(context.Background(), s)
}

func (w *world) claim() billwatch.Claim {
	return billwatch.Claim{Integrations: []string{"ops/webhook/0"}, Limit: 100, Now: w.now, Until: w.now.Add(time.Second)}
}

// pass lets time go by, flushing and delivering whatever becomes due.
func (w *world) pass(until time.Time) {
	for range 10000 {
		next, _ := w.store.NextDue(context.Background(), []string{"ops/webhook/0"})
		if next.IsZero() || next.After(until) {
			break
		}
		w.now = later(w.now, next)
		w.flush()
		for {
			claimed, _ := w.store.ClaimDeliveries(context.Background(), w.claim())
			if len(claimed) == 0 {
				break
			}
			_ = w.store.Settle(context.Background(), billwatch.Settlement{Delivery: claimed[0], Outcome: billwatch.Delivered})
		}
	}
	w.now = until
}

func (w *world) flush() {
	groups, _ := w.store.ClaimGroups(context.Background(), w.claim())
	for _, g := range groups {
		plan := w.plan
		plan.Timing = w.router.Timing(g)
		f := notify.Decide(g, plan, w.now)
		if n := f.Notification; n != nil {
			n.ID = fmt.Sprint(len(w.log))
			w.shown = append(w.shown, *n)
			w.log = append(w.log, w.now.Sub(noon).String()+" "+n.Reason+" "+shown(*n))
		}
		_ = w.store.Freeze(context.Background(), []billwatch.Flush{f})
	}
}

// shown lists a notification's alerts, the resolved ones in brackets.
func shown(n billwatch.Notification) string {
	var names []string
	for _, a := range n.Alerts {
		name := a.Key.Account.ID
		if a.State == billwatch.Resolved {
			name = "(" + name + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestWhoIsToldWhatWhen(t *testing.T) {
	for _, c := range []struct {
		name  string
		story string
		want  string // moment, reason, alerts; resolved ones in brackets
		lost  int    // fired and resolved untold
	}{
		{"waits for others, then tells once", "+a 4s +b 1h", "10s first a b", 0},
		{"silence while nothing changes", "+a 23h", "10s first a", 0},
		{"a change within the interval waits for its end", "+a 1m +b 23h", "10s first a, 5m10s new_alerts a b", 0},
		{"a change after the interval is told at once", "+a 1h +b 23h", "10s first a, 1h0m0s new_alerts a b", 0},
		{"the end is told", "+a 1h -a 23h", "10s first a, 1h0m0s all_resolved (a)", 0},
		{"the end of some is told", "+a +b 1h -a 23h", "10s first a b, 1h0m0s some_resolved b (a)", 0},
		{"what has ended is told once", "+a +b 1h -a 2h -b 23h", "10s first a b, 1h0m0s some_resolved b (a), 2h0m0s all_resolved (b)", 0},
		{"news before ends", "+a 1m +b -a 23h", "10s first a, 5m10s new_alerts b (a)", 0},
		{"after the end the next is the first again", "+a 1h -a 2h +a 23h", "10s first a, 1h0m0s all_resolved (a), 2h0m10s first a", 0},
		{"fired and resolved before the first look is not told", "+a 4s -a 1h", "", 1},
		{"nor is it later", "+a 1m +b 2m -b 1h", "10s first a", 1},
		{"flapping within the interval says nothing", "+a 1m -a 2m +a 1h", "10s first a", 0},
		{"repeats by its own clock", "+a 49h", "10s first a, 24h0m10s repeat a, 48h0m10s repeat a", 0},
		{"a change starts the repeat clock anew", "+a 10h +b 35h", "10s first a, 10h0m0s new_alerts a b, 34h0m0s repeat a b", 0},
		{"an untold flap does not move the repeat clock", "+a 10h +b -b 25h", "10s first a, 24h0m10s repeat a", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(router(t, route("ops"), integrations("ops")), true)
			for word := range strings.FieldsSeq(c.story) {
				w.do(word)
			}
			if got := strings.Join(w.log, ", "); got != c.want || w.store.untold != c.lost {
				t.Errorf("%s:\n got %s (%d untold)\nwant %s (%d untold)", c.story, got, w.store.untold, c.want, c.lost)
			}
		})
	}
}

func TestWhatWaitsIsSuperseded(t *testing.T) {
	for _, c := range []struct {
		name  string
		story string
		want  string
		lost  int
	}{
		{"began and ended while the receiver was down: told once, as resolved", "down +a 1h -a 2h",
			"10s first a, 1h0m0s all_resolved (a)", 0},
		{"the newer lists what the older would have said", "down +a 1h +b 2h -a 3h",
			"10s first a, 1h0m0s first a b, 2h0m0s first b (a)", 0},
		{"an end that waits is not lost to a new beginning", "+a 1h down -a 2h +b 3h",
			"10s first a, 1h0m0s all_resolved (a), 2h0m10s first b (a)", 0},
		{"an end that waits while the same begins again", "+a 1h down -a 2h +a 3h",
			"10s first a, 1h0m0s all_resolved (a), 2h0m10s first a", 0},
		{"who never got the news gets it with the ends", "+a +b 1h down +c 2h -a 3h",
			"10s first a b, 1h0m0s new_alerts a b c, 2h0m0s new_alerts b c (a)", 0},
		{"one that may have arrived counts as told", "down +a 1m lost 1h +b 2h -a 3h",
			"10s first a, 1h0m0s new_alerts a b, 2h0m0s new_alerts b (a)", 0},
		{"given up: told as the first again", "down +a 1h forget +b 2h",
			"10s first a, 1h0m0s first a b", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(router(t, route("ops"), integrations("ops")), true)
			for word := range strings.FieldsSeq(c.story) {
				w.do(word)
			}
			if got := strings.Join(w.log, ", "); got != c.want || w.store.untold != c.lost {
				t.Errorf("%s:\n got %s (%d untold)\nwant %s (%d untold)", c.story, got, w.store.untold, c.want, c.lost)
			}
		})
	}
}

// Two messages of a group may wait: the older was on its way when the newer was
// made, and then was refused.
func TestOfWhatWaitsTheNewestKnowsHowAnAlertEnded(t *testing.T) {
	alert := func(state billwatch.AlertState, end time.Time) billwatch.Alert {
		return billwatch.Alert{State: state, Fingerprint: "a", StartsAt: noon, EndsAt: end}
	}
	end := noon.Add(time.Minute)
	f := notify.Decide(billwatch.Group{
		Members: []billwatch.Member{{Alert: billwatch.Alert{State: billwatch.Firing, Fingerprint: "b", StartsAt: noon}}},
		Waiting: []billwatch.Notification{
			{Reason: billwatch.WhyFirst, Alerts: []billwatch.Alert{alert(billwatch.Firing, time.Time{})}},
			{Reason: billwatch.WhyAllResolved, Alerts: []billwatch.Alert{alert(billwatch.Resolved, end)}},
		},
	}, notify.Plan{SendResolved: true}, noon.Add(time.Hour))
	if f.Notification == nil || len(f.Notification.Alerts) != 2 || !f.Notification.Alerts[1].EndsAt.Equal(end) {
		t.Errorf("the flush is %+v, want a's end at %s", f, end)
	}
}

func TestTimingsAreTheRoutesOwn(t *testing.T) {
	for _, c := range []struct {
		name  string
		route notify.Route
		story string
		want  string
	}{
		{"without a wait at once", notify.Route{GroupWait: duration(0)}, "+a 1h", "0s first a"},
		{"a repeat shorter than the interval is not rounded up", notify.Route{RepeatInterval: duration(time.Minute)}, "+a 150s",
			"10s first a, 1m10s repeat a, 2m10s repeat a"},
		{"and carries what has changed", notify.Route{RepeatInterval: duration(time.Minute)}, "+a 30s +b 1m30s -a 150s",
			"10s first a, 1m10s new_alerts a b, 2m10s some_resolved b (a)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := c.route
			root.Receiver = "ops"
			w := newWorld(router(t, &root, integrations("ops")), true)
			for word := range strings.FieldsSeq(c.story) {
				w.do(word)
			}
			if got := strings.Join(w.log, ", "); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.story, got, c.want)
			}
		})
	}
}

func TestWithoutResolvedNothingIsToldOfEnds(t *testing.T) {
	w := newWorld(router(t, route("ops"), integrations("ops")), false)
	for word := range strings.FieldsSeq("+a +b 1h -a 2h -b 3h +a 26h") {
		w.do(word)
	}
	want := "10s first a b, 3h0m10s first a"
	if got := strings.Join(w.log, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAClockThatGoesBackHoldsNothingUp(t *testing.T) {
	r := router(t, route("ops"), integrations("ops"))
	due := r.Due(firing(labels("alertname=Low"), noon), noon)[0]
	g := billwatch.Group{
		Key: due.Key, Receiver: due.Receiver, Integration: due.Integration, Labels: due.Labels,
		ToldAt:  noon.Add(1000 * time.Hour),
		Members: []billwatch.Member{{Alert: ended(due.Alert, noon), Told: billwatch.Firing}},
	}
	f := notify.Decide(g, notify.Plan{Timing: r.Timing(g), SendResolved: true}, noon)
	if want := noon.Add(5 * time.Minute); !f.NextDue.Equal(want) {
		t.Errorf("looks again at %s, want %s", f.NextDue, want)
	}
}

func TestAGroupThatWasToldElsewhereIsNotToldAgain(t *testing.T) {
	g := billwatch.Group{Key: "new", Members: []billwatch.Member{
		{Alert: firing(labels("account=a"), noon.Add(-48*time.Hour)), Told: billwatch.Firing},
	}}
	f := notify.Decide(g, notify.Plan{Timing: notify.Timing{RepeatInterval: 24 * time.Hour}, SendResolved: true}, noon)
	if f.Notification != nil {
		t.Errorf("told as %s", f.Notification.Reason)
	}
	if want := noon.Add(24 * time.Hour); !f.NextDue.Equal(want) {
		t.Errorf("looks again at %s, want %s", f.NextDue, want)
	}
}

func TestAlertsAreListedFiringFirstThenOldest(t *testing.T) {
	at := func(name string, minutes int) billwatch.Alert {
		return firing(labels("account="+name), noon.Add(time.Duration(minutes)*time.Minute))
	}
	told := func(a billwatch.Alert) billwatch.Member { return billwatch.Member{Alert: a, Told: billwatch.Firing} }
	g := billwatch.Group{Members: []billwatch.Member{
		told(ended(at("old-end", 1), noon)), told(at("old", 2)), {Alert: at("new", 9)}, told(at("older", 0)), told(ended(at("oldest-end", 0), noon)),
	}}
	f := notify.Decide(g, notify.Plan{SendResolved: true}, noon.Add(time.Hour))
	if diff := cmp.Diff("older old new (oldest-end) (old-end)", shown(*f.Notification)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// Whatever happens, in the end everybody knows how things stand: what an
// integration was last told of an alert is how it is, and ends are told only of
// what was told.
func TestInTheEndWhatWasToldIsWhatIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := notify.NewRouter(route("ops"), integrations("ops"))
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(r, true)
		clock := time.Duration(0)
		var story []string
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			word := rapid.SampledFrom([]string{"+a", "-a", "+b", "-b", "+c", "-c", "down", "up", "pass"}).Draw(t, "word")
			is := w.alerts[word[1:]].State
			switch {
			case word == "pass":
				clock += time.Duration(rapid.IntRange(1, 900).Draw(t, "seconds")) * time.Second
				word = clock.String()
			case word[0] == '+' && is == billwatch.Firing, word[0] == '-' && is != billwatch.Firing:
				continue
			}
			story = append(story, word)
			w.do(word)
		}
		w.do("up")
		w.do((clock + time.Hour).String())
		told := map[string]billwatch.AlertState{}
		for i, row := range w.store.outbox {
			if row.state == "superseded" {
				requireSuperseded(t, row.n, w.store.outbox[i+1].n)
				continue
			}
			for _, a := range row.n.Alerts {
				told[a.Key.Account.ID] = a.State
			}
		}
		for name, a := range w.alerts {
			if last := told[name]; last != a.State && (last != "" || a.State == billwatch.Firing) {
				t.Errorf("%v: %s is %s, and %q was told last:\n%s", story, name, a.State, last, strings.Join(w.log, "\n"))
			}
		}
	})
}

func requireSuperseded(t *rapid.T, older, newer billwatch.Notification) {
	for _, a := range older.Alerts {
		if !slices.ContainsFunc(newer.Alerts, func(b billwatch.Alert) bool { return b.Key == a.Key }) {
			t.Errorf("%s is lost to the newer %s", shown(older), shown(newer))
		}
	}
}
