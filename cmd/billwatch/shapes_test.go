package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// paths returns where a JSON value has something: "rules[].fired".
func paths(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			paths(child, strings.TrimPrefix(at+"."+key, "."), into)
		}
	case []any:
		for _, child := range v {
			paths(child, at+"[]", into)
		}
	default:
		into[at] = true
	}
}

// TestResultsAsDataKeepTheirShape pins the keys that programs read. A key may be
// added here; one that goes or changes its name breaks somebody's script.
func TestResultsAsDataKeepTheirShape(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"billwatch.yaml": dailyRule + `
  - { alert: Low, expr: balance < 1000 }
`,
		"broken.yaml":   "rules:\n  - { alert: Low, expr: balanc < 5 }\n",
		"rules.yaml":    "rules:\n  - { alert: Low, expr: balance < 5 }\n",
		"low_test.yaml": "rule_files: [rules.yaml]\ntests: [{ name: it, series: { balance: '4' }, expect: [{ at: 0h, alerts: [{ alert: Low }] }] }]\n",
		"accounts.json": `[{"source": "none", "id": "a1", "name": "Acme", "balance": 500}]`,
		"records.csv":   "series_id,day,period,remaining_event_capacity,total_event_capacity_used\n" + falling(20),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, c := range []struct {
		command string
		status  int
		want    string // what must be there, and nothing else
	}{
		{"dry-run --snapshots accounts.json", 0, `version
			accounts[].error accounts[].id accounts[].name accounts[].snapshot.account.id accounts[].snapshot.account.name
			accounts[].source accounts[].snapshot.account.source accounts[].snapshot.account.kind accounts[].snapshot.account.provider
			accounts[].snapshot.at accounts[].snapshot.balance
			evaluations[].account evaluations[].outcome evaluations[].reason evaluations[].rule evaluations[].source evaluations[].value
			notifications[].alerts[] notifications[].integration notifications[].receiver notifications[].text`},
		{"check broken.yaml", 1, `version
			problems[].column problems[].file problems[].hint problems[].line problems[].message problems[].severity`},
		{"test low_test.yaml", 0, `version tests[].file tests[].line tests[].message tests[].name tests[].ok`},
		{"backtest --history records.csv", 0, `version from to rules[].rule rules[].testable rules[].fired rules[].flaps rules[].firing_seconds rules[].lead_days
			rules[].messages.ops.per_week rules[].messages.ops.total rules[].accounts[].source rules[].accounts[].account rules[].accounts[].flaps
			rules[].accounts[].spans[].from rules[].accounts[].spans[].to rules[].accounts[].spans[].empty rules[].accounts[].spans[].real`},
		{"explain Low Acme --snapshots accounts.json", 0, `version rule source account name at applies outcome expr parts[].text parts[].value decides distance
			state since for.seconds for.fires_at blocked_by route[].receiver route[].integration route[].group.alertname route[].group.source
			next_send next_reason`},
	} {
		t.Run(c.command, func(t *testing.T) {
			var out, talk strings.Builder
			args := append(strings.Fields(c.command), "-o", "json")
			if status := execute(t.Context(), args, &out, &talk); status != c.status {
				t.Fatalf("status %d\n%s%s", status, out.String(), talk.String())
			}
			var v any
			if err := json.Unmarshal([]byte(out.String()), &v); err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			paths(v, "", found)
			var got []string
			for path := range found {
				got = append(got, path)
			}
			slices.Sort(got)
			want := strings.Fields(c.want)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, out.String())
			}
		})
	}
}

// falling is an account that loses a hundred a day until it is empty.
func falling(days int) string {
	var b strings.Builder
	for day := range days {
		fmt.Fprintf(&b, "a1,%d,2026-01-%02d,%d,%d\n", day, day+1, max(0, 1500-100*day), min(1500, 100*day))
	}
	return b.String()
}
