package rules_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/forecast"
)

func TestSentence(t *testing.T) {
	tuesday := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	days := func(n int, use func(day int, at time.Time) float64) *forecast.Model {
		h := forecast.History{End: tuesday}
		for i := range n {
			h.Use = append(h.Use, use(i, tuesday.AddDate(0, 0, i-n)))
		}
		return forecast.New(h)
	}
	even := days(28, func(int, time.Time) float64 { return 310 })
	weekly := days(56, func(i int, at time.Time) float64 {
		use := 310 + float64(i%5)*10
		if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			use /= 3
		}
		return use
	})
	grown := days(42, func(i int, _ time.Time) float64 {
		if i < 30 {
			return 120 + float64(i%3)
		}
		return 310 + float64(i%3)
	})
	idle := days(28, func(int, time.Time) float64 { return 0 })
	wild := days(28, func(i int, _ time.Time) float64 { return float64(i % 7 * i % 5 * 100) })

	tests := []struct {
		name    string
		model   *forecast.Model
		balance float64
		want    string
	}{
		{"even use", even, 2_900,
			"At about 310 events a day the 2,900 left last until Thursday, 3 December, most likely between Wednesday and Friday."},
		{"a working week", weekly, 1_000,
			"At about 270 events a day (weekends lower) the 1,000 left last until Friday, 27 November, most likely between Thursday and Friday."},
		{"a step", grown, 3_000,
			"At about 310 events a day (up from 120 since 12 November) the 3,000 left last until Thursday, 3 December, most likely between Thursday and Friday."},
		{"far ahead", even, 31_000,
			"At about 310 events a day the 31,000 left last until Thursday, 4 March 2027, most likely between 24 February and 12 March."},
		{"farther than anybody knows", even, 310_000, "At about 310 events a day the 310,000 left last more than a year."},
		{"uneven use", wild, 1_000,
			"At about 120 events a day (weekends lower) the 1,000 left last until Wednesday, 2 December, most likely between 26 November and 9 December."},
		{"no use", idle, 4_200, "No use was seen: the 4,200 left do not run out."},
		{"nothing left", even, 0, "Nothing is left: the balance is 0."},
		{"a debt", even, -37, "Nothing is left: the balance is -37."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := rules.Sentence(tt.model, tt.balance, "events", tuesday); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
