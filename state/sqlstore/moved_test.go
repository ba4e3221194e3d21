package sqlstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

func TestAnIntegrationMovesWhereItsSettingsAreFoundAgain(t *testing.T) {
	list := func(settings string) map[string]string {
		all := map[string]string{}
		for i, s := range strings.Fields(settings) {
			all[fmt.Sprintf("ops/webhook/%d", i)] = strings.Trim(s, "-")
		}
		return all
	}
	for _, c := range []struct{ what, before, now, moved string }{
		{"nothing changed", "a b", "a b", ""},
		{"the only one is changed", "a", "b", ""},
		{"the first of two is removed", "a b", "b", "0>0 (removed) 1>0"},
		{"the last of two is removed", "a b", "a", ""},
		{"two are swapped", "a b", "b a", "0>1 1>0"},
		{"three go round", "a b c", "b c a", "0>2 1>0 2>1"},
		{"one is added in front", "a b", "c a b", "0>1 1>2 2>2 (removed)"},
		{"one is added behind", "a", "a b", ""},
		{"all are changed", "a b", "c d", ""},
		{"one is changed, one removed: that may be either", "a b", "c", ""},
		{"one is swapped and the other changed", "a b", "b c", "0>0 (removed) 1>0"},
		{"one is removed before, and one behind changed", "a b c", "b d", "0>0 (removed) 1>0"},
		{"twins stay", "a a", "a", ""},
		{"twins move in their order", "b a a", "a a", "0>0 (removed) 2>0"},
		{"past the tenth", "x 1 2 3 4 5 6 7 8 9 10", "1 2 3 4 5 6 7 8 9 10",
			"0>0 (removed) 1>0 10>9 2>1 3>2 4>3 5>4 6>5 7>6 8>7 9>8"},
		{"settings that nobody knows move nowhere", "a -", "- a", "0>1 1>1 (removed)"},
	} {
		moved := sqlstore.Moved(list(c.before), list(c.now))
		var got []string
		for _, was := range slices.Sorted(maps.Keys(moved)) {
			short := func(name string) string { return strings.TrimPrefix(name, "ops/webhook/") }
			got = append(got, short(was)+">"+short(moved[was]))
		}
		if strings.Join(got, " ") != c.moved {
			t.Errorf("%s: %q, want %q", c.what, got, c.moved)
		}
	}
	apart := sqlstore.Moved(map[string]string{"ops/webhook/0": "a", "night/webhook/0": "b", "ops/slack/0": "c"},
		map[string]string{"ops/webhook/0": "b", "night/webhook/0": "c", "ops/slack/0": "a"})
	if len(apart) > 0 {
		t.Errorf("from one receiver or type to another: %v", apart)
	}
}

// places is a road to one receiver, whose list of webhooks changes.
type places struct {
	*road
	changes int
}

// lists makes the places the webhooks of the receiver, in this order, as the
// next configuration.
func (p *places) lists(names ...string) {
	p.Helper()
	all, settings := map[string][]notify.Integration{}, map[string]string{}
	for i, name := range names {
		if p.ears[name] == nil {
			p.ears[name] = &ear{}
		}
		in := notify.Integration{Name: fmt.Sprintf("ops/webhook/%d", i), Receiver: "ops", Type: "webhook", SendResolved: true,
			RetryFor: time.Hour, StormLimit: 20, Notifier: p.ears[name]}
		all["ops"], settings[in.Name] = append(all["ops"], in), name
	}
	p.changes++
	p.must(p.store.Renew(p.Context(), "a", p.now, p.now.AddDate(1, 0, 0)))
	current, err := p.store.Carry(p.Context(), billwatch.Carry{Holder: "a", Hash: fmt.Sprint(p.changes), Now: p.now, Take: true, Integrations: settings})
	p.must(err)
	if current != fmt.Sprint(p.changes) {
		p.Fatalf("%s is in force", current)
	}
	p.open("", "ops", all)
	p.must(p.store.Configured(p.Context(), settings, p.now))
	_, err = p.store.DropRemoved(p.Context(), "a", slices.Collect(maps.Keys(settings)), p.now)
	p.must(err)
}

func newPlaces(w *outboxWorld, names ...string) *places {
	w.Helper()
	p := &places{road: &road{outboxWorld: w, ears: map[string]*ear{}}}
	p.lists(names...)
	return p
}

func TestWhatIsOwedGoesWhereItWasOwed(t *testing.T) {
	for _, c := range []struct {
		what        string
		before, now []string
		same        map[string]string // by place, whose news it gets
	}{
		{"the first of two is removed", []string{"one", "two"}, []string{"two"}, map[string]string{"two": "two"}},
		{"the last of two is removed", []string{"one", "two"}, []string{"one"}, map[string]string{"one": "one"}},
		{"two are swapped", []string{"one", "two"}, []string{"two", "one"}, map[string]string{"one": "one", "two": "two"}},
		{"one is added in front", []string{"one"}, []string{"other", "one"}, map[string]string{"one": "one"}},
		{"the only one goes elsewhere", []string{"one"}, []string{"other"}, map[string]string{"other": "one"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *outboxWorld) {
				p := newPlaces(w, c.before...)
				p.alert("told", billwatch.Firing)
				p.pass(time.Minute)
				for _, ear := range p.ears {
					ear.refuses = errors.New("no answer")
				}
				p.alert("frozen", billwatch.Firing)
				p.pass(30 * time.Second)
				p.alert("due", billwatch.Firing)
				tried := map[string][]string{} // ids of what each place was owed before
				for place, ear := range p.ears {
					tried[place] = slices.Clone(ear.tried)
				}
				p.lists(c.now...)
				for _, ear := range p.ears {
					ear.refuses = nil
				}
				p.pass(20 * time.Minute)
				p.alert("told", billwatch.Resolved)
				p.pass(20 * time.Minute)
				for place, ear := range p.ears {
					was := p.ears[c.same[place]]
					want := map[string]string{"told": "", "frozen": "", "due": ""}
					if slices.Contains(c.before, place) {
						want["told"] = "first"
					}
					if was != nil {
						want["told"] = strings.TrimSpace(want["told"] + " all_resolved")
						want["frozen"], want["due"] = "first", "first"
					}
					for account, story := range want {
						if got := ear.of(account); got != story {
							t.Errorf("%s heard %q of what was %s, want %q", place, got, account, story)
						}
					}
					for _, n := range ear.took {
						if n.Alerts[0].Key.Account.ID == "frozen" && was != nil && !slices.Contains(tried[c.same[place]], n.ID) {
							t.Errorf("%s got %s, which is not what was owed to %s: %q", place, n.ID, c.same[place], tried[c.same[place]])
						}
					}
				}
			})
		})
	}
}

// What was in hand when the configuration changed is noted where it belongs by
// then: that one arrived, that one is down, what is to be told again.
func TestAnAttemptThatEndsAfterAMoveCountsForWhomItWasMade(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		p := newPlaces(w, "one", "two")
		p.alert("1", billwatch.Firing)
		claim := billwatch.Claim{Holder: "a", Integrations: []string{"ops/webhook/0", "ops/webhook/1"}, Limit: 10, Now: p.now, Until: p.now.Add(time.Minute)}
		for _, ear := range p.ears {
			ear.refuses = errors.New("no answer")
		}
		p.pass(2 * time.Second)
		claim.Now = p.now.Add(20 * time.Minute)
		p.now, claim.Until = claim.Now, claim.Now.Add(time.Minute)
		owed, err := p.store.ClaimDeliveries(t.Context(), claim)
		p.must(err)
		if len(owed) != 2 {
			t.Fatalf("%d in hand, want 2", len(owed))
		}
		p.lists("two", "one")
		for _, d := range owed {
			st := billwatch.Settlement{Delivery: d, Outcome: billwatch.Delivered, At: p.now}
			if d.Notification.Integration == "ops/webhook/1" { // two
				st.Outcome, st.Error, st.Forget = billwatch.Failed, "channel_not_found", true
			}
			p.must(p.store.Settle(t.Context(), st))
		}
		rows, err := p.store.Receivers(t.Context(), []string{"ops/webhook/0", "ops/webhook/1"})
		p.must(err)
		if !rows[0].DeliveredAt.IsZero() || rows[1].DeliveredAt.IsZero() {
			t.Errorf("two took one at %s, want never; one at %s, want %s", rows[0].DeliveredAt, rows[1].DeliveredAt, p.now)
		}
		for _, ear := range p.ears {
			ear.refuses = nil
		}
		p.pass(time.Hour)
		p.wants("it was told", "one", "")
		p.wants("it refused, and is told again", "two", "first Low")
	})
}

func TestAGroupInHandIsLookedAtAnewAfterAMove(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		p := newPlaces(w, "one", "two")
		p.alert("1", billwatch.Firing)
		p.now = p.now.Add(time.Minute)
		claim := billwatch.Claim{Holder: "a", Integrations: []string{"ops/webhook/0", "ops/webhook/1"}, Limit: 10, Now: p.now, Until: p.now.Add(time.Hour)}
		groups, err := p.store.ClaimGroups(t.Context(), claim)
		p.must(err)
		if len(groups) != 2 {
			t.Fatalf("%d in hand, want 2", len(groups))
		}
		p.lists("two")
		err = p.store.Freeze(t.Context(), []billwatch.Flush{{Group: groups[0], Drop: groups[0].Members}})
		if err != nil && !errors.Is(err, billwatch.ErrLeaseLost) {
			t.Fatal(err)
		}
		p.pass(2 * time.Second)
		p.wants("its claim is void", "two", "first Low")
	})
}

func TestWhoIsDownIsDownByItsNewNameOnlyWhenItRefusesAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		p := newPlaces(w, "one", "two")
		p.ears["two"].refuses = errRefused
		p.alert("1", billwatch.Firing)
		p.pass(time.Minute)
		p.ears["two"].refuses = nil
		if got := p.moves("ops/webhook/1"); got != "firing" {
			t.Fatalf("that it is down went %q", got)
		}
		p.lists("two")
		p.pass(time.Minute)
		if got := p.moves("ops/webhook/1"); got != "firing resolved" {
			t.Errorf("that it was down went %q", got)
		}
		p.wants("what it refused is told again", "two", "first Low")
	})
}

// Of replicas whose configurations differ, only those tell by the names that
// have the one in force.
func TestWhoHasAnotherConfigurationClaimsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *outboxWorld) {
		p := newPlaces(w, "one", "two")
		p.alert("1", billwatch.Firing)
		p.now = p.now.Add(time.Minute)
		p.must(p.store.Renew(t.Context(), "b", p.now, p.now.Add(time.Hour)))
		_, err := p.store.Carry(t.Context(), billwatch.Carry{Holder: "b", Hash: "other", Now: p.now, Take: true,
			Integrations: map[string]string{"ops/webhook/0": "two"}})
		p.must(err)
		old := billwatch.Claim{Holder: "a", Integrations: []string{"ops/webhook/0", "ops/webhook/1"}, Limit: 10, Now: p.now, Until: p.now.Add(time.Hour)}
		refused, err := p.store.ClaimGroups(t.Context(), old)
		p.must(err)
		if len(refused) > 0 {
			t.Errorf("who has the old one claims %d groups", len(refused))
		}
		claim := billwatch.Claim{Holder: "b", Integrations: []string{"ops/webhook/0"}, Limit: 10, Now: p.now, Until: p.now.Add(time.Hour)}
		groups, err := p.store.ClaimGroups(t.Context(), claim)
		p.must(err)
		if len(groups) != 1 {
			t.Errorf("who has the current one claims %d groups, want 1", len(groups))
		}
	})
}
