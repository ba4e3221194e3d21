package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// madeUp writes balance records of accounts that are used as accounts are: by
// weekdays, in bursts, in steps, hardly at all, with top-ups and days without a
// record. Use is counted from the beginning, as a counter does.
func madeUp(t *testing.T, path string) (ends map[string]time.Time) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 11))
	ends = map[string]time.Time{}
	var b strings.Builder
	b.WriteString("series_id,day,period,remaining_event_capacity,total_event_capacity_used\n")
	begin := time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC)
	for account := range 24 {
		id, level, left, total := fmt.Sprintf("m%02d", account), 50+random.Float64()*200, 0.0, 0.0
		left = level * (10 + random.Float64()*30)
		for day := range 90 {
			at := begin.AddDate(0, 0, day)
			use := level * (0.4 + 1.2*random.Float64())
			switch account % 4 {
			case 1: // weekends are quiet
				if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
					use *= 0.3
				}
			case 2: // most days are empty, some are not
				if random.IntN(3) > 0 {
					use = 0
				}
			case 3:
				if day == 40 {
					level *= 3
				}
			}
			if random.IntN(40) == 0 {
				use *= 8
			}
			use = float64(int(min(use, left)))
			left, total = left-use, total+use
			if account%2 == 0 && left < 6*level && random.IntN(4) == 0 {
				left += level * 20
			}
			if random.IntN(12) == 0 {
				continue // no record
			}
			ends[fmt.Sprintf("%s %d", id, day)] = at.AddDate(0, 0, 1)
			fmt.Fprintf(&b, "%s,%d,%s,%.0f,%.0f\n", id, day, at.Format(time.DateOnly), left, total)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return ends
}

const dailyRule = `
sources: { none: { type: notehub, token: none } }
receivers: { ops: { webhook: { url: "https://hooks.example.com/x" } } }
state: sqlite:none.db
builtin_rules: { disabled: [AccountSuspended, RunsOutSoon] }
rules:
  - { alert: Runway, expr: runway_days() <= 7, until: runway_days() > 8 }
`

// run runs a command in this process and returns its result.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, talk strings.Builder
	if status := execute(t.Context(), args, &out, &talk); status != statusWell {
		t.Fatalf("%s: status %d\n%s", strings.Join(args, " "), status, talk.String())
	}
	return out.String()
}

// TestABacktestFiresOnTheDaysOnWhichTheForecastSaysSo plays records through the
// whole road, and compares that day by day with the estimates that the forecast
// is scored by: what its score says holds for what people are told.
func TestABacktestFiresOnTheDaysOnWhichTheForecastSaysSo(t *testing.T) {
	dir := t.TempDir()
	records, configuration := filepath.Join(dir, "records.csv"), filepath.Join(dir, "billwatch.yaml")
	ends := madeUp(t, records)
	if err := os.WriteFile(configuration, []byte(dailyRule), 0o600); err != nil {
		t.Fatal(err)
	}
	var played backtestJSON
	if err := json.Unmarshal([]byte(run(t, "backtest", "-c", configuration, "--history", records, "-o", "json")), &played); err != nil {
		t.Fatal(err)
	}
	spans := map[string][]spanJSON{}
	for _, a := range played.Rules[0].Accounts {
		spans[a.Account] = a.Spans
	}
	lines, err := csv.NewReader(strings.NewReader(run(t, "forecast", "--each-day", "--alert", records))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	days, firing, moved := 0, 0, 0
	for _, line := range lines[1:] {
		id, day, said := line[0], line[1], line[5] == "1"
		at, on := ends[id+" "+day], false
		for _, s := range spans[id] {
			on = on || !s.From.After(at) && (s.To == nil || at.Before(*s.To))
			if s.From.Equal(at) {
				moved++
			}
		}
		days++
		if on {
			firing++
		}
		if on != said {
			t.Errorf("%s day %s: the backtest fires: %v, the forecast says: %v", id, day, on, said)
		}
	}
	if days < 1500 || firing < 200 || moved < 20 {
		t.Errorf("%d days, %d firing, %d times fired: too few to say anything", days, firing, moved)
	}
	if moved != played.Rules[0].Fired {
		t.Errorf("fired %d times, %d of them on the day of a record", played.Rules[0].Fired, moved)
	}
}
