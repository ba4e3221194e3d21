package poller_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/billwatch/billwatch/poller"
	"pgregory.net/rapid"
)

func TestSlotsFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timing := poller.Timing{Interval: time.Duration(rapid.IntRange(1, 100_000).Draw(t, "interval")) * time.Second}
		name := rapid.String().Draw(t, "source")
		now := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "now"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		slot, next := timing.Slot(name, now)
		if begin := time.Unix(slot, 0); begin.After(now) || !next.After(now) || !next.Equal(begin.Add(timing.Interval)) {
			t.Fatalf("now %s lies in the slot from %s to %s", now, begin, next)
		}
		if following, _ := timing.Slot(name, next); following <= slot {
			t.Fatalf("slot %d is followed by %d", slot, following)
		}
		if before, _ := timing.Slot(name, next.Add(-1)); before != slot {
			t.Fatalf("slot %d ends early", slot)
		}
	})
}

func TestSlotsGrowWhateverTheIntervalWasBefore(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	cron, err := poller.ParseCron("CRON_TZ=Pacific/Kiritimati */10 3 * * *")
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []poller.Timing{{Interval: time.Second}, {Interval: time.Hour}, {Cron: cron}} {
		old, _ := before.Slot("blues", now)
		for _, after := range []poller.Timing{{Interval: time.Second}, {Interval: 24 * time.Hour}} {
			if slot, _ := after.Slot("blues", now.Add(24*time.Hour)); slot <= old {
				t.Errorf("slot %d is followed by %d", old, slot)
			}
		}
	}
}

func TestSourcesAreSpreadAlwaysTheSameWay(t *testing.T) {
	timing := poller.Timing{Interval: 5 * time.Minute}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	begins := map[int64]int{}
	for i := range 300 {
		_, next := timing.Slot(fmt.Sprint("source-", i), now)
		begins[next.Unix()/30]++ // ten parts of the interval
	}
	for part, n := range begins {
		if n < 12 || n > 60 {
			t.Errorf("%d of 300 sources begin in part %d", n, part)
		}
	}
	if slot, next := timing.Slot("blues", now); slot != 1795514397-1795514397%300+(slot%300) || next.Unix()-slot != 300 {
		t.Errorf("got %d, %s", slot, next)
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct{ text, now, begin, next string }{
		{"*/10 * * * *", "2026-11-24T10:05:00Z", "2026-11-24T10:00:00Z", "2026-11-24T10:10:00Z"},
		{"*/10 * * * *", "2026-11-24T10:10:00Z", "2026-11-24T10:10:00Z", "2026-11-24T10:20:00Z"},
		{"@daily", "2026-11-24T10:05:00Z", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"},
		{"0 0 29 2 *", "2026-11-24T10:05:00Z", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"CRON_TZ=Europe/Berlin 30 9 * * 1-5", "2026-11-24T10:05:00Z", "2026-11-24T08:30:00Z", "2026-11-25T08:30:00Z"},
		{"CRON_TZ=Europe/Berlin */15 * * * *", "2026-10-25T01:07:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:15:00Z"},
	} {
		cron, err := poller.ParseCron(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		now, _ := time.Parse(time.RFC3339, c.now)
		slot, next := poller.Timing{Cron: cron}.Slot("blues", now)
		if begin := time.Unix(slot, 0).UTC().Format(time.RFC3339); begin != c.begin || next.Format(time.RFC3339) != c.next {
			t.Errorf("%s at %s: got %s, %s, want %s, %s", c.text, c.now, begin, next.Format(time.RFC3339), c.begin, c.next)
		}
	}
	for text, says := range map[string]string{
		"": "five fields", "@every 5m": "five fields", "TZ=UTC * * * * *": "five fields", "CRON_TZ=UTC": "five fields",
		"CRON_TZ=Nowhere/Land * * * * *": "not known", "CRON_TZ= * * * * *": "not known", "* * * *": "expected exactly 5",
		"61 * * * *": "above maximum", "0 0 30 2 *": "never due", "* * * * * *": "expected exactly 5", "TZ=0": "five fields",
	} {
		if _, err := poller.ParseCron(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", text, err, says)
		}
	}
}

// TestADailySlotBeginsOnceADay walks through a year, and closely through its
// clock changes, as knocks would.
func TestADailySlotBeginsOnceADay(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, fields := range []string{"30 2 * * *", "0 2 * * *", "15 1 * * *", "45 1 * * *", "0 0 * * *", "5 3 * * *"} {
			cron, err := poller.ParseCron("CRON_TZ=" + zone + " " + fields)
			if err != nil {
				t.Fatal(err)
			}
			timing, taken, polls := poller.Timing{Cron: cron}, int64(0), map[string]int{}
			start := time.Date(2026, 1, 1, 12, 0, 0, 0, location)
			for now := start; now.Before(start.AddDate(1, 0, 0)); now = now.Add(stride(now)) {
				slot, next := timing.Slot("blues", now)
				if !next.After(now) {
					t.Fatalf("%s %s: at %s, next is %s", zone, fields, now, next)
				}
				if slot > taken {
					if taken > 0 {
						polls[now.In(location).Format(time.DateOnly)]++
					}
					taken = slot
				}
			}
			if len(polls) != 365 {
				t.Errorf("%s %s: %d days with a poll, want 365", zone, fields, len(polls))
			}
			for day, n := range polls {
				if n != 1 {
					t.Errorf("%s %s: %d polls on %s", zone, fields, n, day)
				}
			}
		}
	}
}

// stride is short around a change of clocks, else three hours.
func stride(now time.Time) time.Duration {
	_, before := now.Add(-day).Zone()
	_, after := now.Add(day).Zone()
	if before != after {
		return 5 * time.Minute
	}
	return 3 * time.Hour
}

// knocks counts who was knocked at.
type knocks struct {
	mu    sync.Mutex
	slots map[string][]int64
	now   func() time.Time
}

func (k *knocks) take(s *poller.Source) (fresh bool) {
	slot, _ := s.Timing.Slot(s.Name, k.now())
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.slots[s.Name]
	if len(taken) > 0 && slot <= taken[len(taken)-1] {
		return false
	}
	k.slots[s.Name] = append(taken, slot)
	return true
}

func schedule(t *testing.T, lasts time.Duration, s *poller.Scheduler) {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestNoSlotOfADayIsSkipped(t *testing.T) {
	cron, err := poller.ParseCron("0 */6 * * *")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		k := &knocks{slots: map[string][]int64{}, now: time.Now}
		n := 0
		schedule(t, 24*time.Hour-time.Second, &poller.Scheduler{
			Sources: []*poller.Source{
				{Name: "five", Timing: poller.Timing{Interval: 5 * time.Minute}},
				{Name: "hour", Timing: poller.Timing{Interval: time.Hour}},
				{Name: "cron", Timing: poller.Timing{Cron: cron}},
			},
			Now: time.Now,
			Knock: func(_ context.Context, s *poller.Source) {
				n++
				if k.take(s) {
					<-time.After(20 * time.Second)
				}
			},
		})
		for name, want := range map[string]int{"five": 289, "hour": 25, "cron": 4} { // the running slot at first
			if got := len(k.slots[name]); got < want-1 || got > want {
				t.Errorf("%s: %d slots were taken, want %d", name, got, want)
			}
		}
		if n > 289+2*145+10 {
			t.Errorf("%d knocks in a day", n)
		}
	})
}

func TestALongPollIsNotOverlappedNorMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, polls := 0, 0
		schedule(t, time.Hour, &poller.Scheduler{
			Sources: []*poller.Source{{Name: "slow", Timing: poller.Timing{Interval: time.Minute}}},
			Now:     time.Now,
			Knock: func(ctx context.Context, _ *poller.Source) {
				if running++; running > 1 {
					t.Error("two polls at once")
				}
				polls++
				select {
				case <-time.After(150 * time.Second):
				case <-ctx.Done():
				}
				running--
			},
		})
		if polls < 19 || polls > 24 {
			t.Errorf("%d polls of two and a half minutes in an hour", polls)
		}
	})
}

func TestAPanicEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		schedule(t, 10*time.Minute, &poller.Scheduler{
			Sources: []*poller.Source{{Name: "odd", Timing: poller.Timing{Interval: time.Minute}}},
			Now:     time.Now,
			Knock:   func(context.Context, *poller.Source) { n++; panic("odd") },
		})
		if n < 9 {
			t.Errorf("knocked %d times in ten minutes", n)
		}
	})
}

func TestAFastClockIsKeptUpWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time { return start.Add(600 * time.Since(start)) }
		k := &knocks{slots: map[string][]int64{}, now: now}
		schedule(t, 30*time.Second, &poller.Scheduler{
			Sources: []*poller.Source{{Name: "demo", Timing: poller.Timing{Interval: 5 * time.Minute}}},
			Now:     now, Speed: 600,
			Knock: func(_ context.Context, s *poller.Source) { k.take(s) },
		})
		if got := len(k.slots["demo"]); got < 58 || got > 61 {
			t.Errorf("%d slots of five minutes in five hours", got)
		}
	})
}

func TestTheEndInterruptsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		schedule(t, time.Minute, &poller.Scheduler{
			Sources: []*poller.Source{{Name: "slow", Timing: poller.Timing{Interval: time.Hour}}},
			Now:     time.Now,
			Knock: func(ctx context.Context, _ *poller.Source) {
				<-ctx.Done()
				<-time.After(5 * time.Second) // a transaction in hand
				ended = true
			},
		})
		if !ended {
			t.Error("Run returned before the knock did")
		}
	})
}
