package daemon

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// balances is a past without records: a poll a day with what is left.
func balances(account billwatch.Account, left ...int64) Past {
	p := Past{Account: account}
	for i, n := range left {
		at := midnight.Add(time.Duration(i) * oneDay)
		p.Polls = append(p.Polls, billwatch.Poll{Account: account, At: at, Snapshot: &billwatch.Snapshot{
			Account: account, At: at, Balance: billwatch.Known(billwatch.DecimalOf(n)),
		}})
	}
	return p
}

func TestUseFollowsFromTheBalanceWhereNobodyTellsIt(t *testing.T) {
	c := courseOf(balances(acme, 900, 800, 600, 1000))
	if len(c) != 4 || c[1].used != 100 || c[2].used != 200 || c[3].used != 0 || !c[3].topUp || c[2].topUp {
		t.Errorf("got %+v; want 100 and 200 used, then a top-up", c)
	}
	at, really := c[:3].empty(midnight) // 600 left after two days at 150 a day
	if want := midnight.Add(6 * oneDay); really || at.Sub(want).Abs() > time.Hour {
		t.Errorf("empty at %s (really: %v), want %s, had it gone on", at, really, want)
	}
}

func TestWhatIsEmptyFromTheBeginningIsReallyEmpty(t *testing.T) {
	at, really := courseOf(balances(acme, 0, 0)).empty(midnight)
	if !really || !at.Equal(midnight) {
		t.Errorf("empty at %s (really: %v), want at once, and really", at, really)
	}
}

// A history that ends within a week of the others' is not over: what fires there
// fires until the end.
func TestAHistoryThatEndsAWeekBeforeTheOthersIsNotOver(t *testing.T) {
	plan := planWith(t, lowRule)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	must(t, err)
	plan.Templates = templates
	other := acme
	other.ID = "b2"
	for _, c := range []struct {
		beyond int // days of the other's history after the first's
		lasts  time.Duration
	}{{7, 9 * oneDay}, {8, 2 * oneDay}} {
		long := make([]int64, 3+c.beyond)
		for i := range long {
			long[i] = 5000
		}
		b, err := RunBacktest(t.Context(), BacktestConfig{Plan: plan, Pasts: []Past{balances(acme, 900, 800, 700), balances(other, long...)}})
		must(t, err)
		if got := b.Rules[0].Firing(); got != c.lasts {
			t.Errorf("%d days beyond: it fires for %s, want %s", c.beyond, got, c.lasts)
		}
	}
}
