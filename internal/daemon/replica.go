package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

const (
	renewEvery = 10 * time.Second
	leaseTTL   = 30 * time.Second
)

// presence is what a replica keeps alive in the store.
type presence interface {
	Now(ctx context.Context) (time.Time, error)
	Renew(ctx context.Context, holder string, now, until time.Time) error
	Resign(ctx context.Context, holder string) error
	Shift(ctx context.Context, by time.Duration) error
}

// replica keeps this process's row in the store alive, and its clock right:
// the leases of all its sources hang on that row.
type replica struct {
	name   string
	lease  *lease // nil where nobody goes by it
	store  presence
	clock  *Clock
	shared bool // the store has a clock of its own that decides
	health *web.Health
	log    *slog.Logger
	ending <-chan struct{} // closed once the process is to end

	plans *plans // nil where nobody works by one
	carry func(ctx context.Context, c billwatch.Carry) (current string, err error)
	take  *taking

	// rewind moves stored times back that lie in the future; a second replica
	// that does so finds none.
	rewind func(ctx context.Context, now time.Time) (time.Duration, error)
}

// replicaName returns a name that no other process has.
func replicaName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:8]))
}

// run renews until ctx ends.
func (r *replica) run(ctx context.Context) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.renew(ctx)
		case <-r.take.asked():
			r.renew(ctx)
		}
	}
}

// renew says once that this replica lives. A store that is away makes the
// process not ready, never unhealthy.
func (r *replica) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	if err := r.tryRenew(ctx); err != nil {
		if ctx.Err() == nil || r.health.Ready() == nil {
			r.log.Warn("store is away", "err", err)
		}
		r.health.SetNotReady(fmt.Sprintf("store is away: %v", err))
		return
	}
	r.ready()
}

// ready says that the work can be done, unless the process is to end: its lease
// is renewed until the last message is sent, and that is no readiness.
func (r *replica) ready() {
	if r.over() {
		return
	}
	if r.plans != nil && !r.plans.get().works() {
		r.health.SetNotReady(r.plans.get().waits)
		return
	}
	r.health.SetReady()
	if r.over() { // it was told so at the same moment
		r.health.SetNotReady("shutting down")
	}
}

func (r *replica) over() bool {
	select {
	case <-r.ending:
		return true
	default:
		return false
	}
}

func (r *replica) tryRenew(ctx context.Context) error {
	asked := time.Now()
	if err := r.setClock(ctx); err != nil {
		return err
	}
	now := r.clock.Now()
	err := r.store.Renew(ctx, r.name, now, now.Add(r.ttl()))
	if err != nil {
		return err
	}
	if r.lease != nil {
		r.lease.renewed(asked)
	}
	return r.follow(ctx, now)
}

// follow says which configuration this process has. Where another one is in force
// it waits: two that judge by different rules would contradict each other.
func (r *replica) follow(ctx context.Context, now time.Time) error {
	if r.plans == nil {
		return nil
	}
	taken := r.take.wish()
	by := r.plans.get().judge
	own := by.plan.Hash
	if own == "" {
		return nil
	}
	current, err := r.carry(ctx, billwatch.Carry{Holder: r.name, Hash: own, Now: now, Take: taken.wanted || !r.shared,
		Integrations: by.plan.settings()})
	if err != nil {
		return err
	}
	r.take.granted(taken)
	why := ""
	if current != own {
		why = fmt.Sprintf("waiting: another replica has configuration %s, which is in force, and this one has %s", current, own)
	}
	if !r.plans.standBy(by, why) {
		return nil
	}
	if why == "" {
		r.log.Info("the configuration is in force: going on", "hash", own)
	} else {
		r.log.Warn("another configuration is in force: waiting for it, or for its replicas to end", "hash", own, "current", current)
	}
	return nil
}

// leap is from where on a correction of the clock is a jump.
const leap = time.Minute

// setClock follows the store's clock. When the wall's clock jumps on a store
// that has none of its own, running clocks are shifted with it, so that no
// duration is completed or held up by the jump.
func (r *replica) setClock(ctx context.Context) error {
	if r.clock.pace != 1 {
		return nil
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	by := now.Round(0).Sub(r.clock.Now())
	if by.Abs() > leap && !r.shared {
		r.log.Warn("the clock jumped; running clocks are shifted with it", "by", by)
		if err := r.store.Shift(ctx, by); err != nil {
			return err
		}
	}
	if by < -leap && r.shared {
		if err := r.back(ctx, now); err != nil {
			return err
		}
	}
	r.clock.Set(now)
	return nil
}

// back lets nothing wait for a time that the clock went back from: leases,
// retries, groups.
func (r *replica) back(ctx context.Context, now time.Time) error {
	by, err := r.rewind(ctx, now)
	if err == nil && by != 0 {
		r.log.Warn("the clock is behind the stored times, which were moved back", "by", by.Abs())
	}
	return err
}

// ttl is the lease in the clock's own time, so that a clock at 600 times does
// not let it run out in 50 ms.
func (r *replica) ttl() time.Duration {
	return time.Duration(float64(leaseTTL) * r.clock.pace)
}

// resign gives the leases back, so that another replica takes over at once.
func (r *replica) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := r.store.Resign(ctx, r.name); err != nil {
		r.log.Warn("leases not given back; they end by themselves", "err", err)
	}
}
