package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// The service has its state open all the while, and must not notice.
func TestADryRunTakesTheStateAlongAndWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	r := newRoad(t, "sqlite:"+path, `
rules:
  - { alert: Low, expr: balance < 1000, for: 12m }
`, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
	r.api.lists("a1")
	r.pass(6 * time.Minute)
	look := func() DryRun {
		store, err := sqlstore.Open(t.Context(), sqlstore.Config{DSN: "sqlite:" + path, ReadOnly: true})
		r.must(err)
		defer store.Close()
		plan := r.d.Plan
		plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
		r.must(err)
		plan.Router, err = notify.NewRouter(&notify.Route{Receiver: "ops", Routes: []*notify.Route{{Receiver: "ops", Continue: true}, {Receiver: "am"}}},
			map[string][]notify.Integration{
				"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true}},
				"am":  {{Name: "am/alertmanager/0", Receiver: "am", Notifier: fedNothing{}}},
			})
		r.must(err)
		before := stored(t, path)
		run, err := Look(t.Context(), plan, store, r.d.Clock.Now)
		r.must(err)
		if !slices.EqualFunc(before, stored(t, path), bytes.Equal) {
			t.Error("a dry-run changed the state")
		}
		return run
	}
	if run := look(); len(run.Notifications) != 0 || len(run.Alerts) != 1 || run.Alerts[0].State != billwatch.Pending || len(run.Feeds) != 0 {
		t.Errorf("an alert that has not held long enough: %d messages, alerts %+v", len(run.Notifications), run.Alerts)
	}
	r.pass(12 * time.Minute)
	r.wantNews("meanwhile", []string{"first: Low a1 firing"}, []string{"Low a1 pending", "Low a1 firing"})
	if run := look(); len(run.Notifications) != 0 || len(run.Alerts) != 1 || run.Alerts[0].State != billwatch.Firing {
		t.Errorf("an alert that was told already: %d messages, alerts %+v", len(run.Notifications), run.Alerts)
	} else if len(run.Feeds) != 1 || run.Feeds[0].Integration != "am/alertmanager/0" || len(run.Feeds[0].Alerts) != 1 {
		t.Errorf("an Alertmanager would be pushed %+v, want the alert, told or not", run.Feeds)
	}
}

// fedNothing stands for feeds, of which there are none.
type fedNothing struct{ notify.Notifier }

func (fedNothing) Feeds() []notify.Feed { return nil }

// stored is every byte of the state and its log.
func stored(t *testing.T, path string) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{path, path + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}
