package chart_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/chart"
	"github.com/billwatch/billwatch/rules"
)

var now = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func decimal(t testing.TB, f float64) billwatch.Decimal {
	t.Helper()
	d, err := billwatch.ParseDecimal(strconv.FormatFloat(f, 'f', 2, 64))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// life is an account's story, a day at a time.
type life struct {
	name, unit string
	days       int
	start      float64
	use        func(day int) float64 // day 0 is the first
	topUp      func(day int, left float64) float64
	threshold  float64
}

// input lives the story until now. The day that runs is half used.
func (l life) input(t testing.TB) chart.Input {
	t.Helper()
	left := l.start
	var records []billwatch.Record
	midnight := now.Truncate(24 * time.Hour)
	for d := range l.days {
		used := l.use(d)
		if l.topUp != nil {
			left += l.topUp(d, left)
		}
		left -= used
		records = append(records, billwatch.Record{
			Period: midnight.AddDate(0, 0, d-l.days), Remaining: decimal(t, left), Used: decimal(t, used),
		})
	}
	left -= l.use(l.days) * 0.4
	snap := billwatch.Snapshot{
		Account: billwatch.Account{Source: "blues", ID: "acme", Name: l.name}, At: now,
		Unit: l.unit, Balance: billwatch.Known(decimal(t, left)),
	}
	return of(snap, records, l.threshold)
}

// of adds the forecast to what is known, as the service does.
func of(snap billwatch.Snapshot, records []billwatch.Record, threshold float64) chart.Input {
	in := rules.Input{Snapshot: snap, Records: records, Now: now}
	c := chart.Input{Account: snap.Account, Records: records, Current: snap, Now: now, Forecast: rules.ForecastOf(in)}
	for _, e := range rules.Path(in, 60) {
		c.Ahead = append(c.Ahead, chart.Expected(e))
	}
	if threshold != 0 {
		c.Threshold = &threshold
	}
	return c
}

func noisy(mean, spread float64) func(int) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	cache := map[int]float64{}
	return func(d int) float64 {
		if _, ok := cache[d]; !ok {
			cache[d] = math.Max(0, mean*math.Exp(spread*r.NormFloat64()-spread*spread/2))
		}
		return cache[d]
	}
}

func steady() life {
	return life{name: "Acme Prod", unit: "events", days: 60, start: 8500, use: noisy(110, 0.35), threshold: 1000}
}

// lives are the accounts that people have.
func lives() map[string]life {
	monthly := func(d int, _ float64) float64 {
		if d%21 == 10 {
			return 50_000
		}
		return 0
	}
	low := func(_ int, left float64) float64 {
		if left < 40 {
			return 250
		}
		return 0
	}
	burst := noisy(300, 0.4)
	return map[string]life{
		"steady":  steady(),
		"topups":  {name: "Northwind Telemetry (EU)", unit: "events", days: 70, start: 61_000, use: noisy(2600, 0.5), topUp: monthly, threshold: 10_000},
		"bursty":  {name: "Gritter fleet", unit: "events", days: 56, start: 1_900_000, use: func(d int) float64 { return burst(d) * 40 * float64(1+20*b(d%13 == 4)) }, threshold: 100_000},
		"money":   {name: "GPU rental – Zürich", unit: "USD", days: 45, start: 320, use: noisy(14.5, 0.6), topUp: low, threshold: 60},
		"slow":    {name: "Weather buoys", unit: "events", days: 80, start: 240_000, use: noisy(800, 0.2), threshold: 5000},
		"nouse":   {name: "Spare project", unit: "events", days: 30, start: 5000, use: func(int) float64 { return 0 }, threshold: 1000},
		"empty":   {name: "Acme Staging", unit: "USD", days: 30, start: 101, use: func(int) float64 { return 3.62 }, threshold: 20},
		"veryold": {name: "Nearly gone", unit: "events", days: 30, start: 3150, use: noisy(100, 0.2), threshold: 500},
		"young":   {name: "New project", unit: "events", days: 4, start: 5000, use: noisy(400, 0.3), threshold: 1000},
	}
}

func b(is bool) int {
	if is {
		return 1
	}
	return 0
}

// inputs are the lives, and what no life looks like.
func inputs(t testing.TB) map[string]chart.Input {
	t.Helper()
	all := map[string]chart.Input{}
	for name, l := range lives() {
		all[name] = l.input(t)
	}
	all["zone"] = steady().input(t)
	all["zone"] = with(all["zone"], func(in *chart.Input) { in.Zone = berlin(t) })
	all["suspended"] = with(steady().input(t), func(in *chart.Input) { in.Current.Suspended = billwatch.Known(true) })
	all["no records"] = with(steady().input(t), func(in *chart.Input) { in.Records, in.Ahead, in.Forecast = nil, nil, nil })
	one := steady().input(t)
	all["one record"] = of(one.Current, one.Records[len(one.Records)-1:], 1000)
	all["no threshold"] = with(steady().input(t), func(in *chart.Input) { in.Threshold = nil })
	all["huge"] = with(steady().input(t), func(in *chart.Input) {
		for i := range in.Records {
			in.Records[i].Remaining = parsed(t, "9999999999999999999")
		}
		in.Current.Balance = billwatch.Known(parsed(t, "999999999999999999"))
	})
	all["tiny"] = with(steady().input(t), func(in *chart.Input) {
		in.Current.Balance, in.Current.Unit = billwatch.Known(parsed(t, "0.00031")), "USD"
		in.Records, in.Threshold = nil, nil
	})
	all["debt"] = with(steady().input(t), func(in *chart.Input) { in.Current.Balance = billwatch.Known(parsed(t, "-1234567.89")) })
	all["no numbers"] = with(steady().input(t), func(in *chart.Input) {
		nan, inf := math.NaN(), math.Inf(1)
		in.Forecast = &billwatch.Forecast{BurnRate: nan, Runway: billwatch.Quantiles{P10: nan, P50: nan, P90: inf}}
		in.Ahead = []chart.Expected{{At: now.Add(time.Hour), Low: nan, Mid: inf, High: -inf}}
		in.Threshold = &nan
	})
	all["far threshold"] = with(steady().input(t), func(in *chart.Input) { *in.Threshold = 1e6 })
	for what, name := range map[string]string{
		"long name": strings.Repeat("a long name ", 1000), "right to left": "\u202Eשלום עולם", "chinese": "北京物联网",
		"emoji": "🚨 fleet", "control": "a\x00b\x1b[31m\r\nc", "broken": "caf\xe9 \xff", "no name": "",
	} {
		all[what] = with(steady().input(t), func(in *chart.Input) { in.Account.Name = name })
	}
	all["odd unit"] = with(steady().input(t), func(in *chart.Input) { in.Current.Unit = "\u202E" + strings.Repeat("單位", 1000) })
	all["polled"] = polled(t)
	return all
}

func with(in chart.Input, change func(*chart.Input)) chart.Input {
	change(&in)
	return in
}

func parsed(t testing.TB, text string) billwatch.Decimal {
	t.Helper()
	d, err := billwatch.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// polled is an account of which only our own snapshots are known, one each ten
// minutes.
func polled(t testing.TB) chart.Input {
	snap := billwatch.Snapshot{Account: billwatch.Account{Source: "cudo", ID: "ba-1", Name: "Render farm"}, Unit: "USD"}
	var seen []billwatch.Snapshot
	left := 310.0
	use := noisy(0.09, 1)
	for i := range 3000 {
		left -= use(i)
		if i%1400 == 1000 {
			left += 200
		}
		s := snap
		s.At, s.Balance = now.Add(time.Duration(i-3000)*10*time.Minute), billwatch.Known(decimal(t, left))
		seen = append(seen, s)
	}
	snap.At, snap.Balance = now, billwatch.Known(decimal(t, left))
	snap.Spend.Hourly = billwatch.Known(parsed(t, "0.54"))
	in := of(snap, nil, 50)
	in.Snapshots = seen
	return in
}
