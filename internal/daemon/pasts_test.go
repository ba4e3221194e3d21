package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules/forecast"
	"github.com/billwatch/billwatch/state/sqlstore"
)

var midnight = noon.Truncate(oneDay)

// story is what polls of a past bring: when, what is left, and the use of days.
func story(p Past) []string {
	var lines []string
	for _, poll := range p.Polls {
		balance, _ := poll.Snapshot.Balance.Get()
		line := fmt.Sprintf("day %g: %s left", poll.At.Sub(midnight).Hours()/24, balance)
		for _, r := range poll.Records {
			line += fmt.Sprintf(", day %g used %s", r.Period.Sub(midnight).Hours()/24, r.Used)
		}
		lines = append(lines, line)
	}
	return lines
}

func wantStory(t *testing.T, p Past, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, story(p)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestARecordIsKnownWhenItsPeriodHasEnded(t *testing.T) {
	records := used(1000, 10, 20, 30)
	records[2].Period = midnight.Add(3 * oneDay) // a day is missing before it
	wantStory(t, FromRecords(billwatch.Snapshot{Account: acme}, records),
		"day 1: 990 left, day 0 used 10", "day 2: 970 left, day 1 used 20", "day 5: 940 left, day 3 used 30")
}

func TestReadingsShareTheUseOfDaysWithoutOne(t *testing.T) {
	p, err := FromReadings(billwatch.Snapshot{Account: acme}, []forecast.Reading{
		{Day: midnight, Remaining: 1000, Total: 500}, {Day: midnight.Add(oneDay), Remaining: 990, Total: 510},
		{Day: midnight.Add(4 * oneDay), Remaining: 930, Total: 570},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantStory(t, p, "day 1: 1000 left", "day 2: 990 left, day 1 used 10",
		"day 5: 930 left, day 2 used 20, day 3 used 20, day 4 used 20")
}

func TestStoredSnapshotsTellARecordOnlyOnceItsPeriodIsOver(t *testing.T) {
	at := func(days float64) time.Time { return midnight.Add(time.Duration(days * float64(oneDay))) }
	seen := []sqlstore.Seen{
		{Snapshot: billwatch.Snapshot{Account: acme, At: at(0.5), Balance: billwatch.Known(billwatch.DecimalOf(90))}, SeenAt: at(1.5)},
		{Snapshot: billwatch.Snapshot{Account: acme, At: at(2), Balance: billwatch.Known(billwatch.DecimalOf(70))}, SeenAt: at(2)},
	}
	wantStory(t, FromSnapshots(seen, used(100, 10, 20), oneDay/2),
		"day 0.5: 90 left", "day 1: 90 left, day 0 used 10", "day 1.5: 90 left", "day 2: 70 left, day 1 used 20")
}

func TestABacktestCountsWhatMatters(t *testing.T) {
	const often = "rules: [{ alert: Often, expr: 'used(\"1d\") > 100' }]"
	for _, c := range []struct {
		name, rules string
		records     []billwatch.Record
		fired       int
		flaps       int
		lead        time.Duration // -1 for none
	}{
		{"what is used after a top-up is not the burn before it", lowRule, used(1090, 100, 200, 200, -1000, 500, 1, 1), 1, 0, oneDay * 6425 / 1000},
		{"empty from the beginning", lowRule, used(0, 0, 0), 1, 0, 0},
		{"low, and nothing is used any more", lowRule, used(990, 0, 0, 0), 1, 0, -1},
		{"again, and a top-up only afterwards, is a flap", often, used(9000, 50, 150, 50, 150, 50, -1000), 2, 1, -2},
		{"a balance that falls by less than the use is no top-up", often, leaking(used(9000, 50, 150, 50, 150, 50), 30), 2, 1, -2},
	} {
		b := backtested(t, c.rules, c.records)
		r := b.Rules[0]
		if r.Fired() != c.fired || r.Flaps() != c.flaps {
			t.Errorf("%s: fired %d times with %d flaps, want %d and %d", c.name, r.Fired(), r.Flaps(), c.fired, c.flaps)
			continue
		}
		if c.lead == -2 {
			continue
		}
		lead, ok := r.Accounts[0].Spans[0].Lead()
		if ok != (c.lead >= 0) || ok && (lead-c.lead).Abs() > 2*time.Hour {
			t.Errorf("%s: lead %s (%v), want %s", c.name, lead, ok, c.lead)
		}
	}
}

// leaking gives back a little each day, so that a balance falls by less than
// the use.
func leaking(records []billwatch.Record, back int64) []billwatch.Record {
	for i := range records {
		records[i].Remaining = billwatch.DecimalOf(int64(records[i].Remaining.Float64()) + back*int64(i+1))
	}
	return records
}

func TestABacktestWithoutAWordOfARuleSaysSo(t *testing.T) {
	r := backtested(t, "rules: [{ alert: Off, expr: suspended }]", used(1000, 1, 1)).Rules[0]
	if r.Testable() || r.Unknown["suspended was not sent"] != r.Judged || r.Judged == 0 {
		t.Errorf("testable %v, unknown %v of %d", r.Testable(), r.Unknown, r.Judged)
	}
}

func TestTheLeadOfARuleIsTheMedian(t *testing.T) {
	gone := func(days int) Span { return Span{From: midnight, Empty: midnight.Add(time.Duration(days) * oneDay)} }
	r := BacktestRule{Accounts: []BacktestAccount{{Spans: []Span{gone(9), gone(1), {From: midnight}}}, {Spans: []Span{gone(4)}}}}
	if lead, ok := r.Lead(); !ok || lead != 4*oneDay {
		t.Errorf("lead %s (%v), want 4 days of 1, 4 and 9", lead, ok)
	}
	r.Accounts[1].Spans = nil
	if lead, ok := r.Lead(); !ok || lead != 5*oneDay {
		t.Errorf("lead %s (%v), want 5 days of 1 and 9", lead, ok)
	}
}

// One account's history ends weeks before the other's: what fired there ends
// with it, is no resolving, and nobody is told.
func TestAHistoryThatEndsEarlyEndsItsAlertsUnheard(t *testing.T) {
	plan := planWith(t, lowRule)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	plan.Templates = templates
	other := acme
	other.ID = "b2"
	short := FromRecords(billwatch.Snapshot{Account: acme}, used(1090, 100, 10, 10))
	long := FromRecords(billwatch.Snapshot{Account: other}, used(9000, make([]int64, 30)...))
	b, err := RunBacktest(t.Context(), BacktestConfig{Plan: plan, Pasts: []Past{short, long}})
	if err != nil {
		t.Fatal(err)
	}
	spans := b.Rules[0].Accounts[0].Spans
	if len(spans) != 1 || !spans[0].Open || !spans[0].To.Equal(midnight.Add(3*oneDay)) {
		t.Errorf("spans %+v, want one that is open and ends with the history", spans)
	}
	if n := b.Rules[0].Messages["ops"]; n != 2 || b.Messages["ops"] != 2 { // first, and a repeat a day later
		t.Errorf("%d messages of the rule, %v in all; want those while it fired and none of its end", n, b.Messages)
	}
	still := backtested(t, lowRule, used(1090, 100, 10, 10))
	if s := still.Rules[0].Accounts[0].Spans[0]; !s.Open || !s.To.Equal(still.To) || still.Rules[0].Firing() != 2*oneDay {
		t.Errorf("what fires at the end lasts until it: %s", strings.TrimSpace(fmt.Sprintf("%+v", s)))
	}
}
