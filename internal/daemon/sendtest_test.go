package daemon

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/rules"
)

// mouth is a receiver whose answer a test sets.
type mouth struct {
	err  error
	took int
}

func (m *mouth) Notify(context.Context, billwatch.Notification, billwatch.Receipt) (billwatch.Receipt, error) {
	m.took++
	return billwatch.Receipt{Answer: "250 fine"}, m.err
}

func TestAnAcceptedTestMessageEndsReceiverDown(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, lowRule, rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		ops, backup := &mouth{err: notify.Permanent(errors.New("channel_not_found"))}, &mouth{}
		plan := r.d.plan()
		in := func(name string, m *mouth) []notify.Integration {
			return []notify.Integration{{Name: name + "/webhook/0", Receiver: name, Notifier: m}}
		}
		var err error
		plan.Router, err = notify.NewRouter(&notify.Route{Receiver: "ops"}, map[string][]notify.Integration{"ops": in("ops", ops), "backup": in("backup", backup)})
		r.must(err)
		plan.Fallback = "backup"
		r.d.plans.adopt(plan)
		r.d.opened.Store(r.store)
		r.hire()
		r.d.Listen = "127.0.0.1:9595"
		handler := web.Handler(r.d.health, r.d.metrics, r.d.api())
		test := func(when, receiver string, status int, want string) {
			t.Helper()
			got := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodPost, "http://localhost/api/v1/receivers/"+receiver+"/test", http.NoBody)
			handler.ServeHTTP(got, request)
			if got.Code != status || !strings.Contains(got.Body.String(), want) {
				t.Errorf("%s: %d %s, want %d with %s", when, got.Code, got.Body, status, want)
			}
		}
		down := func(when string, want bool) {
			t.Helper()
			states, err := r.d.receivers(t.Context())
			r.must(err)
			for _, state := range states {
				if state.Receiver == "ops" && (state.DownSince != nil) != want {
					t.Errorf("%s: down is %v, want %v", when, state.DownSince, want)
				}
			}
		}
		told := func() {
			t.Helper()
			r.d.Clock.Set(r.d.Clock.Now().Add(r.interval))
			slot, _ := r.source.Timing.Slot(r.source.Name, r.d.Clock.Now())
			_, err := r.rounds.poll(t.Context(), r.source, slot)
			r.must(err)
			r.d.Clock.Set(r.d.Clock.Now().Add(time.Minute))
			_, err = r.dispatcher.Step(t.Context())
			r.must(err)
		}
		r.api.lists("a1")
		told()
		down("after a refusal", true)
		test("while it is refused", "ops", 200, `"error": "channel_not_found"`)
		down("after a test that was refused", true)
		ops.err = nil
		test("a receiver that is not there", "nobody", 404, "no receiver of that name")
		test("accepted", "ops", 200, `"answer": "250 fine"`)
		down("after a test that was accepted", false)
		ops.err = notify.Throttled(errors.New("429"), time.Hour, "")
		r.api.lists("a1", "b2")
		told()
		tried := ops.took
		test("while a pause lasts", "ops", 200, "not sent: the other side asked to be left alone until 2")
		if ops.took != tried {
			t.Errorf("%d messages went there during the pause", ops.took-tried)
		}
	})
}
