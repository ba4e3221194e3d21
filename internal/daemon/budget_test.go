package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/rules"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// fleet is some processes on one state, which come and go, and the provider
// that counts what they ask for. Time passes by what is done.
type fleet struct {
	*testing.T
	dsn    string
	shared bool // several may run at a time
	clock  *Clock
	random *rand.Rand
	limit  int

	mu    sync.Mutex
	asked []time.Time
	reads map[string]int
	rests time.Time // the provider asked to be left alone until then
	early int       // requests that came sooner

	store *sqlstore.Store // of the one process on SQLite, of all on PostgreSQL
	procs []*process
	depth int
	count map[string]int // of what happened, so that it is known to have happened
}

// process is one of them. It is its provider and its door to the store, so that
// nothing goes through once it is dead.
type process struct {
	*fleet
	d       *Daemon
	rounds  *rounds
	source  *poller.Source
	budget  *poller.Budget
	renewed time.Time
	mortal  bool // may die or be paused in mid-round
	busy    bool
	dead    atomic.Bool
}

func (f *fleet) now() time.Time { return f.clock.Now() }

func (f *fleet) advance(d time.Duration) { f.clock.Set(f.clock.Now().Add(d)) }

func (f *fleet) begin() {
	f.Helper()
	if f.store == nil {
		store, err := sqlstore.Open(f.Context(), sqlstore.Config{DSN: f.dsn})
		if err != nil {
			f.Fatal(err)
		}
		f.store = store
	}
	p := &process{fleet: f, mortal: true, budget: poller.NewBudget(f.limit, f.now)}
	plan := planWith(f.T, lowRule)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p.source = &poller.Source{Name: "blues", Provider: p, Timing: poller.Timing{Interval: time.Minute},
		Concurrency: 1, Budget: p.budget, Now: f.now, Log: log}
	plan.Sources = []*poller.Source{p.source}
	plan.Rules, _ = rules.Load(nil, rules.Options{})
	p.d = New(Config{Plan: plan, Clock: f.clock, Log: log})
	p.d.lease.clock = f.now
	p.rounds = p.d.rounds(f.store)
	p.rounds.ledger, p.rounds.pipeline.memory = p, p
	f.procs = append(f.procs, p)
}

// drop ends a process as SIGKILL does.
func (f *fleet) drop(p *process) {
	p.dead.Store(true)
	f.procs = slices.DeleteFunc(f.procs, func(other *process) bool { return other == p })
}

// step lets each process that has time renew its lease and poll.
func (f *fleet) step() {
	for _, p := range slices.Clone(f.procs) {
		if p.busy || p.dead.Load() {
			continue
		}
		p.busy = true
		p.renew()
		p.rounds.watcher.lookAtAll(f.Context())
		slot, _ := p.source.Timing.Slot("blues", f.now())
		_, err := p.rounds.poll(f.Context(), p.source, slot)
		p.busy = false
		if err != nil && !errors.Is(err, errTaken) && !errors.Is(err, billwatch.ErrLeaseLost) && !p.dead.Load() {
			f.Fatal(err)
		}
	}
}

func (p *process) renew() {
	if p.now().Sub(p.renewed) < renewEvery || p.dead.Load() {
		return
	}
	p.renewed = p.now()
	if err := p.store.Renew(p.Context(), p.d.name, p.renewed, p.renewed.Add(leaseTTL)); err != nil {
		p.Fatal(err)
	}
	p.d.lease.renewed(p.renewed)
}

// pass lets time pass, with processes that end and begin in it.
func (f *fleet) pass(d time.Duration, want int) {
	for end := f.now().Add(d); f.now().Before(end); f.advance(time.Duration(1+f.random.IntN(9)) * time.Second) {
		for len(f.procs) < want {
			if !f.shared && f.store != nil {
				f.store.Close()
				f.store = nil
			}
			f.begin()
		}
		f.step()
		if len(f.procs) == 0 {
			continue
		}
		if p := f.procs[f.random.IntN(len(f.procs))]; !p.busy && f.random.IntN(20) == 0 {
			if f.random.IntN(2) == 0 {
				f.count["resigned"]++
				if err := f.store.Resign(f.Context(), p.d.name); err != nil {
					f.Fatal(err)
				}
			}
			f.drop(p)
		}
	}
}

var errDead = errors.New("the process is dead")

// ask waits for a place in the budget by the fleet's clock, and counts.
func (p *process) ask(ctx context.Context, what string) error {
	now, cancel := context.WithCancel(ctx)
	cancel()
	for {
		if p.dead.Load() {
			return errDead
		}
		err := p.budget.Ask(now)
		if ctx.Err() == nil && errors.Is(err, context.Canceled) && !errors.Is(err, billwatch.ErrLeaseLost) {
			p.advance(time.Second)
			p.renew()
			if p.mortal && p.now().Before(p.rests) && p.random.IntN(60) == 0 {
				p.fleet.count["killed while it rests"]++
				p.drop(p)
				return errDead
			}
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	p.fleet.mu.Lock()
	p.asked = append(p.asked, p.now())
	p.reads[what]++
	if p.now().Before(p.rests) {
		p.early++
	}
	p.fleet.mu.Unlock()
	p.advance(time.Duration(p.random.IntN(300)) * time.Millisecond)
	switch {
	case !p.mortal:
	case p.random.IntN(25) == 0:
		p.fleet.count["killed in mid-round"]++
		p.drop(p)
		return errDead
	case p.shared && p.depth == 0 && p.random.IntN(25) == 0:
		p.fleet.count["paused in mid-round"]++
		p.depth++
		p.pass(time.Duration(5+p.random.IntN(90))*time.Second, 2)
		p.depth--
	}
	return nil
}

func (p *process) List(ctx context.Context) (poller.Listing, error) {
	l := poller.Listing{Complete: true}
	for i := range 8 {
		l.Rows = append(l.Rows, poller.Row{Account: billwatch.Account{ID: fmt.Sprintf("a%d", i)}})
	}
	return l, p.ask(ctx, "list")
}

func (p *process) Fetch(ctx context.Context, a billwatch.Account) (billwatch.Snapshot, error) {
	err := p.ask(ctx, a.ID)
	if err == nil && p.limit == 0 && p.d.lease.held() == nil && p.random.IntN(15) == 0 {
		const rest = 55 * time.Second
		p.rests = p.now().Add(rest)
		err = &poller.Error{Kind: poller.RateLimited, Status: 429, RetryAfter: rest}
	}
	return billwatch.Snapshot{Account: a, Balance: billwatch.Known(billwatch.DecimalOf(5))}, err
}

func (p *process) Close() error { return nil }

// gone refuses what a dead process would still do; a lost lease is what nobody
// tries again.
func (p *process) gone() error {
	if p.dead.Load() {
		return billwatch.ErrLeaseLost
	}
	return nil
}

func (p *process) Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error) {
	if err := p.gone(); err != nil {
		return nil, err
	}
	return p.store.Know(ctx, source, ids)
}

func (p *process) Commit(ctx context.Context, b billwatch.Batch) error {
	if err := p.gone(); err != nil {
		return err
	}
	return p.store.Commit(ctx, b)
}

func (p *process) ClaimSlot(ctx context.Context, c billwatch.SlotClaim) (billwatch.Slot, error) {
	slot, err := p.store.ClaimSlot(ctx, c)
	if !slot.BrokenOff.IsZero() {
		p.fleet.count["taken over in mid-round"]++
	}
	return slot, err
}

func (p *process) Accounts(ctx context.Context, source string) ([]billwatch.Remembered, error) {
	return p.store.Accounts(ctx, source)
}

func (p *process) EndRound(ctx context.Context, r billwatch.Round) error {
	if err := p.gone(); err != nil {
		return err
	}
	return p.store.EndRound(ctx, r)
}

// most returns the largest number of times within any 60 seconds.
func most(times []time.Time) int {
	slices.SortFunc(times, time.Time.Compare)
	n, from := 0, 0
	for to := range times {
		for times[to].Sub(times[from]) > time.Minute {
			from++
		}
		n = max(n, to-from+1)
	}
	return n
}

// TestTheBudgetHoldsOverRestartsAndReplicas kills, pauses and resigns processes
// at random moments: within no minute are there more requests than allowed.
func TestTheBudgetHoldsOverRestartsAndReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		f := &fleet{T: t, dsn: dsn, shared: strings.HasPrefix(dsn, "postgres"), clock: NewClock(noon, still),
			random: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // repeatable
			limit:  7, reads: map[string]int{}, count: map[string]int{}}
		want := 1
		if f.shared {
			want = 3
		}
		f.pass(90*time.Minute, want)
		f.store.Close()
		if got := most(f.asked); got > f.limit {
			t.Errorf("%d requests within a minute, %d are allowed", got, f.limit)
		}
		t.Logf("%d requests, %v, %v", len(f.asked), f.reads, f.count)
		for i := range 8 {
			if id := fmt.Sprintf("a%d", i); f.reads[id] == 0 {
				t.Errorf("%s was never read", id)
			}
		}
		if f.count["taken over in mid-round"] == 0 || f.count["killed in mid-round"] == 0 || f.shared && f.count["paused in mid-round"] == 0 {
			t.Errorf("what happened was too tame: %v", f.count)
		}
	})
}

// TestAPauseHoldsOverRestartsAndReplicas has no budget, which would keep whoever
// takes over from asking as well.
func TestAPauseHoldsOverRestartsAndReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		f := &fleet{T: t, dsn: dsn, shared: strings.HasPrefix(dsn, "postgres"), clock: NewClock(noon, still),
			random: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // repeatable
			reads:  map[string]int{}, count: map[string]int{}}
		want := 1
		if f.shared {
			want = 3
		}
		f.pass(90*time.Minute, want)
		f.store.Close()
		if f.early > 0 {
			t.Errorf("%d requests while the source was to be left alone", f.early)
		}
		t.Logf("%d requests, %v, %v", len(f.asked), f.reads, f.count)
		if f.count["killed while it rests"] < 3 {
			t.Errorf("what happened was too tame: %v", f.count)
		}
	})
}

func TestALeaseIsTrustedOnlyForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		if l.held() == nil {
			t.Error("a lease is held that was never asked for")
		}
		l.renewed(time.Now())
		<-time.After(leaseTTL - leaseMargin - time.Second)
		if err := l.held(); err != nil {
			t.Errorf("got %v while it lasts", err)
		}
		<-time.After(time.Second)
		if err := l.held(); !errors.Is(err, billwatch.ErrLeaseLost) {
			t.Errorf("got %v, want the lease to count as lost %s before it ends", err, leaseMargin)
		}
		l.renewed(time.Now())
		if err := l.held(); err != nil {
			t.Errorf("got %v after it was renewed", err)
		}
	})
}
