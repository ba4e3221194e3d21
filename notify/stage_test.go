package notify_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// call is one attempt as a receiver saw it.
type call struct {
	at    time.Duration // since the story's start
	n     billwatch.Notification
	prior billwatch.Receipt
}

// receiver answers as it is told to and keeps what it got.
type receiver struct {
	mu     sync.Mutex
	start  time.Time
	calls  []call
	answer func(ctx context.Context, attempt int) (billwatch.Receipt, error)
}

func (r *receiver) Notify(ctx context.Context, n billwatch.Notification, prior billwatch.Receipt) (billwatch.Receipt, error) {
	r.mu.Lock()
	r.calls = append(r.calls, call{time.Since(r.start), n, prior})
	attempt := len(r.calls)
	r.mu.Unlock()
	if r.answer == nil {
		return billwatch.Receipt{Answer: "ok"}, nil
	}
	return r.answer(ctx, attempt)
}

func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// stage runs a dispatcher over receivers of one webhook each, inside a bubble.
type stage struct {
	store     *fakeStore
	router    *notify.Router
	receivers map[string]*receiver
	log       *strings.Builder
	mu        sync.Mutex
	settled   []billwatch.Settlement
	untold    int // alerts that the dispatcher counted
	stop      context.CancelFunc
	ended     chan struct{}
	start     time.Time
}

func newStage(t *testing.T, names ...string) *stage {
	return newStageOf(t, integrations(names...), names...)
}

// newStageOf is newStage with integrations that are set up already.
func newStageOf(t *testing.T, all map[string][]notify.Integration, names ...string) *stage {
	s := &stage{store: newFakeStore(), receivers: map[string]*receiver{}, log: &strings.Builder{}, ended: make(chan struct{}), start: time.Now()}
	root := &notify.Route{Receiver: names[0], GroupWait: duration(0)}
	for _, name := range names {
		s.receivers[name] = &receiver{start: s.start}
		all[name][0].Notifier = s.receivers[name]
		root.Routes = append(root.Routes, &notify.Route{Receiver: name, Continue: true})
	}
	s.router = router(t, root, all)
	return s
}

func (s *stage) config(t *testing.T) notify.DispatcherConfig {
	return notify.DispatcherConfig{
		Store: s.store, Waker: s.store, Router: s.router, Templates: templates(t, nil), Holder: "one",
		Now: time.Now, Log: slog.New(slog.NewTextHandler(s.log, nil)), Settled: s.settle,
		Untold: func(n int) { s.untold += n },
	}
}

func (s *stage) settle(e billwatch.Settlement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, e)
}

func (s *stage) run(t *testing.T) { s.runWith(t, s.config(t)) }

func (s *stage) runWith(t *testing.T, c notify.DispatcherConfig) {
	d, err := notify.NewDispatcher(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	go func() {
		defer close(s.ended)
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
}

// fire lets the rule Low fire for an account, and resolve lets it resolve.
func (s *stage) fire(account string) {
	s.commit(firing(labels("alertname=Low source=blues account="+account), time.Now()))
}

func (s *stage) resolve(account string) {
	s.commit(ended(firing(labels("alertname=Low source=blues account="+account), s.start), time.Now()))
}

func (s *stage) commit(a billwatch.Alert) {
	s.store.Commit(time.Now(), s.router.Due(a, time.Now()))
}

// pass lets time go by until everybody waits.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

func story(calls []call) string {
	var lines []string
	for _, c := range calls {
		lines = append(lines, c.n.Reason+" "+shown(c.n))
	}
	return strings.Join(lines, ", ")
}
