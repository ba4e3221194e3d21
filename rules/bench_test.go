package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/forecast"
)

// Each pair is a condition and what one would write in Go in its stead.

func BenchmarkCompile(b *testing.B) {
	doc := parse(b, "rules.yaml", condition(`plan.end != nil && days_until(plan.end) < 14 || balance < 1000`))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := rules.Load([]*document.Document{doc}, onlyOwn()); problems.Errors() > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkSimple(b *testing.B) {
	set, in := load(b, condition("balance < 1000 || suspended")), full()
	in.Now = now
	b.ReportAllocs()
	for b.Loop() {
		set.Evaluate(in)
	}
}

func BenchmarkSimpleByHand(b *testing.B) {
	in := full()
	b.ReportAllocs()
	for b.Loop() {
		byHand(in.Snapshot)
	}
}

func byHand(s billwatch.Snapshot) billwatch.Outcome {
	balance, known := s.Balance.Get()
	suspended, told := s.Suspended.Get()
	switch {
	case known && balance.Float64() < 1000, told && suspended:
		return billwatch.True
	case known && told:
		return billwatch.False
	}
	return billwatch.Unknown
}

func BenchmarkTenRules(b *testing.B) {
	text := "rules:\n"
	for _, name := range []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"} {
		text += "  - alert: " + name + "\n    expr: plan.type == \"Enterprise\" && balance / plan.capacity < 0.1\n"
	}
	set, in := load(b, text), full()
	in.Now = now
	b.ReportAllocs()
	for b.Loop() {
		set.Evaluate(in)
	}
}

func BenchmarkRunway(b *testing.B) {
	set, in := load(b, condition("runway_days(0.1) < 3")), full()
	in.Now = now
	b.ReportAllocs()
	for b.Loop() {
		set.Evaluate(in)
	}
}

func BenchmarkRunwayByHand(b *testing.B) {
	in := full()
	b.ReportAllocs()
	for b.Loop() {
		balance, _ := in.Snapshot.Balance.Get()
		_ = forecast.New(forecast.Of(in.Records, now)).Runway(balance.Float64(), now, 0.1) < 3
	}
}

func BenchmarkFiring(b *testing.B) {
	text := condition("balance < 6000") + `    labels: { severity: warning }
    annotations: { summary: "{{ .Account.Name }} has {{ humanize .Value }} left" }
`
	set, in := load(b, text), full()
	in.Now = now
	b.ReportAllocs()
	for b.Loop() {
		set.Evaluate(in)
	}
}
