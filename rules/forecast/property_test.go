package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/billwatch/billwatch/rules/forecast"
	"pgregory.net/rapid"
)

func someUse(t *rapid.T) []float64 {
	return rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 400), func(i int) float64 {
		if i > 300 {
			return float64(i-300) * 50 // now and then a burst
		}
		return math.Max(0, float64(i-100))
	}), 3, 70).Draw(t, "used")
}

func someNow(t *rapid.T) time.Time {
	return monday.Add(time.Duration(rapid.IntRange(0, 10*24).Draw(t, "hours")) * time.Hour)
}

func TestQuantilesAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := model(someUse(t)...), someNow(t)
		balance := rapid.Float64Range(0, 50_000).Draw(t, "balance")
		last := 0.0
		for _, q := range []float64{0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1} {
			r := m.Runway(balance, now, q)
			if math.IsNaN(r) || r < last {
				t.Fatalf("runway at %v is %v after %v", q, r, last)
			}
			last = r
		}
	})
}

func TestMoreBalanceLastsLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := model(someUse(t)...), someNow(t)
		balance := rapid.Float64Range(0, 200_000).Draw(t, "balance")
		more := balance + rapid.Float64Range(0, 10_000).Draw(t, "more")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		if less, longer := m.Runway(balance, now, q), m.Runway(more, now, q); longer < less-1e-6 {
			t.Fatalf("%v lasts %v days and %v lasts %v", balance, less, more, longer)
		}
	})
}

func TestUnitMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		used, now := someUse(t), someNow(t)
		balance := rapid.Float64Range(1, 50_000).Draw(t, "balance")
		scaled := make([]float64, len(used))
		for i, u := range used {
			scaled[i] = u / 1024 // a power of two: no rounding of its own
		}
		for _, q := range []float64{0.1, 0.5, 0.9} {
			a, b := model(used...).Runway(balance, now, q), model(scaled...).Runway(balance/1024, now, q)
			if !near(a, b) {
				t.Fatalf("runway at %v is %v, and %v in the other unit", q, a, b)
			}
		}
	})
}

func TestRunwayUsesUpTheBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := model(someUse(t)...), someNow(t)
		balance := rapid.Float64Range(1, 50_000).Draw(t, "balance")
		r := m.Runway(balance, now, 0.5)
		if math.IsInf(r, 1) || r > 300 {
			return
		}
		if used := m.Use(r, now, 0.5); math.Abs(used-balance) > 1e-6*balance+1e-6 {
			t.Fatalf("in %v days %v is used, of %v", r, used, balance)
		}
	})
}

func TestAnswersAllocateNothing(t *testing.T) {
	m := model(append(repeat(100, 28), bumpy(28)...)...) // with a step, and use that is high these days
	later := monday.Add(60 * time.Hour)
	answers := map[string]func(){
		"runway":   func() { m.Runway(4_500, later, 0.1) },
		"use":      func() { m.Use(30, later, 0.9) },
		"rate":     func() { m.BurnRate() },
		"weekends": func() { m.Weekends() },
	}
	for name, answer := range answers {
		if n := testing.AllocsPerRun(100, answer); n != 0 {
			t.Errorf("%s makes %v allocations", name, n)
		}
	}
	h := forecast.History{End: monday, Use: bumpy(90)}
	if n := testing.AllocsPerRun(100, func() { forecast.New(h) }); n > 1 {
		t.Errorf("a model makes %v allocations, not the model alone", n)
	}
}

func TestTopUpsLeaveTheModelAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		used, now := someUse(t), someNow(t)
		records := daily(used...)
		filled := daily(used...)
		for range rapid.IntRange(1, 3).Draw(t, "top-ups") {
			amountOf := float64(rapid.IntRange(1, 100_000).Draw(t, "amount"))
			for i := rapid.IntRange(1, len(filled)-1).Draw(t, "at"); i < len(filled); i++ {
				filled[i].Remaining = amount(filled[i].Remaining.Float64() + amountOf)
			}
		}
		balance := rapid.Float64Range(1, 50_000).Draw(t, "balance")
		for _, q := range []float64{0.1, 0.5, 0.9} {
			a := forecast.New(forecast.Of(records, now)).Runway(balance, now, q)
			b := forecast.New(forecast.Of(filled, now)).Runway(balance, now, q)
			if a != b {
				t.Fatalf("runway at %v is %v, and %v after top-ups", q, a, b)
			}
		}
	})
}

// On made-up accounts of which everything is known, the forecast must be worth
// more than the mean of the last week, and its band hold what it promises.
func TestForecastIsBetterThanAMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var days, inside, off, offMean float64
	for range 300 {
		level, bursts := math.Exp(r.NormFloat64()), r.Float64()*0.05
		use := make([]float64, 120)
		for i := range use {
			use[i] = level * math.Exp(0.5*r.NormFloat64())
			if i%7 >= 5 {
				use[i] *= 0.5
			}
			if r.Float64() < bursts {
				use[i] *= 6
			}
		}
		for seen := 10; seen < 60; seen += 5 {
			end := monday.AddDate(0, 0, seen)
			balance := level * (2 + 20*r.Float64())
			truth := lasts(use[seen:], balance)
			m := forecast.New(forecast.History{End: end, Use: use[:seen]})
			p10, p50, p90 := m.Runway(balance, end, 0.1), m.Runway(balance, end, 0.5), m.Runway(balance, end, 0.9)
			mean := 0.0
			for _, u := range use[seen-7 : seen] {
				mean += u / 7
			}
			days++
			off += math.Abs(p50 - truth)
			offMean += math.Abs(balance/mean - truth)
			if p10 <= truth && truth <= p90 {
				inside++
			}
		}
	}
	t.Logf("off by %.2f days, the mean by %.2f; %.2f within the band", off/days, offMean/days, inside/days)
	if off > 0.9*offMean {
		t.Errorf("off by %.2f days, a mean by %.2f", off/days, offMean/days)
	}
	if share := inside / days; share < 0.74 || share > 0.95 {
		t.Errorf("%.2f lie within the band, want about 0.8", share)
	}
}

// lasts returns how many days of use a balance covers.
func lasts(use []float64, balance float64) float64 {
	for i, u := range use {
		if u > balance {
			return float64(i) + balance/u
		}
		balance -= u
	}
	return float64(len(use))
}
