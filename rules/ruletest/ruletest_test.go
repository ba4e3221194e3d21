package ruletest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/rules/ruletest"
)

// stage notes what is played on it.
type stage struct {
	polls  []string
	alerts []billwatch.Alert
}

func (s *stage) Poll(_ context.Context, _ string, at time.Time, polls []billwatch.Poll) error {
	shown := at.Format("15:04") + " fails"
	if snapshot := polls[0].Snapshot; snapshot != nil {
		balance, known := snapshot.Balance.Get()
		shown = at.Format("15:04") + " " + balance.String()
		if !known {
			shown = at.Format("15:04") + " not sent"
		}
	}
	s.polls = append(s.polls, shown)
	return nil
}

func (s *stage) Until(context.Context, time.Time) error { return nil }

func (s *stage) Alerts(context.Context) ([]billwatch.Alert, error) { return s.alerts, nil }

func (s *stage) Explain(string, billwatch.AccountKey) (rules.Explanation, bool) {
	return rules.Explanation{}, false
}

// played runs the only test of a text.
func played(t *testing.T, s *stage, text string) ruletest.Result {
	t.Helper()
	doc, problems := document.Parse("rules_test.yaml", []byte("rule_files: [r.yaml]\ntests:\n  - name: it\n    interval: 1h\n    "+strings.ReplaceAll(text, "\n", "\n    ")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	file, problems := ruletest.Load(doc)
	if problems.Errors() > 0 {
		t.Fatal(problems)
	}
	result, err := file.Tests[0].Run(t.Context(), s, func() []billwatch.Notification { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestASeriesIsAValueAPoll(t *testing.T) {
	for _, c := range []struct{ name, series, poll, want string }{
		{"one value for all", "5", "ok", "00:00 5, 01:00 5, 02:00 5, 03:00 5"},
		{"one after another", "5 4.5 3", "ok", "00:00 5, 01:00 4.5, 02:00 3, 03:00 3"},
		{"a and n more", "5x1 3", "ok", "00:00 5, 01:00 5, 02:00 3, 03:00 3"},
		{"down by a step, exactly", "1-0.1x3", "ok", "00:00 1.0, 01:00 0.9, 02:00 0.8, 03:00 0.7"},
		{"up by a step", "-2+1x3", "ok", "00:00 -2, 01:00 -1, 02:00 0, 03:00 1"},
		{"left out once", "5 _ 3", "ok", "00:00 5, 01:00 not sent, 02:00 3, 03:00 3"},
		{"left out n times, as in promtool", "5 _x2 3", "ok", "00:00 5, 01:00 not sent, 02:00 not sent, 03:00 3"},
		{"polls that fail", "5", "ok failx1 ok", "00:00 5, 01:00 fails, 02:00 fails, 03:00 5"},
	} {
		s := &stage{}
		played(t, s, "series: { balance: '"+c.series+"', poll: '"+c.poll+"' }\nexpect: [{ at: 3h, alerts: [] }]")
		if got := strings.Join(s.polls, ", "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAlertsCompareAsFarAsTheyAreGiven(t *testing.T) {
	seven, eight := 7.0, 8.0
	low := billwatch.Alert{Key: billwatch.AlertKey{Rule: "Low"}, State: billwatch.Firing, Value: &seven,
		Labels: billwatch.Labels{"severity": "warning"}, Annotations: map[string]string{"summary": "7 left"}}
	waits := billwatch.Alert{Key: billwatch.AlertKey{Rule: "Waits"}, State: billwatch.Pending, Value: &eight}
	for _, c := range []struct {
		name, expect string
		ok           bool
	}{
		{"its name will do", "[{ alert: Low }]", true},
		{"a label of it", "[{ alert: Low, labels: { severity: warning } }]", true},
		{"another label", "[{ alert: Low, labels: { severity: critical } }]", false},
		{"a label that it lacks", "[{ alert: Low, labels: { team: iot } }]", false},
		{"its value", "[{ alert: Low, value: 7 }]", true},
		{"another value", "[{ alert: Low, value: 7.1 }]", false},
		{"its words", "[{ alert: Low, annotations: { summary: 7 left } }]", true},
		{"other words", "[{ alert: Low, annotations: { summary: 8 left } }]", false},
		{"nothing, although it fires", "[]", false},
		{"twice, although it fires once", "[{ alert: Low }, { alert: Low }]", false},
		{"the pending one, too", "[{ alert: Low }, { alert: Waits, state: pending }]", true},
		{"the pending one alone", "[{ alert: Waits, state: pending }]", false},
		{"the pending one as firing", "[{ alert: Low }, { alert: Waits }]", false},
	} {
		s := &stage{alerts: []billwatch.Alert{low, waits}}
		if got := played(t, s, "expect: [{ at: 0h, alerts: "+c.expect+" }]"); got.OK() != c.ok {
			t.Errorf("expecting %s: ok is %v, want %v: %+v", c.name, got.OK(), c.ok, got.Failures)
		}
	}
}

func TestWrongTestFilesAreRefusedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no rules", "tests: [{ name: a, expect: [{ at: 0h, alerts: [] }] }]", "1:1: rule_files is missing"},
		{"no tests", "rule_files: [r.yaml]\ntests: []", "1:1: tests holds no test"},
		{"no name", "rule_files: [r.yaml]\ntests:\n  - expect: [{ at: 0h, alerts: [] }]", "3:5: name is missing"},
		{"nothing expected", "rule_files: [r.yaml]\ntests:\n  - { name: a, expect: [{ at: 1h }] }", "3:25: expects nothing"},
		{"a series that is none", "rule_files: [r.yaml]\ntests:\n  - { name: a, series: { balance: 5 x }, expect: [{ at: 1h, alerts: [] }] }", `3:35: balance: "x" is not a decimal number`},
		{"too many values", "rule_files: [r.yaml]\ntests:\n  - { name: a, series: { balance: 1x99999999 }, expect: [{ at: 1h, alerts: [] }] }", "3:35: balance: \"99999999\" is not a number of times"},
		{"expectations out of order", "rule_files: [r.yaml]\ntests:\n  - { name: a, expect: [{ at: 1h, alerts: [] }, { at: 0h, alerts: [] }] }", "3:55: at: is before the expectation above it"},
		{"a state that is none", "rule_files: [r.yaml]\ntests:\n  - { name: a, expect: [{ at: 1h, alerts: [{ alert: A, state: on }] }] }", "3:63: state: must be firing or pending"},
		{"a status that is none", "rule_files: [r.yaml]\ntests:\n  - { name: a, expect: [{ at: 1h, notifications: [{ status: fired }] }] }", `3:61: status: "fired" is none of firing, resolved`},
		{"a reason that is none", "rule_files: [r.yaml]\ntests:\n  - { name: a, expect: [{ at: 1h, notifications: [{ reason: frist }] }] }", `3:61: reason: "frist" is none of first, new_alerts`},
		{"polls without end", "rule_files: [r.yaml]\ntests:\n  - { name: a, interval: 5m, expect: [{ at: 100y, alerts: [] }] }", "3:45: at: is over 50000 polls after the start"},
		{"a field that changes and does not", "rule_files: [r.yaml]\ntests:\n  - { name: a, account: { balance: 5 }, series: { balance: 6 }, expect: [{ at: 1h, alerts: [] }] }", "3:51: balance: the account has it, too"},
		{"so does the plan's", "rule_files: [r.yaml]\ntests:\n  - { name: a, account: { plan: { type: A } }, series: { plan.type: B }, expect: [{ at: 1h, alerts: [] }] }", "3:58: plan.type: the account has it, too"},
		{"so does the name", "rule_files: [r.yaml]\ntests:\n  - { name: a, account: { name: A }, series: { account.name: B }, expect: [{ at: 1h, alerts: [] }] }", "3:48: account.name: the account has it, too"},
	} {
		doc, problems := document.Parse("t.yaml", []byte(c.text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		_, problems = ruletest.Load(doc)
		if len(problems) == 0 || !strings.HasPrefix(problems[0].String(), "t.yaml:"+c.want) {
			t.Errorf("%s: got %v, want %s", c.name, problems, c.want)
		}
	}
}

func TestAFailureSaysWhatDiffers(t *testing.T) {
	s := &stage{alerts: []billwatch.Alert{{Key: billwatch.AlertKey{Rule: "Low"}, State: billwatch.Firing, Labels: billwatch.Labels{"severity": "warning"}}}}
	result := played(t, s, "expect: [{ at: 0h, alerts: [{ alert: Low, labels: { severity: critical } }] }]")
	result.File = "t.yaml"
	var whole, diff strings.Builder
	result.Print(&whole, false)
	result.Print(&diff, true)
	const head, tail = "FAIL t.yaml:3: it\n  at 0s: alerts (line 5)\n", "    why   Low: there is no such rule, or no poll yet\n"
	if d := cmp.Diff(head+"    want  firing Low {severity=\"critical\"}\n    got   firing Low {severity=\"warning\"}\n"+tail, whole.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(head+"    - firing Low {severity=\"critical\"}\n    + firing Low {severity=\"warning\"}\n"+tail, diff.String()); d != "" {
		t.Errorf("--diff: -want +got:\n%s", d)
	}
}
