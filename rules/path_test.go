package rules_test

import (
	"math"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

func TestThresholdOfARule(t *testing.T) {
	for _, c := range []struct {
		name, expr string
		want       float64
		none       bool
	}{
		{"a number", "balance < 1000", 1000, false},
		{"from the other side", "1000 >= balance", 1000, false},
		{"a variable of the account", "balance < (vars.floor ?? 1000)", 250, false},
		{"a share of the plan", "balance <= 0.1 * plan.capacity", 500, false},
		{"one of several conditions", "suspended || balance < 1000 && runway_days() < 7", 1000, false},
		{"the higher of two", "balance < 100 || balance < 300", 300, false},
		{"a negative one", "balance < -50", -50, false},
		{"above is no floor", "balance > 1000", 0, true},
		{"another amount", "runway_days() <= 7", 0, true},
		{"a value that is not known", "balance < spend.monthly", 0, true},
		{"equality is no floor", "balance == 0", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			snap := acme()
			snap.Plan.Capacity, snap.Spend = billwatch.Known(billwatch.DecimalOf(5000)), billwatch.Spend{}
			in := rules.Input{Snapshot: snap, Vars: map[string]any{"floor": 250.0}, Now: snap.At}
			got, ok := load(t, condition(c.expr)).Threshold("Tried", in)
			if ok == c.none || got != c.want {
				t.Errorf("got %v, %v; want %v, %v", got, ok, c.want, !c.none)
			}
		})
	}
	if _, ok := load(t, condition("balance < 1")).Threshold("Other", rules.Input{}); ok {
		t.Error("a rule that is not there has a threshold")
	}
}

func TestPathEndsWhereTheForecastSays(t *testing.T) {
	snap := acme()
	in := rules.Input{Snapshot: snap, Records: using(9000, 120, 30), Now: snap.At}
	in.Snapshot.Balance = billwatch.Known(billwatch.DecimalOf(1200))
	f := rules.ForecastOf(in)
	path := rules.Path(in, 20)
	if f == nil || len(path) != 81 || !path[0].At.Equal(in.Now) || path[0] != (rules.Expected{At: in.Now, Low: 1200, Mid: 1200, High: 1200}) {
		t.Fatalf("forecast %+v, %d steps from %+v", f, len(path), path[0])
	}
	crossing := func(of func(rules.Expected) float64) float64 {
		for i, e := range path {
			if of(e) <= 0 {
				return float64(i) / 4
			}
		}
		return math.Inf(1)
	}
	for name, c := range map[string]struct{ at, want float64 }{
		"p10": {crossing(func(e rules.Expected) float64 { return e.Low }), f.Runway.P10},
		"p50": {crossing(func(e rules.Expected) float64 { return e.Mid }), f.Runway.P50},
		"p90": {crossing(func(e rules.Expected) float64 { return e.High }), f.Runway.P90},
	} {
		if c.at < c.want || c.at > c.want+0.25 {
			t.Errorf("%s: the path is empty after %v days, the forecast says %v", name, c.at, c.want)
		}
	}
	for i := 1; i < len(path); i++ {
		if path[i].At.Sub(path[i-1].At) != 6*time.Hour || path[i].Low > path[i].Mid || path[i].Mid > path[i].High {
			t.Fatalf("step %d: %+v after %+v", i, path[i], path[i-1])
		}
	}
	in.Records = nil
	in.Snapshot.Spend = billwatch.Spend{}
	if got := rules.Path(in, 20); got != nil {
		t.Errorf("a path of %d steps without history", len(got))
	}
}
