package poller_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch/poller"
)

func TestRetryAfterRestsTheSource(t *testing.T) {
	for _, c := range []struct {
		what  string
		err   *poller.Error
		until time.Duration // of the next request
	}{
		{"for as long as it says", &poller.Error{Kind: poller.RateLimited, Status: 429, RetryAfter: 10 * time.Minute}, 10 * time.Minute},
		{"for a while of our own where it says nothing", &poller.Error{Kind: poller.RateLimited, Status: 429}, 30 * time.Second},
		{"also where it is out of order", &poller.Error{Kind: poller.Failed, Status: 503, RetryAfter: 10 * time.Minute}, 10 * time.Minute},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := poller.NewBudget(0, time.Now)
				f := &fake{ids: []string{"a", "b"}, budget: budget, fail: map[string]error{"list": c.err}, heal: 1}
				s := source(f)
				start := time.Now()
				for len(f.asked()) < 4 && time.Since(start) < time.Hour { // the refusal and a whole round
					polls, _ := run(t, s, remembered("a", "b")...)
					if got := outcome(polls); got == "a ok, b ok" {
						break
					}
					<-time.After(5 * time.Second)
				}
				if took := time.Since(start); took < c.until || took > c.until+6*time.Second {
					t.Errorf("the next whole round was after %s, want %s", took, c.until)
				}
			})
		})
	}
}

func TestRepeatedRefusalsRestLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := poller.NewBudget(0, time.Now)
		f := &fake{budget: budget, fail: map[string]error{"list": broken(poller.RateLimited, 429)}}
		s := source(f)
		start, n := time.Now(), 0
		for time.Since(start) < 6*time.Hour {
			run(t, s)
			n += len(f.asked())
			<-time.After(time.Minute)
		}
		if n > 16 {
			t.Errorf("a source that refuses was asked %d times in 6 hours", n)
		}
	})
}

func TestAShortBudgetIsSpentWhereItMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := poller.NewBudget(2, time.Now)
		f := &fake{budget: budget}
		for i := range 40 {
			f.ids = append(f.ids, fmt.Sprintf("%02d", i))
		}
		s := source(f) // 2 a minute for 5 minutes: the list and 9 accounts
		known := remembered(f.ids...)
		known[30].Urgent = true
		read := map[string]int{}
		oldest := time.Duration(0)
		last := map[string]time.Time{}
		start := time.Now()
		for round := range 60 {
			<-time.After(time.Until(start.Add(time.Duration(round) * 5 * time.Minute)))
			polls, _ := run(t, s, known...)
			for _, p := range polls {
				read[p.Account.ID]++
				if at := last[p.Account.ID]; !at.IsZero() {
					oldest = max(oldest, p.At.Sub(at))
				}
				last[p.Account.ID] = p.At
				i := slices.Index(f.ids, p.Account.ID)
				known[i].Last = p.Snapshot
			}
		}
		if len(read) != 40 || read["30"] < 55 {
			t.Errorf("%d accounts were read, the urgent one %d times", len(read), read["30"])
		}
		if oldest > 30*time.Minute+4*time.Minute { // by the begin of a round, which itself takes 4 m
			t.Errorf("a reading got %s old", oldest)
		}
	})
}

func TestAnAccountThatAlwaysFailsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{ids: []string{"a", "b", "c", "d"}, budget: poller.NewBudget(1, time.Now), fail: map[string]error{
			"a": broken(poller.Gone, 404), "b": broken(poller.Gone, 404)}}
		s := source(f)
		s.Timing.Interval = 3 * time.Minute // the list and two accounts
		got := map[string]int{}
		for range 8 {
			polls, _ := run(t, s)
			for _, p := range polls {
				got[p.Account.ID]++
			}
			<-time.After(3 * time.Minute)
		}
		if got["c"] < 3 || got["d"] < 3 {
			t.Errorf("got %v", got)
		}
	})
}
