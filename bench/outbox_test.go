package bench

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/pgtest"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// databases are those that the outbox is measured on.
func databases(b *testing.B, measure func(b *testing.B, dsn, driver, address string)) {
	b.Run("sqlite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "billwatch.db")
		measure(b, "sqlite:"+path, "sqlite", "file:"+path+".byhand?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	})
	b.Run("postgres", func(b *testing.B) {
		dsn := pgtest.URL(b)
		measure(b, dsn, "pgx", dsn)
	})
}

// taker takes every message at once.
type taker struct {
	took  atomic.Int64
	storm atomic.Int64 // digests
	bytes atomic.Int64 // of the longest
}

func (t *taker) Notify(_ context.Context, n billwatch.Notification, _ billwatch.Receipt) (billwatch.Receipt, error) {
	if n.Storm != nil {
		t.storm.Add(1)
	}
	t.bytes.Store(max(t.bytes.Load(), size(n)))
	t.took.Add(1)
	return billwatch.Receipt{Answer: "ok"}, nil
}

// outbox is a store with a dispatcher and one receiver.
type outbox struct {
	*testing.B
	store      *sqlstore.Store
	lease      billwatch.Lease
	router     *notify.Router
	dispatcher *notify.Dispatcher
	taker      *taker
	calls      *calls
	now        time.Time
}

func newOutbox(b *testing.B, dsn string, digests bool, groupBy ...string) *outbox {
	b.Helper()
	if len(groupBy) == 0 {
		groupBy = []string{"..."}
	}
	store, err := sqlstore.Open(b.Context(), sqlstore.Config{DSN: dsn})
	o := &outbox{B: b, store: store, taker: &taker{}, now: now}
	o.must(err)
	b.Cleanup(func() { store.Close() })
	o.must(store.Renew(b.Context(), "a", now, now.Add(10*day)))
	source := fmt.Sprint("blues", time.Now().UnixNano())
	slot, err := store.ClaimSlot(b.Context(), billwatch.SlotClaim{Source: source, Holder: "a", Slot: 1, Now: now})
	o.must(err)
	o.lease = slot.Lease
	name := source + "/0"
	wait := time.Second
	o.router, err = notify.NewRouter(&notify.Route{Receiver: "ops", GroupBy: groupBy, GroupWait: &wait}, map[string][]notify.Integration{
		"ops": {{Name: name, Receiver: "ops", SendResolved: true, RetryFor: day, StormLimit: 20, Digests: digests, Notifier: o.taker}},
	})
	o.must(err)
	templates, err := notify.NewTemplates(notify.TemplatesConfig{})
	o.must(err)
	o.calls = &calls{Store: store, took: map[string]time.Duration{}}
	o.dispatcher, err = notify.NewDispatcher(notify.DispatcherConfig{
		Store: o.calls, Storms: store, Waker: store, Router: o.router, Templates: templates, Holder: "a",
		Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler), Parallel: 8,
	})
	o.must(err)
	return o
}

func (o *outbox) must(err error) {
	if err != nil {
		o.Helper()
		o.Fatal(err)
	}
}

// fire commits alerts of so many accounts, 500 in a batch as the service does.
func (o *outbox) fire(from, to int) {
	for ; from < to; from += 500 {
		b := billwatch.Batch{Lease: o.lease, Now: o.now}
		for i := from; i < min(from+500, to); i++ {
			in := account(i)
			a := billwatch.Alert{
				Key:   billwatch.AlertKey{Rule: "Low", Account: billwatch.AccountKey{Source: o.lease.Source, ID: in.Snapshot.Account.ID}},
				State: billwatch.Firing, StartsAt: o.now, Snapshot: &in.Snapshot,
				Labels:      billwatch.Labels{"alertname": "Low", "source": o.lease.Source, "account": in.Snapshot.Account.ID, "severity": "warning"},
				Annotations: map[string]string{"summary": in.Snapshot.Account.Name + " has less than 1,000 events left"},
			}
			a.Fingerprint = a.Labels.Fingerprint()
			b.Alerts = append(b.Alerts, a)
			b.Transitions = append(b.Transitions, billwatch.Transition{Alert: a, To: billwatch.Firing, At: o.now})
			b.Due = append(b.Due, o.router.Due(a, o.now)...)
		}
		o.must(o.store.Commit(o.Context(), b))
	}
}

// run works until so many messages were taken.
func (o *outbox) run(until func() bool) {
	ctx, cancel := context.WithCancel(o.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = o.dispatcher.Run(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !until() {
		<-tick.C
	}
	cancel()
	<-ended
}

// BenchmarkOutbox takes messages from due groups to marked deliveries: frozen,
// claimed, handed over, marked. By hand two commits a message are the least that
// loses none and repeats none: what is owed, and that it was done.
func BenchmarkOutbox(b *testing.B) {
	const n = 1000
	databases(b, func(b *testing.B, dsn, driver, address string) {
		o := newOutbox(b, dsn, false)
		var ours, byHand time.Duration
		for round := range b.N {
			o.fire(round*n, (round+1)*n)
			o.now = o.now.Add(time.Minute)
			began := time.Now()
			o.run(func() bool { return o.taker.took.Load() >= int64((round+1)*n) })
			ours += time.Since(began)
			byHand += twoCommits(b, driver, address, n)
		}
		b.ReportMetric(float64(b.N*n)/ours.Seconds(), "messages/s")
		b.ReportMetric(float64(b.N*n)/byHand.Seconds(), "byhand/s")
		b.ReportMetric(0, "ns/op")
	})
}

// twoCommits is the floor: each message is written and committed, and marked and
// committed.
func twoCommits(b *testing.B, driver, address string, n int) time.Duration {
	b.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(sentence string, args ...any) {
		if _, err := db.ExecContext(b.Context(), sentence, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`DROP TABLE IF EXISTS byhand`)
	exec(`CREATE TABLE byhand (id BIGINT PRIMARY KEY, body TEXT, done BIGINT)`)
	body := fmt.Sprintf("%01500d", 0)
	began := time.Now()
	for i := range n {
		exec(`INSERT INTO byhand (id, body, done) VALUES ($1, $2, 0)`, i, body)
		exec(`UPDATE byhand SET done = 1 WHERE id = $1`, i)
	}
	return time.Since(began)
}

// BenchmarkStorm flushes 100,000 groups that are due at once to people: one
// digest. heap-MiB is the most that was alive after a collection, or about.
func BenchmarkStorm(b *testing.B) {
	const n = 100_000
	databases(b, func(b *testing.B, dsn, _, _ string) {
		var took time.Duration
		var most uint64
		digests := int64(0)
		for range b.N {
			o := newOutbox(b, dsn, true)
			o.fire(0, n)
			runtime.GC()
			o.now = o.now.Add(2 * time.Second)
			began := time.Now()
			ctx, cancel := context.WithCancel(b.Context())
			heaps := make(chan uint64)
			go func() { heaps <- mostHeap(ctx) }()
			_, err := o.dispatcher.Step(b.Context())
			o.must(err)
			took += time.Since(began)
			o.now = o.now.Add(time.Minute)
			_, err = o.dispatcher.Step(b.Context())
			o.must(err)
			cancel()
			most = max(most, <-heaps)
			digests = max(digests, o.taker.took.Load())
		}
		b.ReportMetric(took.Seconds()/float64(b.N), "s/storm")
		b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
		b.ReportMetric(float64(digests), "messages")
		b.ReportMetric(0, "ns/op")
	})
}

// mostHeap is the most that the heap's live part was until ctx ends.
func mostHeap(ctx context.Context) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for most := uint64(0); ; {
		metrics.Read(sample)
		most = max(most, sample[0].Value.Uint64())
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
	}
}
