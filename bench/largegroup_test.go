package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// calls is a store that says how long its longest calls took.
type calls struct {
	notify.Store
	mu   sync.Mutex
	took map[string]time.Duration
}

func (c *calls) note(call string, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took[call] = max(c.took[call], time.Since(began))
}

func (c *calls) ClaimGroups(ctx context.Context, q billwatch.Claim) ([]billwatch.Group, error) {
	defer c.note("claim", time.Now())
	return c.Store.ClaimGroups(ctx, q)
}

func (c *calls) Freeze(ctx context.Context, flushes []billwatch.Flush) error {
	defer c.note("freeze", time.Now())
	return c.Store.Freeze(ctx, flushes)
}

func (c *calls) ClaimDeliveries(ctx context.Context, q billwatch.Claim) ([]billwatch.Delivery, error) {
	defer c.note("hand-over", time.Now())
	return c.Store.ClaimDeliveries(ctx, q)
}

// BenchmarkLargeGroup tells of one group with so many alerts: for the first
// time, and again because one more fires. The metrics are seconds of the longest
// call, the whole of the slower telling, and MiB of the process at most.
func BenchmarkLargeGroup(b *testing.B) {
	for _, n := range []int{20_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			databases(b, func(b *testing.B, dsn, _, _ string) {
				for range b.N {
					largeGroup(b, dsn, n)
				}
				b.ReportMetric(0, "ns/op")
			})
		})
	}
}

func largeGroup(b *testing.B, dsn string, n int) {
	b.Helper()
	o := newOutbox(b, dsn, false, "alertname", "source")
	began := time.Now()
	o.fire(0, n)
	b.ReportMetric(time.Since(began).Seconds(), "commits-s")
	debug.FreeOSMemory()
	resetPeak()
	var slowest time.Duration
	for told := range 2 {
		o.now = o.now.Add(6 * time.Minute)
		began := time.Now()
		for try := 0; o.taker.took.Load() < int64(told+1); try++ {
			if _, err := o.dispatcher.Step(b.Context()); err != nil {
				b.Logf("telling %d: %v", told+1, err)
			}
			if try == 3 {
				b.Fatalf("the group was not told in %d tries", try)
			}
			o.now = o.now.Add(time.Minute)
		}
		slowest = max(slowest, time.Since(began))
		o.fire(n, n+1)
	}
	b.ReportMetric(slowest.Seconds(), "told-s")
	b.ReportMetric(peak(), "peak-MiB")
	b.ReportMetric(float64(o.taker.bytes.Load())/(1<<20), "message-MiB")
	for call, took := range o.calls.took {
		b.ReportMetric(took.Seconds(), call+"-s")
	}
}

// resetPeak forgets how much memory the process has had, where Linux lets it.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peak is the most memory that the process has had, in MiB.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, _ := strconv.Atoi(string(found[1]))
	return float64(kib) / 1024
}

// size is how long a notification is as JSON, as it is stored and about as it
// is posted.
func size(n billwatch.Notification) int64 {
	body, err := json.Marshal(n)
	if err != nil {
		return int64(len(fmt.Sprint(n)))
	}
	return int64(len(body))
}
