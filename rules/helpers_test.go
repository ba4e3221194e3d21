package rules_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func amount(f float64) billwatch.Decimal {
	d, err := billwatch.ParseDecimal(strconv.FormatFloat(f, 'f', -1, 64))
	if err != nil {
		panic(err)
	}
	return d
}

// acme is an account in good order, as Notehub would show it.
func acme() billwatch.Snapshot {
	return billwatch.Snapshot{
		Account: billwatch.Account{
			Source: "blues", ID: "app:1", Name: "Acme", Provider: "notehub", Kind: "organization",
			Role: "owner", Owner: "Jo", Labels: billwatch.Labels{"team": "iot"},
		},
		At:        now,
		Suspended: billwatch.Known(false),
		State:     billwatch.Known("active"),
		Balance:   billwatch.Known(amount(5_000)),
		Unit:      "events",
		Plan: billwatch.Plan{
			Type:     billwatch.Known("Enterprise"),
			Start:    billwatch.Known(now.AddDate(-1, 0, 0)),
			End:      billwatch.Known(now.AddDate(0, 0, 30)),
			Capacity: billwatch.Known(amount(10_000)),
		},
	}
}

// using returns the records of an account that used so much on each of the last
// days before today, and has so much left now.
func using(left, perDay float64, days int) []billwatch.Record {
	today := now.Truncate(24 * time.Hour)
	records := make([]billwatch.Record, days)
	for i := range records {
		ago := days - i
		records[i] = billwatch.Record{
			Period:    today.AddDate(0, 0, -ago),
			Remaining: amount(left + perDay*float64(ago-1)),
			Used:      amount(perDay),
		}
	}
	return records
}

func parse(t testing.TB, file, text string) *document.Document {
	t.Helper()
	doc, problems := document.Parse(file, []byte(text))
	if len(problems) > 0 {
		t.Fatalf("%s:\n%v", file, problems)
	}
	return doc
}

// onlyOwn switches the built-in rules off.
func onlyOwn() rules.Options {
	return rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}}
}

func load(t testing.TB, text string) *rules.Set {
	t.Helper()
	set, problems := rules.Load([]*document.Document{parse(t, "rules.yaml", text)}, onlyOwn())
	if problems.Errors() > 0 {
		t.Fatalf("load:\n%v\nof\n%s", problems, text)
	}
	return set
}

// condition returns a rule file with one rule of this expression.
func condition(expr string) string {
	return "rules:\n  - alert: Tried\n    expr: |-\n      " + expr + "\n"
}

// judge returns what one condition says.
func judge(t testing.TB, expr string, in rules.Input) billwatch.Evaluation {
	t.Helper()
	if in.Now.IsZero() {
		in.Now = now
	}
	return only(t, load(t, condition(expr)).Evaluate(in))
}

func only(t testing.TB, all []billwatch.Evaluation) billwatch.Evaluation {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d evaluations, want one: %+v", len(all), all)
	}
	return all[0]
}
