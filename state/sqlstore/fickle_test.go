package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// The moods of a receiver. One that is silent took the message.
const (
	well      = "ok"
	refuses   = "refused"
	silent    = "ambiguous"
	permanent = "permanent"
)

// try is one attempt, as the receiver saw it.
type try struct {
	billwatch.Notification
	mood   string
	killed bool // the sender was, before it could store the answer
}

// fickle is a receiver that answers by its moods, in turn, and keeps what came.
type fickle struct {
	moods []string
	tries []try
	dying bool // who sends will not live to store the answer
}

// Notify implements notify.Notifier.
func (f *fickle) Notify(_ context.Context, n billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	mood := f.moods[len(f.tries)%len(f.moods)]
	f.tries = append(f.tries, try{Notification: n, mood: mood, killed: f.dying})
	switch mood {
	case refuses:
		return billwatch.Receipt{}, notify.Refused(errors.New("503"))
	case silent:
		return billwatch.Receipt{}, errors.New("connection reset")
	case permanent:
		return billwatch.Receipt{}, notify.Permanent(errors.New("channel_not_found"))
	}
	return billwatch.Receipt{Answer: "ok"}, nil
}

// step is one alert's life: when it began, and whether it is over.
type step struct {
	began time.Time
	over  bool
}

// chance is a road to one fickle receiver, on a store that may be opened anew.
type chance struct {
	*rapid.T
	file   string
	road   *road
	ear    *fickle
	alerts map[string]step
}

const toFickle = "ops/webhook/0"

// opened opens the store, and a dispatcher on it, as a process that starts does.
func (c *chance) opened(t *testing.T) {
	store, err := sqlstore.Open(c.Context(), sqlstore.Config{DSN: "sqlite:" + c.file, Volatile: true})
	c.may(err)
	c.road.store = store
	c.road.open("", "ops", map[string][]notify.Integration{"ops": {{Name: toFickle, Receiver: "ops", Type: "webhook", SendResolved: true,
		RetryFor: 10_000 * time.Hour, Notifier: c.ear}}})
	c.road.T = t
}

func (c *chance) may(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// flips lets an alert begin, or end. Its group is its first letter.
func (c *chance) flips(name string) {
	r := c.road
	labels := billwatch.Labels{"alertname": "Low", "source": "blues", "account": name, "site": name[:1]}
	was, found := c.alerts[name]
	a := billwatch.Alert{
		Key:   billwatch.AlertKey{Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: name}},
		State: billwatch.Firing, StartsAt: r.now, Labels: labels, Fingerprint: labels.Fingerprint(),
	}
	from := billwatch.Inactive
	if found && !was.over {
		from, a.State, a.StartsAt, a.EndsAt = billwatch.Firing, billwatch.Resolved, was.began, r.now
	}
	c.may(r.store.Commit(c.Context(), billwatch.Batch{
		Lease: r.lease, Now: r.now, Alerts: []billwatch.Alert{a},
		Transitions: []billwatch.Transition{{Alert: a, From: from, To: a.State, At: r.now}}, Due: r.router.Due(a, r.now),
	}))
	c.alerts[name] = step{began: a.StartsAt, over: a.State == billwatch.Resolved}
	r.now = r.now.Add(time.Millisecond)
}

// dies is a process that is killed between its attempts and their marks.
func (c *chance) dies(t *testing.T) {
	claimed, err := c.road.store.ClaimDeliveries(c.Context(), billwatch.Claim{
		Holder: "a", Integrations: []string{toFickle}, Limit: 10, Now: c.road.now, Until: c.road.now.Add(30 * time.Second),
	})
	c.may(err)
	c.ear.dying = true
	for _, d := range claimed {
		_, _ = c.ear.Notify(c.Context(), d.Notification, d.Prior) // nobody is left to hear the answer
	}
	c.ear.dying = false
	c.again(t)
}

func (c *chance) again(t *testing.T) {
	c.may(c.road.store.Close())
	c.opened(t)
}

// pass is the road's, without its test: a failure here is to be made small.
func (c *chance) pass(d time.Duration) {
	r := c.road
	for end := r.now.Add(d); ; {
		next, err := r.dispatcher.Step(c.Context())
		c.may(err)
		if next.IsZero() || next.After(end) {
			r.now = end
			return
		}
		r.now = latestOf(r.now.Add(time.Millisecond), next)
	}
}

func TestWhateverHappensAReceiverIsToldTheWholeStoryInOrder(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.db")
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + empty})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	w := &outboxWorld{T: t, store: store, now: now}
	w.must(store.Renew(t.Context(), "a", now, now.Add(100_000*time.Hour)))
	slot, err := store.ClaimSlot(t.Context(), billwatch.SlotClaim{Source: "blues", Holder: "a", Slot: 1, Now: now})
	w.must(err)
	w.must(store.Close())
	schema, err := os.ReadFile(empty)
	w.must(err)

	dir, began, stories, failed := t.TempDir(), time.Now(), 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if time.Since(began) > longestStories && stories >= fewest && !failed {
			return // a busy machine tells fewer
		}
		stories++
		c := &chance{
			T: rt, file: filepath.Join(dir, fmt.Sprintf("%d.db", stories)), ear: &fickle{moods: []string{well}}, alerts: map[string]step{},
			road: &road{outboxWorld: &outboxWorld{T: t, now: now, lease: slot.Lease}, groupBy: []string{"site"}},
		}
		c.may(os.WriteFile(c.file, schema, 0o600))
		c.opened(t)
		defer func() {
			failed = failed || rt.Failed() // it is told again, to make it small
			c.may(c.road.store.Close())
		}()
		c.lives(t)
		c.ear.moods = []string{well}
		c.pass(2 * time.Hour)
		c.judge()
	})
	t.Logf("%d stories", stories)
}

// A test tells stories for so long, and some in any case.
const (
	longestStories = 4 * time.Second
	fewest         = 10
)

// lives plays a story.
func (c *chance) lives(t *testing.T) {
	names := rapid.SampledFrom([]string{"a1", "a2", "b1"})
	moods := rapid.SliceOfN(rapid.SampledFrom([]string{well, refuses, refuses, silent, well, refuses, silent, permanent}), 1, 2)
	seconds := rapid.SampledFrom([]int{61, 61, 1, 2, 61, 90, 300, 1300})
	what := rapid.SampledFrom([]string{"", "", "", "again", "dies"})
	for range rapid.IntRange(3, 12).Draw(c.T, "steps") {
		for _, name := range rapid.SliceOfN(names, 0, 2).Draw(c.T, "flips") {
			c.flips(name)
		}
		c.ear.moods = moods.Draw(c.T, "moods")
		c.pass(time.Duration(seconds.Draw(c.T, "seconds")) * time.Second)
		switch what.Draw(c.T, "what") {
		case "again":
			c.again(t)
		case "dies":
			c.dies(t)
		}
	}
}

// judge looks at nothing but what the receiver saw, and what was so.
func (c *chance) judge() {
	byID := map[string][]try{}
	newest := map[string]string{} // id by group
	var first []try
	for _, a := range c.ear.tries {
		if byID[a.ID] == nil {
			first, newest[a.GroupKey] = append(first, a), a.ID
		} else if newest[a.GroupKey] != a.ID {
			c.Errorf("%s came again after the newer %s of its group", a.ID, newest[a.GroupKey])
		}
		byID[a.ID] = append(byID[a.ID], a)
	}
	for i, a := range first {
		c.judgeEnd(a, byID[a.ID], first[i+1:])
	}
	c.judgeStory()
}

// judgeEnd wants a message to have ended well: taken, refused for good, or, where
// it certainly was not taken, in a newer one.
func (c *chance) judgeEnd(a try, tries []try, later []try) {
	ended, perhaps := false, false
	for _, each := range tries {
		if ended {
			c.Errorf("%s came again, although its end was stored", a.ID)
		}
		ended = !each.killed && (each.mood == well || each.mood == permanent)
		perhaps = perhaps || each.killed || each.mood == silent
	}
	switch {
	case ended:
	case perhaps:
		c.Errorf("%s may have been told, and never came again: %v", a.ID, moods(tries))
	default:
		c.replaced(a, later)
	}
}

// replaced wants the next message of the group to list all that this one did.
func (c *chance) replaced(old try, later []try) {
	for _, n := range later {
		if n.GroupKey != old.GroupKey {
			continue
		}
		for _, a := range old.Alerts {
			listed := false
			for _, b := range n.Alerts {
				listed = listed || b.Fingerprint == a.Fingerprint && !b.StartsAt.Before(a.StartsAt)
			}
			if !listed {
				c.Errorf("%s took the place of %s and leaves out %s", n.ID, old.ID, a.Key.Account.ID)
			}
		}
		return
	}
	c.Errorf("%s was refused, and neither came again nor was replaced", old.ID)
}

// judgeStory wants the receiver to know in the end what is so of each alert. What
// it refused for good counts as known, and what begins anew before its end could
// be told goes on, to who hears of it.
func (c *chance) judgeStory() {
	known := map[string]step{}
	for _, a := range c.ear.tries {
		if a.mood == refuses {
			continue
		}
		for _, alert := range a.Alerts {
			name, now := alert.Key.Account.ID, step{alert.StartsAt, alert.State == billwatch.Resolved}
			was := known[name]
			if now.began.Before(was.began) || now.began.Equal(was.began) && was.over && !now.over {
				c.Errorf("%s tells of %s what was so before", a.ID, name)
			}
			if now.over && alert.EndsAt.Before(alert.StartsAt) {
				c.Errorf("%s: %s ends before it begins", a.ID, name)
			}
			known[name] = now
		}
	}
	for name, is := range c.alerts {
		if was, told := known[name]; told && was.over != is.over || !told && !is.over {
			c.Errorf("in the end %s is %+v, and was told as %+v (told: %t)", name, is, was, told)
		}
	}
}

func moods(tries []try) (all []string) {
	for _, a := range tries {
		all = append(all, fmt.Sprintf("%s killed:%t", a.mood, a.killed))
	}
	return all
}
