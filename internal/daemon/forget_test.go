package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

// gone has an account that is gone, with an alert of its own beside AccountGone.
func gone(t *testing.T, dsn string) *road {
	r := newRoad(t, dsn, lowRule, rules.Options{})
	r.api.lists("a1")
	r.pass(11 * time.Minute)
	r.api.lists("a1", "b2") // an empty listing would be doubted
	r.pass(6 * time.Minute)
	r.api.lists("b2")
	r.pass(20 * time.Minute)
	if told, moved := r.news(); !slices.Contains(moved, "AccountGone a1 firing") || !slices.Contains(told, "first: AccountGone a1 firing") {
		t.Fatalf("a1 is not gone: told %q, moved %q", told, moved)
	}
	return r
}

var a1 = billwatch.AccountKey{Source: "blues", ID: "a1"}

// resolved returns what was told as resolved since the last call.
func (r *road) resolved() (lines []string) {
	for _, n := range r.told {
		for _, a := range n.Alerts {
			if a.State == billwatch.Resolved {
				lines = append(lines, words(a.Key.Rule, a.Key.Account.ID, a.Reason))
			}
		}
	}
	slices.Sort(lines)
	r.told, r.moved = nil, nil
	return lines
}

func (r *road) wantForgotten(when string) {
	r.Helper()
	if got, want := r.resolved(), []string{"AccountGone a1 forgotten", "Low a1 forgotten"}; !slices.Equal(got, want) {
		r.Errorf("%s: told as resolved %q, want %q", when, got, want)
	}
	known, err := r.store.Accounts(r.Context(), "blues")
	r.must(err)
	if slices.ContainsFunc(known, func(k billwatch.Remembered) bool { return k.Account.ID == "a1" }) {
		r.Errorf("%s: a1 is still known", when)
	}
	r.starts() // and nothing of it is left for the next process
	r.pass(25 * time.Hour)
	for _, n := range r.told {
		for _, a := range n.Alerts {
			if a.Key.Account == a1 {
				r.Errorf("%s: told again: %s %s", when, a.Key.Rule, a.State)
			}
		}
	}
	r.news()
}

func TestAnAccountThatIsGoneIsForgottenWhenSomebodyWantsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := gone(t, dsn)
		if err := r.store.ForgetAccount(t.Context(), billwatch.AccountKey{Source: "blues", ID: "b2"}); !errors.Is(err, billwatch.ErrNotGone) {
			t.Errorf("forgetting one that is not gone: %v", err)
		}
		if err := r.store.ForgetAccount(t.Context(), billwatch.AccountKey{Source: "blues", ID: "x"}); !errors.Is(err, billwatch.ErrNoAccount) {
			t.Errorf("forgetting one that is not there: %v", err)
		}
		r.must(r.store.ForgetAccount(t.Context(), a1))
		r.starts() // the process that was asked ended at once
		r.pass(6 * time.Minute)
		r.wantForgotten("asked for")
		r.api.lists("a1", "b2")
		r.pass(6 * time.Minute)
		told, moved := r.news()
		if !slices.Equal(moved, []string{"Low a1 firing"}) || !slices.ContainsFunc(told, func(line string) bool { return strings.HasSuffix(line, "Low a1 firing") }) {
			t.Errorf("when it returns it is not new: told %q, moved %q", told, moved)
		}
	})
}

func TestAnAccountThatIsGoneForLongIsForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := gone(t, dsn)
		plan := r.d.plan()
		plan.ForgetAfter = 7 * 24 * time.Hour
		r.d.plans.adopt(plan)
		r.pass(7*24*time.Hour - time.Hour)
		if got := r.resolved(); len(got) > 0 {
			t.Errorf("before its time: told as resolved %q", got)
		}
		r.pass(2 * time.Hour)
		r.wantForgotten("after a week")
	})
}

func TestAnAccountThatIsBackIsNotForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := gone(t, dsn)
		r.must(r.store.ForgetAccount(t.Context(), a1))
		r.api.lists("a1", "b2")
		r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
		slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
		_, err := r.rounds.poll(t.Context(), r.source, slot)
		r.must(err)
		r.pass(6 * time.Minute)
		if got, want := r.resolved(), []string{"AccountGone a1 condition no longer holds"}; !slices.Equal(got, want) {
			t.Errorf("told as resolved %q, want %q", got, want)
		}
		r.api.lists("b2")
		r.pass(20 * time.Minute)
		if _, moved := r.news(); !slices.Equal(moved, []string{"AccountGone a1 firing"}) {
			t.Errorf("when it is gone again, nobody having asked: moved %q", moved)
		}
	})
}

func TestADeletedAccountStaysForgottenWhileItIsListed(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{})
		r.api.lists("a1", "b2")
		r.pass(11 * time.Minute)
		r.api.deleted["a1"] = r.d.Clock.Now()
		r.pass(6 * time.Minute)
		r.news()
		r.must(r.store.ForgetAccount(t.Context(), a1))
		r.pass(6 * time.Minute)
		if got, want := r.resolved(), []string{"AccountGone a1 forgotten", "Low a1 forgotten"}; !slices.Equal(got, want) {
			t.Errorf("told as resolved %q, want %q", got, want)
		}
		r.starts()
		r.pass(25 * time.Hour)
		if _, moved := r.news(); len(moved) > 0 {
			t.Errorf("while it is listed as deleted: moved %q", moved)
		}
		if err := r.store.ForgetAccount(t.Context(), a1); !errors.Is(err, billwatch.ErrNoAccount) {
			t.Errorf("forgetting it again: %v", err)
		}
		delete(r.api.deleted, "a1")
		r.pass(6 * time.Minute)
		if _, moved := r.news(); !slices.Equal(moved, []string{"Low a1 firing"}) {
			t.Errorf("when it is there again: moved %q", moved)
		}
	})
}
