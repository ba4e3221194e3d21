package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller/builtin"
	"github.com/billwatch/billwatch/rules"
)

// configured loads a configuration of one source and no receivers.
func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "billwatch.yaml")
	if err := os.WriteFile(path, []byte("receivers: { ops: { } }\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, err := config.Load(path, nil, config.Kinds{Sources: builtin.Types(), Integrations: []notify.Type{}})
	if err != nil || c == nil {
		t.Fatal(err, problems)
	}
	return c
}

// gives puts what a configuration gives accounts, and what its sources select,
// into force.
func (r *road) gives(c *config.Config) {
	r.Helper()
	next := r.d.plan()
	next.Given = c.Given
	next.LabelsBy = map[string]string{"blues": c.LabelsBy("blues")}
	r.d.plans.adopt(next)
	opened, err := c.Sources[0].Open(r.d.Clock.Now, r.d.Log)
	r.must(err)
	r.source.Select, r.source.SelectRead, r.source.Labels = opened.Select, opened.SelectRead, opened.Labels
	r.starts()
}

// plan makes the details say a plan; none where it is empty, as if it was not
// sent.
func (r *road) plan(plan string) {
	r.api.mu.Lock()
	defer r.api.mu.Unlock()
	r.api.shape = func(s *billwatch.Snapshot) {
		s.Plan.Type = billwatch.NotSent[string]()
		if plan != "" {
			s.Plan.Type = billwatch.Known(plan)
		}
	}
}

const givenSource = "sources: { blues: { type: notehub, token: secret-of-blues } }\n"

func TestAccountsAreMatchedByWhatTheirDetailSays(t *testing.T) {
	const accounts = givenSource + `accounts:
  - { match: 'plan.type == "Essentials"', labels: { tier: small }, vars: { bound: 10 } }
  - { match: 'plan.type == "Enterprise"', labels: { tier: big }, vars: { bound: 1 } }
`
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, `rules: [{ alert: Low, expr: 'balance < vars.bound' }]`,
			rules.Options{Vars: []string{"bound"}})
		r.plan("Essentials")
		r.api.lists("a1")
		r.gives(configured(t, accounts))
		r.pass(11 * time.Minute)
		if len(r.told) != 1 || r.told[0].Alerts[0].Labels["tier"] != "small" {
			t.Errorf("told %+v, want one alert with the label of the plan", r.told)
		}
		r.wantNews("at first", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})

		r.plan("")
		r.pass(15 * time.Minute)
		r.wantNews("while the plan is not sent", nil, nil)
		r.starts()
		r.api.unread["a1"] = errors.New("slow")
		r.pass(10 * time.Minute)
		r.wantNews("while it cannot be read", nil, nil)
		delete(r.api.unread, "a1")

		r.plan("Enterprise") // 5 is not less than 1
		r.pass(10 * time.Minute)
		alert := r.told[0].Alerts[0]
		r.wantNews("with another plan", []string{"all_resolved: Low a1 resolved"}, []string{"Low a1 resolved"})
		if alert.Labels["tier"] != "small" {
			t.Errorf("resolved under the labels %v, not under those that it began with", alert.Labels)
		}
	})
}

func TestAnAlertKeepsItsLabelsUntilTheConfigurationMakesOthers(t *testing.T) {
	accounts := func(tier string) string {
		return givenSource + "accounts:\n" +
			"  - { match: 'plan.type == \"Essentials\"', labels: { tier: " + tier + " } }\n" +
			"  - { match: 'plan.type == \"Enterprise\"', labels: { tier: big } }\n"
	}
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, `rules: [{ alert: Low, expr: balance < 10, labels: { who: "{{ .Account.Name }}" } }]`, rules.Options{})
		r.plan("Essentials")
		r.api.lists("a1")
		r.gives(configured(t, accounts("small")))
		r.pass(11 * time.Minute)
		first := r.told[0].Alerts[0].Fingerprint
		r.wantNews("at first", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})

		r.plan("Enterprise")
		r.api.rows[0].Account.Name = "Renamed"
		r.pass(10 * time.Minute)
		r.starts()
		r.pass(10 * time.Minute)
		r.wantNews("with another plan and name, and after a restart", nil, nil)

		r.plan("Essentials")
		r.api.rows[0].Account.Name = "Acme a1"
		r.gives(configured(t, accounts("tiny")))
		r.pass(6 * time.Minute)
		alert := r.told[0].Alerts[0]
		r.wantNews("with other labels in the configuration", []string{"new_alerts: Low a1 firing", "new_alerts: Low a1 resolved"},
			[]string{"Low a1 resolved", "Low a1 firing"})
		if alert.Fingerprint == first || alert.Labels["tier"] != "tiny" {
			t.Errorf("began anew as %v", alert.Labels)
		}
	})
}

func TestSelectKeepsItsLastAnswerWhereItCannotTell(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules: [{ alert: Low, expr: balance < 10 }]", rules.Options{})
		r.plan("")
		r.api.lists("a1")
		r.gives(configured(t, "sources: { blues: { type: notehub, token: secret-of-blues, select: 'plan.type == \"Essentials\"' } }\n"))
		r.pass(11 * time.Minute)
		r.wantNews("before it ever could be told", nil, nil)
		r.plan("Essentials")
		r.pass(6 * time.Minute)
		r.wantNews("once it is selected", []string{"first: Low a1 firing"}, []string{"Low a1 firing"})
		r.plan("")
		r.pass(11 * time.Minute)
		r.wantNews("while the plan is not sent", nil, nil)
		r.plan("Enterprise")
		r.pass(6 * time.Minute)
		r.wantNews("once it is not", []string{"all_resolved: Low a1 resolved"}, []string{"Low a1 resolved"})
		r.plan("")
		r.pass(6 * time.Minute)
		r.wantNews("while the plan is not sent again", nil, nil)
	})
}
