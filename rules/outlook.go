package rules

import (
	"fmt"
	"math"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

// ForecastOf returns when the account's balance is expected to be gone, nil
// where that cannot be told.
func ForecastOf(in Input) *billwatch.Forecast { return in.env().forecast() }

// forecast returns the account's forecast in words of the road, nil where none
// can be made.
func (e *env) forecast() *billwatch.Forecast {
	balance, v := e.balance()
	if v.kind == unknown {
		return nil
	}
	m := e.ahead()
	if m == nil {
		return nil
	}
	return Outlook(m, balance, e.now)
}

// Outlook returns what a model expects of a balance, in words of the road.
func Outlook(m *forecast.Model, balance float64, now time.Time) *billwatch.Forecast {
	f := &billwatch.Forecast{BurnRate: m.BurnRate(), Runway: billwatch.Quantiles{
		P10: m.Runway(balance, now, 0.1),
		P50: m.Runway(balance, now, 0.5),
		P90: m.Runway(balance, now, 0.9),
	}}
	if !math.IsInf(f.Runway.P50, 1) {
		if at := after(now, f.Runway.P50); at.Before(never) {
			f.ExhaustAt = at
		}
	}
	switch step := m.Step(); {
	case m.BurnRate() <= 0:
		f.Note = "no use seen"
	case !step.At.IsZero():
		f.Note = fmt.Sprintf("use went from %s to %s a day around %s",
			humanize(coarse(step.Before, 3)), humanize(coarse(step.After, 3)), step.At.UTC().Format("2 January"))
	}
	return f
}

// coarse leaves so many digits of a number: an estimate has no more.
func coarse(f float64, digits int) float64 {
	if f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	scale := math.Pow(10, math.Floor(math.Log10(math.Abs(f)))-float64(digits-1))
	return math.Round(f/scale) * scale
}
