package forecast_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules/forecast"
)

const day = 24 * time.Hour

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) // the end of every history below

func amount(f float64) billwatch.Decimal {
	d, err := billwatch.ParseDecimal(strconv.FormatFloat(f, 'f', -1, 64))
	if err != nil {
		panic(err)
	}
	return d
}

// daily returns records of an account that used these amounts up to monday and
// was filled once.
func daily(used ...float64) []billwatch.Record {
	left := 1_000_000.0
	records := make([]billwatch.Record, len(used))
	for i, u := range used {
		left -= u
		records[i] = billwatch.Record{
			Period: monday.AddDate(0, 0, i-len(used)), Remaining: amount(left), Used: amount(u),
		}
	}
	return records
}

func repeat(u float64, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = u
	}
	return all
}

func model(used ...float64) *forecast.Model {
	return forecast.New(forecast.Of(daily(used...), monday))
}

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 1e-6*math.Max(1, math.Abs(want))
}

func TestRunway(t *testing.T) {
	tests := []struct {
		name    string
		used    []float64
		balance float64
		now     time.Time
		q       float64
		want    float64
	}{
		{"even use divides the balance", repeat(100, 28), 450, monday, 0.5, 4.5},
		{"half a running day is already in the balance", repeat(100, 28), 450, monday.Add(12 * time.Hour), 0.5, 4.5},
		{"no use lasts for ever", repeat(0, 28), 450, monday, 0.5, math.Inf(1)},
		{"no use lasts for ever in the worst case too", repeat(0, 28), 450, monday, 0.1, math.Inf(1)},
		{"nothing left is gone now", repeat(100, 28), 0, monday, 0.5, 0},
		{"a debt is gone now, not sooner", repeat(100, 28), -20, monday, 0.9, 0},
		{"an empty account that uses nothing is gone", repeat(0, 28), 0, monday, 0.5, 0},
		{"years are counted, too", repeat(100, 28), 1e6, monday, 0.5, 10_000},
		{"three days are enough", repeat(100, 3), 300, monday, 0.5, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := model(tt.used...).Runway(tt.balance, tt.now, tt.q); !near(got, tt.want) {
				t.Errorf("Runway(%v, %v, %v) = %v, want %v", tt.balance, tt.now, tt.q, got, tt.want)
			}
		})
	}
}

func TestTwoDaysAreTooFew(t *testing.T) {
	if m := model(100, 100); m != nil {
		t.Errorf("a model of two days: %+v", m)
	}
}

func TestOneBurstIsNoHabit(t *testing.T) {
	used := append(repeat(100, 27), 5_000)
	if got := model(used...).Runway(450, monday, 0.5); got < 3.5 || got > 6.5 {
		t.Errorf("after one burst %v days are left, want about 4.5", got)
	}
}

// Use that is high these days stays so for a while, and not for ever; a lonely
// burst among them is no such use, and a lull promises nothing.
func TestHighUseLastsAWhile(t *testing.T) {
	tests := []struct {
		name      string
		last      []float64
		low, high float64 // tomorrow's use, of that of the same weekday in eight weeks
	}{
		{"three high days", []float64{180, 180, 180}, 1.05, 1.5},
		{"a burst today", []float64{100, 100, 900}, 1, 1.03},
		{"a burst three days ago", []float64{900, 100, 100}, 1, 1.03},
		{"three low days", []float64{30, 30, 30}, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := model(append(bumpy(25), tt.last...)...)
			tomorrow, later := m.Use(1, monday, 0.5), m.Use(1, monday.AddDate(0, 0, 56), 0.5)
			if r := tomorrow / later; r < tt.low-1e-9 || r > tt.high+1e-9 {
				t.Errorf("tomorrow uses %.1f, and %.1f in eight weeks", tomorrow, later)
			}
			week, latter := m.Use(7, monday, 0.5), m.Use(14, monday, 0.5)-m.Use(7, monday, 0.5)
			if latter > week+1e-9 {
				t.Errorf("the first week uses %.1f and the second %.1f", week, latter)
			}
		})
	}
}

func TestFewDaysTellLessThanMany(t *testing.T) {
	width := func(n int) float64 {
		used := make([]float64, n)
		for i := range used {
			used[i] = float64(i * 37 % 11 * 20) // from 0 to 200
		}
		m := model(used...)
		balance := 30 * m.BurnRate() // so far ahead that single days make no difference
		return m.Runway(balance, monday, 0.9) - m.Runway(balance, monday, 0.1)
	}
	if few, many := width(8), width(56); few < 1.4*many {
		t.Errorf("the band is %.1f days wide after 8 days and %.1f after 56", few, many)
	}
}

func TestWeekendsAreKnown(t *testing.T) {
	var used []float64
	for range 8 {
		used = append(used, 100, 100, 100, 100, 100, 0, 0) // Monday to Sunday
	}
	m := model(used...)
	weekday, friday := m.Use(1, monday, 0.5), m.Use(1, monday.AddDate(0, 0, 5), 0.5)
	if weekday < 85 || friday > 40 {
		t.Errorf("a Monday is expected to use %.1f and a Saturday %.1f", weekday, friday)
	}
	if week := m.Use(7, monday, 0.5); !near(week, 7*m.BurnRate()) || math.Abs(week-500) > 15 {
		t.Errorf("a week is expected to use %v at a rate of %v", week, m.BurnRate())
	}
}

func TestStepIsSeenAndDated(t *testing.T) {
	used := repeat(100, 42)
	for i := range used {
		used[i] += float64(i%5) * 4
		if i >= 32 {
			used[i] *= 3
		}
	}
	m := model(used...)
	if want := monday.AddDate(0, 0, -10); !m.Step().At.Equal(want) {
		t.Fatalf("step at %v, want %v", m.Step().At, want)
	}
	if rate := m.BurnRate(); math.Abs(rate-324) > 30 {
		t.Errorf("burn rate after the step = %v, want about 324", rate)
	}
	if m := model(repeat(100, 42)...); !m.Step().At.IsZero() {
		t.Errorf("even use has a step at %v", m.Step().At)
	}
}

func TestRunningPeriodIsLeftOut(t *testing.T) {
	records := daily(append(repeat(100, 14), 3)...) // the last one ends at monday
	now := monday.Add(-6 * time.Hour)
	h := forecast.Of(records, now)
	if h.Days() != 14 || !h.End.Equal(monday.Add(-day)) {
		t.Fatalf("%d days until %v", h.Days(), h.End)
	}
	if w, _ := h.Window(7 * day); w.Used != 700 || w.Days != 7 {
		t.Errorf("last seven days = %+v", w)
	}
}

func TestTopUpsAreNoUse(t *testing.T) {
	records := daily(repeat(100, 14)...)
	filled := daily(repeat(100, 14)...)
	for i := range filled {
		if i >= 10 {
			filled[i].Remaining = amount(filled[i].Remaining.Float64() + 5_000)
		}
	}
	h := forecast.Of(filled, monday)
	if w, ok := h.Window(7 * day); !ok || w.TopUps != 5_000 || w.Used != 700 {
		t.Errorf("window = %+v, %v", w, ok)
	}
	if w, ok := h.Window(3 * day); !ok || w.TopUps != 0 {
		t.Errorf("window after the top-up = %+v, %v", w, ok)
	}
	plain, topped := forecast.New(forecast.Of(records, monday)), forecast.New(h)
	if plain.BurnRate() != topped.BurnRate() {
		t.Errorf("burn rate %v became %v by a top-up", plain.BurnRate(), topped.BurnRate())
	}
}

func TestGapIsSharedEvenly(t *testing.T) {
	records := daily(repeat(100, 14)...)
	gap := append([]billwatch.Record{}, records[:8]...)
	gap = append(gap, records[11:]...) // days 8, 9 and 10 have no record of their own
	gap[7].Used = amount(400)
	h := forecast.Of(gap, monday)
	if h.Days() != 14 {
		t.Fatalf("%d days", h.Days())
	}
	for i, u := range h.Use {
		if u != 100 {
			t.Errorf("day %d used %v", i, u)
		}
	}
	if w, _ := h.Window(5 * day); w.Used != 500 || w.Days != 5 {
		t.Errorf("a window that begins in the gap = %+v", w)
	}
}

func TestReadingsCountFromTheBeginning(t *testing.T) {
	h := forecast.FromReadings([]forecast.Reading{
		{Day: monday.AddDate(0, 0, -6), Remaining: 5_000, Total: 70_000},
		{Day: monday.AddDate(0, 0, -5), Remaining: 4_900, Total: 70_100},
		{Day: monday.AddDate(0, 0, -2), Remaining: 4_600, Total: 70_400},
		{Day: monday.AddDate(0, 0, -1), Remaining: 4_500, Total: 70_500},
	})
	if !h.End.Equal(monday) || h.Days() != 5 {
		t.Fatalf("%d days until %v", h.Days(), h.End)
	}
	if got := forecast.New(h).Runway(4_500, monday, 0.5); !near(got, 45) {
		t.Errorf("runway = %v", got)
	}
}

func TestWindow(t *testing.T) {
	monthly := []billwatch.Record{
		{Period: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), Remaining: amount(900), Used: amount(310)},
		{Period: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), Remaining: amount(600), Used: amount(300)},
		{Period: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Remaining: amount(290), Used: amount(310)},
		{Period: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Remaining: amount(260), Used: amount(30)},
	}
	tests := []struct {
		name    string
		records []billwatch.Record
		days    int
		want    forecast.Window
		ok      bool
	}{
		{"the last seven complete days", daily(repeat(10, 30)...), 7, forecast.Window{Used: 70, Days: 7}, true},
		{"over fewer records it is what there is", daily(repeat(10, 4)...), 7, forecast.Window{Used: 40, Days: 4}, true},
		{"nothing of nothing", nil, 7, forecast.Window{}, false},
		{"a month does not fit into a week", monthly, 7, forecast.Window{}, false},
		{"whole months, rounded down", monthly, 50, forecast.Window{Used: 310, Days: 31}, true},
		{"two months", monthly, 61, forecast.Window{Used: 610, Days: 61}, true},
		{"a single record is one day", daily(50), 7, forecast.Window{Used: 50, Days: 1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := forecast.Of(tt.records, monday).Window(time.Duration(tt.days) * day)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Window(%dd) = %+v, %v, want %+v, %v", tt.days, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestDisorderedRecords(t *testing.T) {
	records := daily(repeat(10, 5)...)
	records[0], records[3] = records[3], records[0]
	records = append(records, records[4], billwatch.Record{Period: monday.AddDate(0, 2, 0), Used: amount(1e6)})
	records[4].Used = amount(99) // the copy after it wins
	h := forecast.Of(records, monday)
	if h.Days() != 5 {
		t.Fatalf("%d days", h.Days())
	}
	for i, u := range h.Use {
		if u != 10 {
			t.Errorf("day %d used %v", i, u)
		}
	}
}

func TestPeak(t *testing.T) {
	records := daily(repeat(100, 10)...)
	top := records[0].Remaining.Float64() + 100
	tests := []struct {
		name    string
		balance float64
		want    float64
	}{
		{"the opening balance where nothing was added", 999_000, top},
		{"the balance itself when it was just filled", 999_500, 999_500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := forecast.Of(records, monday).Peak(tt.balance); !ok || got != tt.want {
				t.Errorf("Peak(%v) = %v, %v, want %v", tt.balance, got, ok, tt.want)
			}
		})
	}
}

func TestAnomaly(t *testing.T) {
	steady := repeat(100, 20)
	for i := range steady {
		steady[i] += float64(i % 3)
	}
	tests := []struct {
		name   string
		last   float64
		lo, hi float64
	}{
		{"an ordinary day", 101, -0.5, 0.5},
		{"a day of ten times the use", 1_000, 20, math.Inf(1)},
		{"a day of none", 0, math.Inf(-1), -2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := forecast.Of(daily(append(steady, tt.last)...), monday)
			if got, ok := h.Anomaly(); !ok || got < tt.lo || got > tt.hi {
				t.Errorf("Anomaly() = %v, %v, want between %v and %v", got, ok, tt.lo, tt.hi)
			}
		})
	}
	if _, ok := forecast.Of(daily(1, 2, 3), monday).Anomaly(); ok {
		t.Error("three days tell an anomaly")
	}
}

func TestRateAlone(t *testing.T) {
	m := forecast.FromRate(24, monday)
	for q, want := range map[float64]float64{0.5: 10, 0.1: 240 / (24 * 1.4), 0.9: 240 / (24 * 0.6)} {
		if got := m.Runway(240, monday, q); !near(got, want) {
			t.Errorf("runway(%v) = %v, want %v", q, got, want)
		}
	}
}

func BenchmarkModel(b *testing.B) {
	h := forecast.Of(daily(bumpy(90)...), monday)
	b.ReportAllocs()
	for b.Loop() {
		forecast.New(h)
	}
}

func BenchmarkHistory(b *testing.B) {
	records := daily(bumpy(90)...)
	b.ReportAllocs()
	for b.Loop() {
		forecast.Of(records, monday)
	}
}

func BenchmarkRunway(b *testing.B) {
	m := model(bumpy(90)...)
	b.ReportAllocs()
	for b.Loop() {
		m.Runway(3_000, monday, 0.1)
	}
}

// The floor: what one would write in its stead, and what it costs.
func BenchmarkMeanOfAWeek(b *testing.B) {
	h := forecast.Of(daily(bumpy(90)...), monday)
	b.ReportAllocs()
	for b.Loop() {
		if days := meanOfAWeek(h.Use, 3_000); days < 1 {
			b.Fatal(days)
		}
	}
}

func meanOfAWeek(use []float64, balance float64) float64 {
	sum := 0.0
	for _, u := range use[len(use)-7:] {
		sum += u
	}
	return balance / (sum / 7)
}

func bumpy(n int) []float64 {
	used := make([]float64, n)
	for i := range used {
		used[i] = float64(80 + i*37%50)
	}
	return used
}
