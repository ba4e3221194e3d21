package daemon

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/alertmanager"
	"github.com/billwatch/billwatch/rules"
)

func TestAnAlertmanagerHearsOfWhatStandsInTheStore(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		var posted atomic.Pointer[[]string] // "account until" since the last look
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var alerts []struct {
				Labels map[string]string `json:"labels"`
				EndsAt time.Time         `json:"endsAt"`
			}
			if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil {
				t.Error(err)
			}
			all := []string{}
			for _, a := range alerts {
				all = append(all, a.Labels["alertname"]+" "+a.Labels["account"]+" until "+a.EndsAt.Format("15:04"))
			}
			posted.Store(&all)
		}))
		defer server.Close()

		r := newRoad(t, dsn, lowRule, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		c := alertmanager.Defaults()
		c.URLs = []string{server.URL}
		n, err := alertmanager.New(c, notify.Common{})
		r.must(err)
		plan := r.d.plan()
		plan.Router, err = notify.NewRouter(&notify.Route{Receiver: "am"}, map[string][]notify.Integration{
			"am": {{Name: "am/alertmanager/0", Receiver: "am", SendResolved: true, Notifier: n}},
		})
		r.must(err)
		plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
		r.must(err)
		knocks := 0
		r.rounds.pipeline.moved = func() { knocks++ }

		look := func(when string, moved bool, want ...string) {
			t.Helper()
			posted.Store(&[]string{"nothing was posted"})
			r.must(r.d.feeder(r.store, plan).Once(t.Context()))
			if got := *posted.Load(); !slices.Equal(got, want) {
				t.Errorf("%s: posted %q, want %q", when, got, want)
			}
			if (knocks > 0) != moved {
				t.Errorf("%s: knocked %d times, want some: %v", when, knocks, moved)
			}
			knocks = 0
		}
		r.api.lists("a1", "b2")
		r.polls() // 12:05
		look("two are low", true, "Low a1 until 12:09", "Low b2 until 12:09")
		r.polls()
		look("nothing moved", false, "Low a1 until 12:14", "Low b2 until 12:14")
		r.api.shape = func(s *billwatch.Snapshot) {
			if s.Account.ID == "b2" {
				s.Balance = billwatch.Known(billwatch.DecimalOf(5000))
			}
		}
		r.polls() // 12:15
		look("one is well again", true, "Low a1 until 12:19", "Low b2 until 12:15")
		r.polls()
		r.polls()
		r.polls() // 12:30
		look("a quarter of an hour later", false, "Low a1 until 12:34", "Low b2 until 12:15")
		r.polls()
		look("later still", false, "Low a1 until 12:39")
		if !strings.Contains(r.metrics(), `billwatch_push_last_success_timestamp_seconds{feed="`+strings.TrimPrefix(server.URL, "http://")+`",integration="am/alertmanager/0"} `) {
			t.Errorf("the last success is in no metric")
		}
	})
}

func TestFeedsFollowThePlanInForce(t *testing.T) {
	first, second := make(chan bool, 10), make(chan bool, 10)
	count := func(posts chan bool) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts <- true }))
		t.Cleanup(s.Close)
		return s
	}
	r := newRoad(t, "sqlite:"+t.TempDir()+"/billwatch.db", lowRule, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
	r.api.lists("a1")
	r.polls()
	planOf := func(s *httptest.Server) Plan {
		c := alertmanager.Defaults()
		c.URLs = []string{s.URL}
		n, err := alertmanager.New(c, notify.Common{})
		r.must(err)
		plan := r.d.plan()
		plan.Router, err = notify.NewRouter(&notify.Route{Receiver: "am"}, map[string][]notify.Integration{
			"am": {{Name: "am/alertmanager/0", Receiver: "am", SendResolved: true, Notifier: n}},
		})
		r.must(err)
		plan.Templates, err = notify.NewTemplates(notify.TemplatesConfig{})
		r.must(err)
		return plan
	}
	r.d.plans.adopt(planOf(count(first)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	feeds := r.d.feeds(r.store, r.rounds)
	go func() { ended <- feeds.run(ctx) }()
	posted := func(when string, posts chan bool) {
		t.Helper()
		select {
		case <-posts:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: nothing is pushed", when)
		}
	}
	posted("at the start", first)
	r.rounds.pipeline.moved()
	posted("when alerts moved", first)
	r.d.plans.adopt(planOf(count(second)))
	posted("by the next plan", second)
	r.rounds.pipeline.moved()
	posted("when alerts moved by then", second)
	if len(first) > 0 {
		t.Error("the plan of before is pushed by, too")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run = %v, want nil", err)
	}
}
