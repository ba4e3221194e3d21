package rules_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
	"github.com/google/go-cmp/cmp"
)

func at(s billwatch.Snapshot) rules.Input { return rules.Input{Snapshot: s, Now: now} }

func TestEvaluationCarriesWhatIsTold(t *testing.T) {
	set := load(t, `rules:
  - alert: Low
    expr: balance < 6000
    until: balance > 7000
    for: 15m
    keep_firing_for: 1h
    runbook_url: https://wiki.example.com/low
    labels: { severity: warning, who: "{{ .Account.Role }}-{{ .Rule }}", none: "" }
    annotations:
      summary: "{{ .Account.Name }}: {{ humanize .Value }} {{ .Unit }}, {{ humanizeDays .Runway.P50 }} at {{ humanize .BurnRate }} a day"
`)
	in := at(acme())
	in.Records = using(5_000, 100, 60)
	got := only(t, set.Evaluate(in))
	value := 5_000.0
	want := billwatch.Evaluation{
		Rule: "Low", Account: billwatch.AccountKey{Source: "blues", ID: "app:1"}, At: now,
		Outcome: billwatch.True, Until: billwatch.False, For: 15 * time.Minute, KeepFiringFor: time.Hour,
		Value:      &value,
		RunbookURL: "https://wiki.example.com/low",
		Labels: billwatch.Labels{
			"alertname": "Low", "source": "blues", "provider": "notehub", "account": "app:1", "account_name": "Acme",
			"team": "iot", "severity": "warning", "who": "owner-Low",
		},
		Annotations: map[string]string{"summary": "Acme: 5,000 events, 50 days at 100 a day"},
	}
	if got.Forecast == nil || math.Abs(got.Forecast.Runway.P50-50) > 0.01 || got.Forecast.ExhaustAt.IsZero() {
		t.Errorf("forecast = %+v", got.Forecast)
	}
	if got.Snapshot == nil || got.Snapshot.Account.Name != "Acme" {
		t.Errorf("snapshot = %+v", got.Snapshot)
	}
	got.Forecast, got.Snapshot, got.LabelsBy = nil, nil, ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnAccountWithoutANameIsNamedByItsID(t *testing.T) {
	set := load(t, "rules:\n  - alert: Low\n    expr: balance < 1000000\n    annotations: { summary: \"{{ .Account.Name }} has {{ .Value }} left\" }\n")
	s := acme()
	s.Account.Name = ""
	got := only(t, set.Evaluate(at(s)))
	if got.Annotations["summary"] != "app:1 has 5000 left" || got.Snapshot.Account.Name != "" {
		t.Errorf("told %q of %+v", got.Annotations, got.Snapshot.Account)
	}
}

func TestNothingIsToldOfWhatIsNotTrue(t *testing.T) {
	set := load(t, condition("balance < 1000"))
	got := only(t, set.Evaluate(at(acme())))
	if got.Labels != nil || got.Annotations != nil || got.Value != nil || got.Snapshot != nil || got.Forecast != nil {
		t.Errorf("a false outcome carries %+v", got)
	}
	in := at(acme())
	in.Standing = map[string]bool{"Tried": true}
	if got := only(t, set.Evaluate(in)); got.Labels["alertname"] != "Tried" || got.Value == nil || got.Snapshot == nil {
		t.Errorf("a standing alert carries %+v", got)
	}
}

func TestShownValue(t *testing.T) {
	tests := []struct {
		name, expr, value string
		want              float64 // NaN for none
	}{
		{"the number that is compared", "balance < 6000", "", 5_000},
		{"on whichever side", "6000 > balance", "", 5_000},
		{"the first of several", "!suspended && balance < 6000 && plan.capacity > 1", "", 5_000},
		{"what the rule says", "balance < 6000", "plan.capacity / 2", 5_000},
		{"none of a flag", "!suspended", "", math.NaN()},
		{"none that is infinite", "true", "days_until(date(\"9999-12-31\"))", math.NaN()},
		{"none that is not known", "true", "recharge.low", math.NaN()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := condition(tt.expr)
			if tt.value != "" {
				text += "    value: '" + tt.value + "'\n"
			}
			got := only(t, load(t, text).Evaluate(at(acme()))).Value
			if (got == nil) != math.IsNaN(tt.want) || got != nil && *got != tt.want {
				t.Errorf("value = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhere(t *testing.T) {
	unsure := acme()
	unsure.Plan.Type = billwatch.NotSent[string]()
	without := acme()
	without.Plan.Type = billwatch.Value[string]{}
	other := acme()
	other.Plan.Type = billwatch.Known("Essentials")
	was := func(o billwatch.Outcome) map[string]billwatch.Outcome {
		return map[string]billwatch.Outcome{"Tried": o}
	}
	tests := []struct {
		name     string
		snap     billwatch.Snapshot
		applied  map[string]billwatch.Outcome
		standing bool
		want     string
	}{
		{"an account that it looks at", acme(), nil, false, "true"},
		{"another account", other, nil, false, "not looked at"},
		{"another account whose alert stands", other, was(billwatch.True), true, "ends: no longer applies"},
		{"what does not apply is no account of it", without, was(billwatch.True), false, "not looked at"},
		{"and ends what stands", without, was(billwatch.True), true, "ends: no longer applies"},
		{"unknown at first is not looked at", unsure, nil, false, "not looked at"},
		{"unknown keeps a yes", unsure, was(billwatch.True), false, "true"},
		{"unknown keeps a no", unsure, was(billwatch.False), false, "not looked at"},
		{"an alert that stands is a yes", unsure, nil, true, "true"},
	}
	set := load(t, condition("balance < 6000")+`    where: plan.type == "Enterprise"`+"\n")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := at(tt.snap)
			in.Applied, in.Standing = tt.applied, map[string]bool{"Tried": tt.standing}
			got := "not looked at"
			for _, e := range set.Evaluate(in) {
				if got = e.Outcome.String(); e.Ends != "" {
					got = "ends: " + e.Ends
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A where that always fails would otherwise be a rule that looks at nobody, and
// nobody would hear of it.
func TestAWhereThatFailsIsAnErrorOfItsRule(t *testing.T) {
	set := load(t, condition("balance < 6000")+"    on_unknown: alert\n    where: balance / (balance - balance) > 1\n")
	for _, standing := range []bool{false, true} {
		in := at(acme())
		in.Standing = map[string]bool{"Tried": standing}
		all := set.Evaluate(in)
		if len(all) != 1 {
			t.Fatalf("standing %v: got %d evaluations, want 1", standing, len(all))
		}
		got := all[0]
		outcome, says := billwatch.Unknown, got.Detail
		if standing { // an alert that stands is judged on
			outcome, says = billwatch.True, got.Fails
		}
		if got.Outcome != outcome || !strings.HasPrefix(says, "where: ") || got.Ends != "" {
			t.Errorf("standing %v: got %s, %q, ends %q, want %s and why where fails", standing, got.Outcome, says, got.Ends, outcome)
		}
		if !standing && got.Reason != billwatch.ReasonEvaluationError {
			t.Errorf("reason: got %q", got.Reason)
		}
	}
}

func TestUntil(t *testing.T) {
	tests := []struct {
		name, until string
		want        billwatch.Outcome
	}{
		{"without one an alert may resolve", "", billwatch.True},
		{"it holds", "balance > 1", billwatch.True},
		{"it does not hold", "balance > 9000", billwatch.False},
		{"it is not known", "recharge.low > 1", billwatch.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := condition("balance < 1000")
			if tt.until != "" {
				text += "    until: " + tt.until + "\n"
			}
			if got := only(t, load(t, text).Evaluate(at(acme()))).Until; got != tt.want {
				t.Errorf("until is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOnUnknown(t *testing.T) {
	hidden := acme()
	hidden.Balance = billwatch.NotSent[billwatch.Decimal]()
	invoice := acme()
	invoice.Balance = billwatch.Value[billwatch.Decimal]{}
	zero := acme()
	zero.Balance = billwatch.Known(amount(0))
	tests := []struct {
		name, onUnknown string
		snap            billwatch.Snapshot
		want            string
		annotation      string
	}{
		{"nothing by itself", "", hidden, "unknown not_sent", ""},
		{"kept", "keep", hidden, "unknown not_sent", ""},
		{"an alert", "alert", hidden, "true not_sent", "not_sent: balance was not sent"},
		{"well", "ok", hidden, "false not_sent", ""},
		{"an error is an alert", "alert", zero, "true evaluation_error", "evaluation_error: division by zero"},
		{"what does not apply is no alert", "alert", invoice, "unknown not_applicable", ""},
		{"nor is it well", "ok", invoice, "unknown not_applicable", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := condition("1 / balance > 1")
			if tt.onUnknown != "" {
				text += "    on_unknown: " + tt.onUnknown + "\n"
			}
			got := only(t, load(t, text).Evaluate(at(tt.snap)))
			if said(got) != tt.want || got.Annotations[rules.UnknownAnnotation] != tt.annotation || got.Value != nil {
				t.Errorf("got %s with %v and value %v", said(got), got.Annotations, got.Value)
			}
		})
	}
}

func TestBlind(t *testing.T) {
	set := load(t, `rules:
  - alert: Plain
    expr: balance < 1000
  - alert: Loud
    expr: balance < 1000
    on_unknown: alert
    labels: { severity: critical }
    annotations: { summary: "{{ .Account.Name }} cannot be seen: {{ .Reason }}" }
  - alert: Calm
    expr: balance < 1000
    on_unknown: ok
  - alert: Ours
    where: account.name == "Acme"
    expr: balance < 1000
    on_unknown: alert
  - alert: NotOurs
    where: account.name == "Other"
    expr: balance < 1000
    on_unknown: alert
  - alert: Unsure
    where: plan.end == nil
    expr: balance < 1000
    on_unknown: alert
  - alert: Elsewhere
    sources: [gpus]
    expr: balance < 1000
    on_unknown: alert
`)
	got := map[string]string{}
	for _, e := range set.Blind(acme().Account, billwatch.ReasonFailedPoll, "connection refused", now) {
		got[e.Rule] = said(e)
		if e.Snapshot != nil || e.Value != nil {
			t.Errorf("%s knows %+v", e.Rule, e)
		}
		if e.Rule != "Loud" {
			continue
		}
		want := map[string]string{"summary": "Acme cannot be seen: failed_poll", "unknown": "failed_poll: connection refused"}
		if diff := cmp.Diff(want, e.Annotations); diff != "" || e.Labels["severity"] != "critical" || e.Labels["account"] != "app:1" {
			t.Errorf("labels %v, annotations %s", e.Labels, diff)
		}
	}
	want := map[string]string{
		"Plain": "unknown failed_poll", "Loud": "true failed_poll", "Calm": "false failed_poll",
		"Ours": "true failed_poll", "Unsure": "unknown failed_poll",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSources(t *testing.T) {
	set := load(t, condition("true")+"    sources: [gpus, blues]\n")
	if got := set.Evaluate(at(acme())); len(got) != 1 {
		t.Errorf("%d evaluations of a source that is named", len(got))
	}
	other := acme()
	other.Account.Source = "green"
	if got := set.Evaluate(at(other)); len(got) != 0 {
		t.Errorf("%d evaluations of a source that is not", len(got))
	}
}

func TestDeletedAccountIsNotJudged(t *testing.T) {
	gone := acme()
	gone.DeletedAt = billwatch.Known(now.Add(-time.Hour))
	if got := load(t, condition("true")).Evaluate(at(gone)); len(got) != 0 {
		t.Errorf("a deleted account got %+v", got)
	}
}

func TestOneRuleThatFailsLeavesTheOthers(t *testing.T) {
	set := load(t, "rules:\n  - alert: Broken\n    expr: 1 / (balance - 5000) > 1\n  - alert: Sound\n    expr: balance < 6000\n")
	all := set.Evaluate(at(acme()))
	if len(all) != 2 || said(all[0]) != failed || said(all[1]) != isTrue {
		t.Errorf("got %+v", all)
	}
}

func TestRenameKeepsTheFingerprint(t *testing.T) {
	set := load(t, condition("true"))
	renamed := acme()
	renamed.Account.Name = "Acme Inc"
	before, after := only(t, set.Evaluate(at(acme()))).Labels, only(t, set.Evaluate(at(renamed))).Labels
	if before.Fingerprint() != after.Fingerprint() || before["account_name"] == after["account_name"] {
		t.Errorf("%v became %v", before, after)
	}
}

func TestForecastNote(t *testing.T) {
	stepped := using(5_000, 120, 42)
	for i := range stepped {
		used := stepped[i].Used.Float64() + float64(i%5)
		if i >= 30 {
			used += 200
		}
		stepped[i].Used = amount(used)
	}
	tests := []struct {
		name    string
		records []billwatch.Record
		want    string
	}{
		{"nothing to note", using(5_000, 120, 42), ""},
		{"no use", using(5_000, 0, 42), "no use seen"},
		{"a lasting change", stepped, "use went from 123 to 317 a day around 12 November"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := at(acme())
			in.Records = tt.records
			got := only(t, load(t, condition("true")).Evaluate(in)).Forecast
			if got == nil || got.Note != tt.want {
				t.Errorf("forecast = %+v, want note %q", got, tt.want)
			}
			if diff := cmp.Diff(rules.ForecastOf(in), got); diff != "" {
				t.Errorf("asked for alone it is another:\n%s", diff)
			}
		})
	}
}

// What an evaluation carries is its own, whatever account is judged after it.
func TestWhatIsToldOutlivesTheNextAccount(t *testing.T) {
	set := load(t, condition("balance < 10000")+"  - alert: Other\n    expr: balance < 10000\n")
	var all [20][]billwatch.Evaluation
	for i := range all {
		s := acme()
		s.Balance = billwatch.Known(billwatch.DecimalOf(int64(i)))
		all[i] = set.Evaluate(at(s))
	}
	for i, evaluations := range all {
		for _, e := range evaluations {
			if got := e.Snapshot.Balance.String(); got != strconv.Itoa(i) || *e.Value != float64(i) {
				t.Errorf("%s of account %d has balance %s and value %v", e.Rule, i, got, *e.Value)
			}
		}
	}
}

func TestWhereKeepsItsLastAnswerWhereItCannotTell(t *testing.T) {
	set := load(t, `
rules:
  - alert: Low
    where: plan.type == "Essentials"
    expr: balance < 1000000
`)
	plan := func(v billwatch.Value[string]) billwatch.Snapshot {
		s := acme()
		s.Plan.Type = v
		return s
	}
	essentials, other, unsent := plan(billwatch.Known("Essentials")), plan(billwatch.Known("Big")), plan(billwatch.NotSent[string]())
	for _, c := range []struct {
		what     string
		previous *billwatch.Snapshot
		standing bool
		judged   bool
	}{
		{"at first nothing is looked at", nil, false, false},
		{"what applied goes on to", &essentials, false, true},
		{"what did not does not", &other, false, false},
		{"what stands goes on to", &unsent, true, true},
		{"what was not known before either does not", &unsent, false, false},
	} {
		in := at(unsent)
		in.Previous = c.previous
		if c.standing {
			in.Standing = map[string]bool{"Low": true}
		}
		if got := len(set.Evaluate(in)) == 1; got != c.judged {
			t.Errorf("%s: judged %v", c.what, got)
		}
	}
}

func TestAVariableThatCannotBeDecidedIsUnknown(t *testing.T) {
	set := load(t, condition("balance < vars.floor")+"    annotations: { summary: \"below {{ .Vars.floor }}.\" }\n    on_unknown: alert\n")
	in := at(acme())
	in.Vars = map[string]any{"floor": rules.Undecided{}}
	got := only(t, set.Evaluate(in))
	if got.Outcome != billwatch.True || got.Reason != billwatch.ReasonNotSent || got.Annotations["summary"] != "below ." {
		t.Errorf("got %v for %q: %q", got.Outcome, got.Reason, got.Annotations)
	}
}
