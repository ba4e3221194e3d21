package ruletest

import (
	"math/big"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
)

const day = 24 * time.Hour

// records makes the balance records of the days before the start. Where only
// the use is given, what was left follows from the first balance of the test.
func (t *Test) records(used, remaining []token) ([]billwatch.Record, error) {
	first := t.base
	if values := t.series["balance"]; len(values) > 0 {
		if err := fields["balance"](&first, values[0]); err != nil {
			return nil, err
		}
	}
	left := new(big.Rat)
	if balance, known := first.Balance.Get(); known {
		left.SetString(balance.String())
	}
	midnight := t.Start.Truncate(day)
	records := make([]billwatch.Record, len(used))
	for i := range used {
		back := len(used) - 1 - i // from the last day to the first
		use, err := billwatch.ParseDecimal(used[back].text)
		if err != nil {
			return nil, err
		}
		was := left.FloatString(places(left))
		if remaining != nil {
			was = remaining[back].text
		}
		at, err := billwatch.ParseDecimal(was)
		if err != nil {
			return nil, err
		}
		records[back] = billwatch.Record{Period: midnight.Add(-time.Duration(i+1) * day), Remaining: at, Used: use}
		if spent, ok := new(big.Rat).SetString(use.String()); ok {
			left.Add(left, spent)
		}
	}
	return slices.Clip(records), nil
}

// places is how many decimals a sum of decimals needs.
func places(r *big.Rat) int {
	n, exact := r.FloatPrec()
	if !exact {
		return 19
	}
	return n
}
