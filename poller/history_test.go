package poller_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

const day = 24 * time.Hour

// daily is a history of one record a day, the running one included, that is
// late by delay.
func daily(delay time.Duration) func(string, time.Time) []billwatch.Record {
	return func(_ string, since time.Time) []billwatch.Record {
		var records []billwatch.Record
		for at := since.UTC().Truncate(day); !at.Add(delay).After(time.Now()); at = at.Add(day) {
			records = append(records, billwatch.Record{Period: at})
		}
		return records
	}
}

// store remembers what polls say, as the real one does.
type store map[string]*billwatch.Remembered

func (s store) known() (known []billwatch.Remembered) {
	for _, r := range s {
		known = append(known, *r)
	}
	return known
}

func (s store) commit(p billwatch.Poll) {
	r := s[p.Account.ID]
	if r == nil {
		r = &billwatch.Remembered{Account: p.Account}
		s[p.Account.ID] = r
	}
	if p.Snapshot != nil {
		r.Last = p.Snapshot
	}
	if p.HistoryAsked {
		r.HistoryAsked = p.At
	}
	for _, record := range p.Records {
		if record.Period.After(r.HistoryThrough) {
			r.HistoryThrough = record.Period
		}
	}
}

// days runs a source for as many days and returns its requests.
func days(t *testing.T, f *fake, n int) (s store, requests []string) {
	s = store{}
	src := source(f)
	for range n * 288 {
		src.Round(t.Context(), s.known(), s.commit)
		requests = append(requests, f.asked()...)
		<-time.After(5 * time.Minute)
	}
	return s, requests
}

func count(requests []string, what string) int {
	n := 0
	for _, r := range requests {
		if strings.HasSuffix(r, what) {
			n++
		}
	}
	return n
}

func TestRequestsOfAWeek(t *testing.T) {
	for _, c := range []struct {
		what      string
		f         *fake
		histories int // for both accounts
	}{
		{"history is read once at first and once for each new day", &fake{records: daily(0)}, 2 * (1 + 6)},
		{"a record that is late is asked for once an hour", &fake{records: daily(day + 150*time.Minute)}, 2 * 7 * 4},
		{"an account without records is asked once a day", &fake{}, 2 * (1 + 6)},
		{"where there is no endpoint, it is tried once a day", &fake{fail: map[string]error{
			"a/history": broken(poller.NotPermitted, 403), "b/history": broken(poller.Failed, 400)}}, 2 * 7},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // begins at midnight
				c.f.ids = []string{"a", "b"}
				s, requests := days(t, c.f, 7)
				cycles := 7 * 288
				if got := count(requests, "list"); got != cycles {
					t.Errorf("%d listings, want %d", got, cycles)
				}
				if got := count(requests, "a") + count(requests, "b"); got != 2*cycles {
					t.Errorf("%d details, want %d", got, 2*cycles)
				}
				if got := count(requests, "/history"); got != c.histories {
					t.Errorf("%d histories, want %d", got, c.histories)
				}
				if c.f.records != nil && time.Since(s["a"].HistoryThrough) > 3*day {
					t.Errorf("history is stored through %s, now is %s", s["a"].HistoryThrough, time.Now())
				}
			})
		})
	}
}

func TestTheFirstHistoryHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var since []time.Time
		f := &fake{ids: []string{"a", "b"}, slow: time.Second}
		f.records = func(id string, from time.Time) []billwatch.Record {
			since = append(since, from)
			return append(daily(0)(id, from), billwatch.Record{Period: time.Now().Add(40 * day)})
		}
		var polls []billwatch.Poll
		var order []string
		start := time.Now()
		source(f).Round(t.Context(), nil, func(p billwatch.Poll) {
			polls = append(polls, p)
			order = append(order, outcome([]billwatch.Poll{p})+" at "+time.Since(start).String())
		})
		if got := strings.Join(order, ", "); got != "a ok at 2s, b ok at 2s, a ok+90 at 3s, b ok+90 at 4s" &&
			got != "b ok at 2s, a ok at 2s, b ok+90 at 3s, a ok+90 at 4s" {
			t.Errorf("got %s", got)
		}
		if got := time.Since(since[0]); got < 90*day || got > 90*day+time.Minute {
			t.Errorf("asked back %s", got)
		}
		last := polls[len(polls)-1]
		if newest := last.Records[len(last.Records)-1].Period; !newest.Add(day).Equal(time.Now().Truncate(day)) {
			t.Errorf("the newest record is of %s, now is %s: the running day is not over", newest, time.Now())
		}
	})
}

func TestAFailedHistoryLeavesTheSnapshotAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a"}, fail: map[string]error{"a/history": broken(poller.Unreadable, 200)}}
		known := remembered("a")
		known[0].HistoryAsked = time.Time{}
		known[0].HistoryThrough = time.Time{}
		polls, r := run(t, source(f), known...)
		if len(polls) != 1 || polls[0].Snapshot == nil || polls[0].Err != nil || polls[0].HistoryFailed == nil || r.Err != nil {
			t.Errorf("got %+v, %+v", polls, r)
		}
	})
}

func TestHistoryIsPutOffWhereTheBudgetIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{budget: poller.NewBudget(10, time.Now), records: daily(0)}
		for i := range 20 {
			f.ids = append(f.ids, string(rune('a'+i)))
		}
		s := store{}
		src := source(f)
		histories := 0
		for range 40 {
			start := time.Now()
			src.Round(t.Context(), s.known(), s.commit)
			if took := time.Since(start); took > 5*time.Minute {
				t.Errorf("a round took %s", took)
			}
			histories += count(f.asked(), "/history")
			<-time.After(5*time.Minute - time.Since(start))
		}
		if histories != 20 {
			t.Errorf("%d histories, want 20", histories)
		}
	})
}
