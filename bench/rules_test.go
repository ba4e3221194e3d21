// Package bench measures what the promises of speed are about, each beside the
// same thing written by hand in Go; see README.md.
package bench

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/forecast"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// account is one of many, with two months of history; no two are alike.
func account(i int) rules.Input {
	records := make([]billwatch.Record, 60)
	left := int64(1_000 + i%9_000)
	for j := range records {
		used := int64(50 + (i*7+j*13)%101)
		ago := len(records) - j
		left += used
		records[len(records)-ago] = billwatch.Record{
			Period: now.Truncate(day).AddDate(0, 0, -ago), Remaining: billwatch.DecimalOf(20_000 - left), Used: billwatch.DecimalOf(used),
		}
	}
	return rules.Input{Now: now, Records: records, Snapshot: billwatch.Snapshot{
		Account:   billwatch.Account{Source: "blues", ID: fmt.Sprint("app:", i), Name: fmt.Sprint("Account ", i), Provider: "notehub", Kind: "organization"},
		At:        now,
		Suspended: billwatch.Known(false),
		State:     billwatch.Known("active"),
		Balance:   billwatch.Known(billwatch.DecimalOf(int64(2_000 + i%9_000))),
		Unit:      "events",
		Plan: billwatch.Plan{
			Type: billwatch.Known("Enterprise"), Start: billwatch.Known(now.AddDate(-1, 0, 0)),
			End: billwatch.Known(now.AddDate(0, 0, 90)), Capacity: billwatch.Known(billwatch.DecimalOf(10_000)),
		},
	}}
}

func load(b *testing.B, exprs ...string) *rules.Set {
	b.Helper()
	set, problems := rules.Load([]*document.Document{file(b, exprs...)}, own())
	if problems.Errors() > 0 {
		b.Fatal(problems)
	}
	return set
}

func own() rules.Options {
	return rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}}
}

func file(b *testing.B, exprs ...string) *document.Document {
	b.Helper()
	var text strings.Builder
	text.WriteString("rules:\n")
	for i, expr := range exprs {
		fmt.Fprintf(&text, "  - alert: R%d\n    expr: %s\n", i, expr)
	}
	doc, problems := document.Parse("rules.yaml", []byte(text.String()))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	return doc
}

// beside measures both, and reports how much longer the rules take. What counts
// is the processor's time: on a machine that is shared the clock says little.
func beside(b *testing.B, ours, byHand func()) {
	b.Helper()
	b.ReportAllocs()
	start := processor(b)
	for b.Loop() {
		ours()
	}
	runtime.GC() // what ours left is ours
	we := processor(b) - start
	start = processor(b)
	for range b.N {
		byHand()
	}
	they := processor(b) - start
	n := float64(b.N)
	b.ReportMetric(float64(we)/n, "cpu-ns/op")
	b.ReportMetric(float64(they)/n, "cpu-ns/byhand")
	if they > 0 {
		b.ReportMetric(float64(we)/float64(they), "times/byhand")
	}
}

// processor returns the time that this process has had of all processors,
// collecting garbage included.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkCompile(b *testing.B) {
	doc := file(b, `plan.end != nil && days_until(plan.end) < 14 || balance < 1000`)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := rules.Load([]*document.Document{doc}, own()); problems.Errors() > 0 {
			b.Fatal(problems)
		}
	}
}

// often is how many evaluations one measurement holds, so that the clock costs
// nothing beside them.
const often = 1000

// BenchmarkSimple is a thousand evaluations of one rule: divide by a thousand.
func BenchmarkSimple(b *testing.B) {
	set, in := load(b, "balance < 1000 || suspended"), account(1)
	beside(b, func() {
		for range often {
			if got := set.Evaluate(in); got[0].Outcome != billwatch.False {
				b.Fatal(got)
			}
		}
	}, func() {
		for range often {
			if low(&in.Snapshot, 1000) != billwatch.False || is(in.Snapshot.Suspended) != billwatch.False {
				b.Fatal("by hand it is otherwise")
			}
		}
	})
}

func ten() []string {
	return []string{
		"suspended",
		"balance < 1000 || suspended",
		"percent_left() < 10",
		"runway_days() <= 7",
		"runway_days(0.1) < 3",
		`usage_anomaly() > 3 && used("1d") > 100`,
		"plan.end != nil && days_until(plan.end) < 30",
		"days_until(plan.end) < 90 && forecast(days_until(plan.end), 0.1) > 0.5 * plan.capacity",
		`plan.type in ["Essentials", "Enterprise"] && balance / plan.capacity < 0.1`,
		`burn_rate("28d") > 500`,
	}
}

// BenchmarkTenThousandAccounts judges 10,000 accounts by ten rules, half of
// which need a forecast, on one processor.
func BenchmarkTenThousandAccounts(b *testing.B) {
	set := load(b, ten()...)
	all := make([]rules.Input, 10_000)
	for i := range all {
		all[i] = account(i)
	}
	var ours, theirs [3]int
	beside(b, func() {
		ours = [3]int{}
		for i := range all {
			for _, e := range set.Evaluate(all[i]) {
				ours[e.Outcome]++
			}
		}
	}, func() {
		theirs = [3]int{}
		for i := range all {
			for _, o := range tenByHand(&all[i]) {
				theirs[o]++
			}
		}
	})
	if ours != theirs {
		b.Errorf("the rules say %v, by hand %v (unknown, false, true)", ours, theirs)
	}
}

func outcome(b bool) billwatch.Outcome {
	if b {
		return billwatch.True
	}
	return billwatch.False
}

func is(v billwatch.Value[bool]) billwatch.Outcome {
	if b, known := v.Get(); known {
		return outcome(b)
	}
	return billwatch.Unknown
}

func low(s *billwatch.Snapshot, floor float64) billwatch.Outcome {
	if balance, known := s.Balance.Get(); known {
		return outcome(balance.Float64() < floor)
	}
	return billwatch.Unknown
}

// tenByHand is what one would write in Go where all is known.
func tenByHand(in *rules.Input) [10]billwatch.Outcome {
	s := &in.Snapshot
	amount, known := s.Balance.Get()
	full, whole := s.Plan.Capacity.Get()
	end, ends := s.Plan.End.Get()
	kind, named := s.Plan.Type.Get()
	suspended, told := s.Suspended.Get()
	if !known || !whole || !ends || !named || !told {
		return [10]billwatch.Outcome{}
	}
	balance, capacity := amount.Float64(), full.Float64()
	history := forecast.Of(in.Records, in.Now)
	model := forecast.New(history)
	anomaly, _ := history.Anomaly()
	yesterday, _ := history.Window(day)
	month, _ := history.Window(28 * day)
	days := end.Sub(in.Now).Hours() / 24
	return [10]billwatch.Outcome{
		outcome(suspended),
		outcome(balance < 1000 || suspended),
		outcome(100*balance/capacity < 10),
		outcome(model.Runway(balance, in.Now, 0.5) <= 7),
		outcome(model.Runway(balance, in.Now, 0.1) < 3),
		outcome(anomaly > 3 && yesterday.Used > 100),
		outcome(days < 30),
		outcome(days < 90 && balance-model.Use(days, in.Now, 0.1) > 0.5*capacity),
		outcome((kind == "Essentials" || kind == "Enterprise") && balance/capacity < 0.1),
		outcome(month.Rate() > 500),
	}
}

// BenchmarkFiring is an alert that stands: its labels, its texts and its
// forecast are made anew at each poll.
func BenchmarkFiring(b *testing.B) {
	doc, problems := document.Parse("rules.yaml", []byte(`rules:
  - alert: Low
    expr: balance < 100000
    labels: { severity: warning }
    annotations: { summary: "{{ .Account.Name }} has {{ humanize .Value }} left" }
`))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	set, problems := rules.Load([]*document.Document{doc}, own())
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	in := account(1)
	b.ReportAllocs()
	for b.Loop() {
		set.Evaluate(in)
	}
}
