package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
)

// hears is a receiver that notes what it is told.
type hears struct {
	mu   sync.Mutex
	told []string
}

func (h *hears) Notify(_ context.Context, n billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range n.Alerts {
		h.told = append(h.told, words(n.Reason+":", a.Key.Rule, a.Key.Account.ID, string(a.State)))
	}
	return billwatch.Receipt{}, nil
}

func (h *hears) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told)
}

// reloaded is a service whose configuration a test changes while it runs.
type reloaded struct {
	*testing.T
	d       *Daemon
	api     *api
	hears   *hears
	runs    int // plans that were read
	sources int // how often the source was made anew
}

// plan returns the plan of the n-th reading; its source is another one where its
// digest is.
func (r *reloaded) plan(text, digest string) Plan {
	r.Helper()
	plan := planWith(r.T, text)
	router, err := notify.NewRouter(&notify.Route{Receiver: "ops", GroupWait: new(time.Second)},
		map[string][]notify.Integration{"ops": {{Name: "ops/webhook/0", Receiver: "ops", SendResolved: true, Notifier: r.hears}}})
	if err != nil {
		r.Fatal(err)
	}
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	if err != nil {
		r.Fatal(err)
	}
	r.sources++
	plan.Router, plan.Templates = router, templates
	plan.Sources = []*poller.Source{{Name: "blues", Provider: r.api, Timing: poller.Timing{Interval: time.Minute},
		Now: r.d.Clock.Now, Log: r.d.Log}}
	plan.Providers, plan.Digests = map[string]string{"blues": "notehub"}, map[string]string{"blues": digest}
	return plan
}

func newReloaded(t *testing.T, text string) *reloaded {
	t.Helper()
	r := &reloaded{T: t, api: &api{unread: map[string]error{}, deleted: map[string]time.Time{}}, hears: &hears{}}
	r.api.lists("a1")
	log := slog.New(slog.DiscardHandler)
	r.d = &Daemon{Config: Config{State: "sqlite:" + filepath.Join(t.TempDir(), "state.db"), Clock: RealClock(), Log: log},
		health: &web.Health{}, metrics: web.NewMetrics("test"), name: "one"}
	r.d.plans = newPlans(r.plan(text, "same"))
	return r
}

// reads lets the service read what load returns from now on.
func (r *reloaded) reads(load func() Plan) {
	r.d.Load = func() (Fresh, error) {
		r.runs++
		return Fresh{Plan: load()}, nil
	}
	if err := r.d.Reload("request"); err != nil {
		r.Fatal(err)
	}
}

func TestAThousandReloadsLeaveNothingBehindAndNoClockIsLost(t *testing.T) {
	const text = `rules: [{ alert: Low, expr: balance < 1000, for: 30m, labels: { severity: warning } }]`
	synctest.Test(t, func(t *testing.T) {
		r := newReloaded(t, text)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.d.work(ctx) }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		before := runtime.NumGoroutine()
		begun := time.Now()
		for i := range 1000 {
			digest := "same"
			if i%10 == 0 { // now and then the source itself changes
				digest = fmt.Sprint(i)
			}
			r.reads(func() Plan { return r.plan(text, digest) })
			time.Sleep(1400 * time.Millisecond)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if got := runtime.NumGoroutine(); got > before {
			t.Errorf("%d goroutines after 1,000 reloads, %d before", got, before)
		}
		if took := time.Since(begun); took > 26*time.Minute {
			t.Fatalf("the reloads took %s: for was served meanwhile", took)
		}
		if told := r.hears.heard(); len(told) != 0 {
			t.Errorf("told %q before for was served", told)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if told, want := r.hears.heard(), []string{"first: Low a1 firing"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q: for counts from the first reading", told, want)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
