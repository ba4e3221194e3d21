package daemon

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

const oneDay = 24 * time.Hour

// used returns daily records of an account that begins full and is topped up
// where a day's use is negative.
func used(first int64, days ...int64) []billwatch.Record {
	var records []billwatch.Record
	for i, use := range days {
		top := max(0, -use)
		use = max(0, use)
		first += top - use
		records = append(records, billwatch.Record{
			Period: noon.Truncate(oneDay).Add(time.Duration(i) * oneDay), Remaining: billwatch.DecimalOf(first), Used: billwatch.DecimalOf(use),
		})
	}
	return records
}

func backtested(t *testing.T, rules string, records []billwatch.Record) Backtest {
	t.Helper()
	plan := planWith(t, rules)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	plan.Templates = templates
	today := billwatch.Snapshot{Account: acme, Unit: "events"}
	b, err := RunBacktest(t.Context(), BacktestConfig{Plan: plan, Pasts: []Past{FromRecords(today, records)}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABacktestTellsTheLeadBeforeTheBalanceWasGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		days  []int64
		fired int
		flaps int
		lead  time.Duration
		real  bool
	}{
		{"it really ran out", []int64{100, 200, 200, 200, 200, 200}, 1, 0, oneDay * 495 / 100, true},
		{"it ran out within a day", []int64{100, 200, 200, 200, 190, 400}, 1, 0, oneDay * 45 / 10, true},
		{"it was topped up, and would have run out at that burn", []int64{100, 200, 200, -1000}, 1, 0, oneDay * 6425 / 1000, false},
		{"topped up and low again is no flap", []int64{100, 100, -1000, 1000, 100}, 2, 0, 0, false},
		{"it never got there", []int64{1, 1, 1}, 0, 0, 0, false},
	} {
		b := backtested(t, lowRule, used(1090, c.days...))
		r := b.Rules[0]
		if r.Fired() != c.fired || r.Flaps() != c.flaps {
			t.Errorf("%s: fired %d times with %d flaps, want %d and %d", c.name, r.Fired(), r.Flaps(), c.fired, c.flaps)
			continue
		}
		if c.lead == 0 {
			continue
		}
		span := r.Accounts[0].Spans[0]
		if lead, ok := span.Lead(); !ok || (lead-c.lead).Abs() > 2*time.Hour || span.Real != c.real {
			t.Errorf("%s: lead %s (real %v), want %s (%v)", c.name, lead, span.Real, c.lead, c.real)
		}
	}
}
