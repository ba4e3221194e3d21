package rules

import "github.com/billwatch/billwatch"

// ForecastOf returns when the account's balance is expected to be gone, nil
// where neither history nor the provider says enough to tell.
func ForecastOf(in Input) *billwatch.Forecast { return in.env().forecast() }
