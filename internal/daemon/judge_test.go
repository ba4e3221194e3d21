package daemon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// planWith returns a plan with these rules and one receiver.
func planWith(t testing.TB, text string) Plan {
	t.Helper()
	doc, problems := document.Parse("rules.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	set, problems := rules.Load([]*document.Document{doc}, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
	if problems.Errors() > 0 {
		t.Fatal(problems)
	}
	router, err := notify.NewRouter(&notify.Route{Receiver: "ops"}, map[string][]notify.Integration{
		"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Rules: set, Router: router}
}

const lowRule = `
rules:
  - alert: Low
    expr: balance < 1000
    labels: { severity: warning }
`

var acme = billwatch.Account{Source: "blues", ID: "a1", Name: "Acme", Provider: "notehub", Kind: "organization"}

func reads(balance int64) billwatch.Poll {
	return billwatch.Poll{Account: acme, At: noon, Snapshot: &billwatch.Snapshot{
		Account: acme, At: noon, Unit: "events", Suspended: billwatch.Known(false),
		Balance: billwatch.Known(billwatch.DecimalOf(balance)),
	}}
}

func fails() billwatch.Poll {
	return billwatch.Poll{Account: acme, At: noon, Err: errors.New("GET /v1/organizations: 503")}
}

// moves says what an account's poll moved, given what stood before.
func moves(v verdict) string {
	var all []string
	for _, t := range v.transitions {
		all = append(all, string(t.To)+" ("+t.Reason+")")
	}
	return strings.Join(all, ", ")
}

func TestJudge(t *testing.T) {
	plan := planWith(t, lowRule)
	firing := newJudge(plan).judge(reads(812), billwatch.Knowledge{}, noon)
	if got := moves(firing); got != "firing (condition holds)" || len(firing.due) != 1 {
		t.Fatalf("a low balance: %s, %d groups due", got, len(firing.due))
	}
	stands := billwatch.Knowledge{Alerts: firing.alerts}
	for _, c := range []struct {
		what  string
		rules string
		poll  billwatch.Poll
		want  string
		due   int
	}{
		{"still low moves nothing", lowRule, reads(800), "", 0},
		{"a failed poll is no good news", lowRule, fails(), "", 0},
		{"a topped-up balance is", lowRule, reads(5000), "resolved (condition no longer holds)", 1},
		{"a removed rule ends its alert", "rules: [{ alert: Other, expr: suspended }]", reads(812), "resolved (rule removed)", 1},
		{"a removed rule ends its alert even unseen", "rules: [{ alert: Other, expr: suspended }]", fails(), "resolved (rule removed)", 1},
		{"a changed label ends the alert and begins a new one", strings.Replace(lowRule, "warning", "critical", 1), reads(812),
			"resolved (rule changed), firing (condition holds)", 2},
		{"a changed condition keeps it", strings.Replace(lowRule, "1000", "900", 1), reads(812), "", 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			v := newJudge(planWith(t, c.rules)).judge(c.poll, stands, noon.Add(time.Hour))
			if got := moves(v); got != c.want || len(v.due) != c.due {
				t.Errorf("moved %q with %d groups due, want %q with %d", got, len(v.due), c.want, c.due)
			}
		})
	}
}

func TestAFirstHistoryCountsOnceWithItsSnapshot(t *testing.T) {
	withHistory := reads(812)
	withHistory.Records = []billwatch.Record{{Period: noon}}
	other := reads(5)
	other.Account.ID = "b2"
	got := folded([]billwatch.Poll{reads(812), other, withHistory})
	if len(got) != 2 || len(got[0].Records) != 1 || got[1].Account.ID != "b2" {
		t.Errorf("folded to %+v, want each account once, the later poll winning", got)
	}
}

func TestMergedRecordsAreSortedAndTheNewOneWins(t *testing.T) {
	day := func(n int, used int64) billwatch.Record {
		return billwatch.Record{Period: noon.AddDate(0, 0, n), Used: billwatch.DecimalOf(used)}
	}
	got := merged([]billwatch.Record{day(1, 1), day(3, 3)}, []billwatch.Record{day(2, 20), day(3, 30), day(4, 40)})
	var used []string
	for _, r := range got {
		used = append(used, r.Used.String())
	}
	if text := strings.Join(used, " "); text != "1 20 30 40" {
		t.Errorf("merged to %q, want %q", text, "1 20 30 40")
	}
}
