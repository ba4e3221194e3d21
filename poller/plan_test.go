package poller_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// TestWhatIsSaidOfAShortBudgetIsTrue polls a fleet for a day and compares how
// often each account was read with the sentence.
func TestWhatIsSaidOfAShortBudgetIsTrue(t *testing.T) {
	for _, c := range []struct {
		what     string
		accounts int
		limit    int
		interval time.Duration
		urgent   int
		says     string
	}{
		{"a budget that is enough says nothing", 30, 7, 5 * time.Minute, 2, ""},
		{"twice as many accounts as fit", 60, 7, 5 * time.Minute, 0, "needs 13 requests a minute, has 7: every account once in 10m"},
		{"the urgent ones leave less for the others", 60, 7, 5 * time.Minute, 20, "needs 13 requests a minute, has 7: every account once in 30m"},
		{"more urgent ones than fit", 60, 7, 5 * time.Minute, 40, "needs 13 requests a minute, has 7: every account once in 30m"},
		{"so many that all are stretched evenly", 200, 7, 5 * time.Minute, 10, "needs 41 requests a minute, has 7: every account once in 35m"},
		{"so few requests that a round takes several intervals", 5, 1, time.Minute, 0, "needs 8 requests a minute, has 1: every account once in 20m"},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // begins at midnight
				w := newFleet(c.accounts, c.limit, c.interval)
				for i := range c.urgent {
					w.known[w.ids[i]].Urgent = true
				}
				w.poll(t, 26*time.Hour)
				said := c.interval
				if w.said != c.says {
					t.Fatalf("says %q, want %q", w.said, c.says)
				}
				if _, text, short := strings.Cut(w.said, "once in "); short {
					said, _ = time.ParseDuration(text)
				}
				// From the begin of a round to the end of one.
				if got := w.oldest(w.ids[c.urgent:]); got > said+max(w.longest, c.interval) {
					t.Errorf("an account was not read for %s", got)
				}
				if planned := w.source.Planned(c.accounts); planned < said {
					t.Errorf("planned is %s, it says %s", planned, said)
				}
				if n := c.urgent; n > 0 && n < 25 && c.accounts < 100 {
					if got := w.reads(w.ids[:n]); got < 0.9*float64(24*time.Hour/c.interval) {
						t.Errorf("urgent ones were read %.0f times a day, want each time", got)
					}
				}
			})
		})
	}
}

// herd is a source with a provider and what the store knows of it.
type herd struct {
	*fake
	source  *poller.Source
	known   store
	said    string
	longest time.Duration // that a round took
	times   map[string][]time.Time
	began   time.Time
}

func newFleet(accounts, limit int, interval time.Duration) *herd {
	w := &herd{fake: &fake{budget: poller.NewBudget(limit, time.Now), records: daily(0)}, known: store{}, times: map[string][]time.Time{}}
	for i := range accounts {
		id := fmt.Sprintf("%03d", i)
		w.ids = append(w.ids, id)
		w.known[id] = &billwatch.Remembered{Account: billwatch.Account{Source: "blues", ID: id}}
	}
	w.source = source(w.fake)
	w.source.Timing.Interval = interval
	w.began = time.Now()
	return w
}

// poll makes the rounds of a span of time, one in each slot that begins while
// no other is on its way.
func (w *herd) poll(t *testing.T, span time.Duration) {
	t.Helper()
	last := int64(0)
	for time.Since(w.began) < span {
		slot, next := w.source.Timing.Slot("blues", time.Now())
		if slot == last {
			<-time.After(time.Until(next))
			continue
		}
		last = slot
		began := time.Now()
		round := w.source.Round(t.Context(), w.known.known(), func(p billwatch.Poll) {
			w.known.commit(p)
			if n := len(w.times[p.Account.ID]); p.Err == nil && (n == 0 || !w.times[p.Account.ID][n-1].Equal(p.At)) {
				w.times[p.Account.ID] = append(w.times[p.Account.ID], p.At)
			}
		})
		w.said = round.Shortage
		w.longest = max(w.longest, time.Since(began))
	}
}

// oldest returns the longest that one of the accounts was not read for, from
// two hours on.
func (w *herd) oldest(ids []string) time.Duration {
	longest := time.Duration(0)
	for _, id := range ids {
		last := w.began.Add(2 * time.Hour)
		for _, at := range append(w.times[id], time.Now()) {
			if at.After(last) {
				longest = max(longest, at.Sub(last))
				last = at
			}
		}
	}
	return longest
}

// reads returns how often the accounts were read a day.
func (w *herd) reads(ids []string) float64 {
	n := 0
	for _, id := range ids {
		n += len(w.times[id])
	}
	return float64(n) / float64(len(ids)) / time.Since(w.began).Hours() * 24
}

func TestTheNearestToTroubleIsReadMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFleet(80, 7, 5*time.Minute)
		w.known["070"].Urgent = true
		w.known["071"].Runway = 0.5
		for i := range 8 {
			w.known[fmt.Sprintf("01%d", i)].Runway = 9
		}
		w.poll(t, 24*time.Hour)
		for id, least := range map[string]float64{"070": 280, "071": 280, "010": 200, "050": 45} {
			if got := w.reads([]string{id}); got < least || id == "050" && got > 200 {
				t.Errorf("%s was read %.0f times a day, want at least %.0f", id, got, least)
			}
		}
	})
}

func TestAListingThatTellsAllIsNeverRationed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &rows{fake: &fake{budget: poller.NewBudget(2, time.Now)}}
		for i := range 50 {
			f.ids = append(f.ids, fmt.Sprint(i))
		}
		s := source(f.fake)
		s.Provider = f
		polls, r := run(t, s)
		if len(polls) != 50 || r.Shortage != "" {
			t.Errorf("%d of 50 accounts were emitted, %q", len(polls), r.Shortage)
		}
		if got := s.Planned(50); got != 5*time.Minute {
			t.Errorf("planned is %s, want an interval", got)
		}
		for _, p := range polls {
			if !p.Derive {
				t.Fatalf("the history of %s is not derived, though there is no other", p.Account.ID)
			}
		}
	})
}

// rows is a provider whose listing carries the snapshots, and has no history.
type rows struct{ *fake }

func (r *rows) List(ctx context.Context) (poller.Listing, error) {
	l, err := r.fake.List(ctx)
	for i := range l.Rows {
		l.Rows[i].Snapshot = &billwatch.Snapshot{Account: l.Rows[i].Account}
	}
	return l, err
}

// History is another than a Historian's.
func (r *rows) History() {}

func TestAProcessThatIsKilledAllTheTimeReadsEveryAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{slow: 400 * time.Millisecond, fail: map[string]error{}, records: daily(0)}
		known := store{}
		for i := range 40 {
			id := fmt.Sprintf("%02d", i)
			f.ids = append(f.ids, id)
			if i < 25 { // these never answer well, and so nothing says when they were asked
				f.fail[id] = broken(poller.Gone, 404)
			}
		}
		asked := map[string]bool{}
		for range 150 { // for five minutes, every 2 s: time for the listing and 16 accounts
			s := source(f)
			s.Log = slog.New(slog.DiscardHandler)
			killed, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			s.Round(killed, known.known(), known.commit)
			cancel()
			for _, what := range f.asked() {
				asked[what] = true
			}
		}
		for _, id := range f.ids {
			if !asked[id] {
				t.Errorf("%s was never asked for", id)
			}
		}
	})
}

func TestAPauseAndEmptyListingsOutliveTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a"}, budget: poller.NewBudget(0, time.Now), heal: 1,
			fail: map[string]error{"list": &poller.Error{Kind: poller.RateLimited, Status: 429, RetryAfter: 20 * time.Minute}}}
		_, round := run(t, source(f), remembered("a")...)
		if rest := time.Until(round.PausedUntil); rest != 20*time.Minute {
			t.Fatalf("the source rests for %s", rest)
		}
		next := func(slot billwatch.Slot) (*fake, *poller.Source) {
			f := &fake{ids: []string{"a"}, budget: poller.NewBudget(0, time.Now)}
			s := source(f)
			s.Resume(slot, nil)
			return f, s
		}
		f, s := next(billwatch.Slot{PausedUntil: round.PausedUntil})
		run(t, s, remembered("a")...)
		if got := f.asked(); len(got) > 0 {
			t.Errorf("asked for %v while the source rests", got)
		}
		<-time.After(20 * time.Minute)
		if polls, _ := run(t, s, remembered("a")...); outcome(polls) != "a ok" {
			t.Errorf("after the pause: %s", outcome(polls))
		}
		_, s = next(billwatch.Slot{PausedUntil: time.Now().Add(300 * time.Hour)}) // by a clock that went wrong
		<-time.After(time.Hour)
		if polls, _ := run(t, s, remembered("a")...); outcome(polls) != "a ok" {
			t.Errorf("an hour after a pause of 300 hours: %s", outcome(polls))
		}
		f, s = next(billwatch.Slot{EmptyListings: 1})
		f.ids = nil
		if _, round = run(t, s, remembered("a")...); round.EmptyListings != 2 || round.Err == nil {
			t.Errorf("second empty listing: counts as %d, %v", round.EmptyListings, round.Err)
		}
		_, s = next(billwatch.Slot{EmptyListings: round.EmptyListings})
		s.Provider.(*fake).ids = nil
		if _, round = run(t, s, remembered("a")...); round.Err != nil || !round.Complete {
			t.Errorf("the third empty listing in a row is not believed: %v", round.Err)
		}
	})
}

func TestABudgetOfWhichNobodyKnowsIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a"}, budget: poller.NewBudget(5, time.Now)}
		s := source(f)
		s.Resume(billwatch.Slot{BrokenOff: time.Now().Add(-20 * time.Second)}, nil)
		began := time.Now()
		run(t, s, remembered("a")...)
		if took := time.Since(began).Round(time.Second); took != 40*time.Second {
			t.Errorf("waited %s after a round that was broken off 20 s ago, want until a minute is over", took)
		}
	})
}

func TestARoundEndsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a", "b", "c", "d"}, budget: poller.NewBudget(100, time.Now), slow: 10 * time.Second}
		s := source(f)
		s.Concurrency = 1
		lost := time.Now().Add(25 * time.Second)
		s.Held = func() error {
			if time.Now().Before(lost) {
				return nil
			}
			return billwatch.ErrLeaseLost
		}
		polls, round := run(t, s, remembered("a", "b", "c", "d")...)
		if got := f.asked(); len(got) != 3 {
			t.Errorf("asked for %v, want nothing after the lease", got)
		}
		if len(polls) != 2 || slices.ContainsFunc(polls, func(p billwatch.Poll) bool { return p.Err != nil }) {
			t.Errorf("got %s: of the others nothing is known", outcome(polls))
		}
		if round.Err == nil || round.Err.Error() != billwatch.ErrLeaseLost.Error() {
			t.Errorf("the round ended with %v", round.Err)
		}
	})
}

func TestAPauseIsPassedOnBeforeTheRoundEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a", "b"}, budget: poller.NewBudget(0, time.Now), heal: 1,
			fail: map[string]error{"a": &poller.Error{Kind: poller.RateLimited, Status: 429, RetryAfter: 40 * time.Second}}}
		s := source(f)
		var passed []string
		began := time.Now()
		s.Resume(billwatch.Slot{}, func(until time.Time) {
			passed = append(passed, fmt.Sprint(time.Since(began), " until ", until.Sub(began)))
		})
		polls, _ := run(t, s, remembered("a", "b")...)
		if got := strings.Join(passed, ", "); got != "0s until 40s" || outcome(polls) != "a ok, b ok" {
			t.Errorf("passed on %q, then %s; want the pause at once, and both after it", got, outcome(polls))
		}
	})
}
