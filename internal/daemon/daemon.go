package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/config"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// Config is what a daemon is made from. Its plan is the first one: Load may give
// others.
type Config struct {
	Plan      Plan
	Version   string
	State     string // "sqlite:path" or "postgres://…"
	NoMigrate bool
	Listen    string
	LogAs     config.Log // what Log was made by
	NoNotify  bool       // do all but send
	Clock     *Clock
	Log       *slog.Logger

	Load   func() (Fresh, error) // reads the configuration again; nil where it never changes
	Inputs config.Inputs         // what it was read from at first

	Observer
}

// Observer is told what happens once it is stored, by several goroutines. Any
// of its functions may be nil.
type Observer struct {
	Serving func(address string) // where the process listens
	Polled  func(billwatch.Poll)
	Judged  func(billwatch.Evaluation)
	Moved   func(billwatch.Transition)
	Ended   func(billwatch.Round)
}

// Daemon is the service: it polls, judges, remembers and tells until it is
// stopped.
type Daemon struct {
	Config
	opened  atomic.Pointer[sqlstore.Store] // nil before it is open
	health  *web.Health
	metrics *web.Metrics
	name    string
	lease   lease
	plans   *plans
	reload  reload
	take    taking
	look    chan struct{} // asks for a look at what cannot be seen
}

// New returns a daemon that is ready to run.
func New(c Config) *Daemon {
	d := &Daemon{Config: c, health: &web.Health{}, metrics: web.NewMetrics(c.Version), name: replicaName(), plans: newPlans(c.Plan), look: make(chan struct{}, 1)}
	d.reload.noted(c.Inputs, c.Inputs.Sum(), nil)
	d.metrics.Reloaded(nil, time.Now())
	return d
}

// plan is the one in force.
func (d *Daemon) plan() Plan { return d.plans.get().plan }

// StartError is why the daemon could not begin its work: an address in use, a
// state that is unreachable, damaged or too new.
type StartError struct{ Err error }

// Error returns what is wrong.
func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *StartError) Unwrap() error { return e.Err }

// Run works until ctx ends and then ends in order: polls first, then the
// transaction in hand, then sends, then leases, then the store. It returns nil
// after an orderly end.
func (d *Daemon) Run(ctx context.Context) error {
	server, err := web.Listen(d.Listen, web.Handler(d.health, d.metrics, d.api()), d.Log)
	if err != nil {
		return &StartError{err}
	}
	if d.Serving != nil {
		d.Serving(server.Address())
	}
	return runSteps(ctx, []step{
		{"serve", server.Run},
		{"watch the configuration", d.watchInputs},
		{"work", d.work},
	})
}

// work opens the store, waiting while another process has it, and drives the
// road.
func (d *Daemon) work(ctx context.Context) error {
	store, err := d.open(ctx)
	if err != nil || store == nil {
		return err
	}
	defer store.Close()
	d.opened.Store(store)
	defer d.opened.Store(nil)
	self, err := d.enter(ctx, store)
	if err != nil {
		return err
	}
	defer self.resign(ctx)
	self.ending = ctx.Done()
	self.ready()
	defer d.health.SetNotReady("shutting down")
	rounds := d.rounds(store)
	context.AfterFunc(ctx, func() { d.health.SetNotReady("shutting down") })
	steps := []step{
		{"renew", self.run},
		{"keep house", d.housekeeper(store)},
		{"follow the configuration", d.settler(store, rounds).run},
		{"send", d.couriers(store).run},
		{"push", d.feeds(store, rounds).run},
		{"watch", rounds.watcher.run},
		{"poll", d.beats(store, rounds).run},
	}
	if d.NoNotify {
		steps = slices.Delete(steps, 3, 5)
	}
	rounds.watcher.lookAtAll(ctx) // before the first poll: what is watched from now on is down only later
	return runSteps(ctx, steps)
}

// heldRetry is how often a state file that another process has is tried again.
const heldRetry = 2 * time.Second

// open opens the store. While another process has the file it waits, live but
// not ready; it returns nil when ctx ends first.
func (d *Daemon) open(ctx context.Context) (*sqlstore.Store, error) {
	told := false
	for {
		store, err := sqlstore.Open(ctx, sqlstore.Config{DSN: d.State, NoMigrate: d.NoMigrate})
		var held *sqlstore.HeldError
		if !errors.As(err, &held) {
			if ctx.Err() != nil {
				return nil, nil //nolint:nilerr,nilnil // a shutdown before the start is no error
			}
			if err != nil {
				return nil, &StartError{err}
			}
			return store, nil
		}
		if !told {
			d.Log.Warn("waiting for the state file", "err", err)
			told = true
		}
		d.health.SetNotReady(err.Error())
		select {
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // as above
		case <-time.After(heldRetry):
		}
	}
}

// enter announces this replica in the store. A clock that is behind the times
// stored there, as after a boot without a time server, must not hold up what is
// due: they are clamped.
func (d *Daemon) enter(ctx context.Context, store *sqlstore.Store) (*replica, error) {
	self := d.replica(store)
	if err := self.tryRenew(ctx); err != nil {
		return nil, &StartError{fmt.Errorf("enter the store: %w", err)}
	}
	err := self.back(ctx, d.Clock.Now())
	if err == nil {
		err = self.tryRenew(ctx) // the lease may have been moved back with the rest
	}
	if err != nil {
		return nil, &StartError{fmt.Errorf("enter the store: %w", err)}
	}
	return self, nil
}

func (d *Daemon) replica(store *sqlstore.Store) *replica {
	return &replica{name: d.name, lease: &d.lease, store: store, clock: d.Clock, shared: store.Shared(), health: d.health, log: d.Log,
		rewind: store.Rewind, plans: d.plans, carry: store.Carry, take: &d.take}
}

func (d *Daemon) rounds(store *sqlstore.Store) *rounds {
	line := &pipeline{
		memory: store, plans: d.plans, metrics: d.metrics,
		clock: d.Clock, log: d.Log, observer: d.Observer,
	}
	d.hold(d.plan())
	watch := &watcher{store: store, absent: store, asked: d.look, pipeline: line, holder: d.name, clock: d.Clock, log: d.Log}
	return &rounds{ledger: store, pipeline: line, metrics: d.metrics, clock: d.Clock, holder: d.name,
		log: d.Log, ended: d.Ended, watcher: watch}
}

// hold lets sources be asked only while this replica may.
func (d *Daemon) hold(p Plan) {
	for _, source := range p.Sources {
		source.Held = d.lease.held
	}
}

func (d *Daemon) settler(store *sqlstore.Store, r *rounds) *settler {
	return &settler{store: store, rounds: r, plans: d.plans, dropped: d.metrics.Dropped}
}

func (d *Daemon) couriers(store *sqlstore.Store) *couriers {
	return &couriers{
		plans: d.plans, knock: store.Wake(), next: store.NextDue, log: d.Log,
		hire: func(now *inForce, w notify.Waker) (*notify.Dispatcher, error) {
			return d.dispatcher(store, w, now.plan)
		},
	}
}

func (d *Daemon) beats(store *sqlstore.Store, r *rounds) *beats {
	return &beats{plans: d.plans, clock: d.Clock, log: d.Log, knock: r.knock, release: func(ctx context.Context, source string) {
		ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
		defer cancel()
		if err := store.Release(ctx, d.name, source); err != nil {
			d.Log.Warn("source not given up; its next slot is polled", "source", source, "err", err)
		}
	}}
}

func (d *Daemon) dispatcher(store *sqlstore.Store, w notify.Waker, p Plan) (*notify.Dispatcher, error) {
	return notify.NewDispatcher(notify.DispatcherConfig{
		Store: store, Waker: w, Quiet: store, Router: p.Router, Templates: p.Templates, Holder: d.name,
		Storms: store, Down: notify.Down{Alert: p.Rules.ReceiverDown, Fallback: p.Fallback},
		Now: d.Clock.Now, Speed: d.Clock.pace, Log: d.Log,
		Settled: d.metrics.Settled, Untold: d.metrics.Untold, Miswrote: d.metrics.Miswrote,
		Chart: charts{store, p}.draw,
	})
}

// pruneEvery is how often old snapshots are thinned and deleted.
const pruneEvery = time.Hour

func (d *Daemon) housekeeper(store *sqlstore.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(pruneEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := store.Prune(ctx, d.Clock.Now(), d.plan().Retention); err != nil && ctx.Err() == nil {
					d.Log.Warn("old snapshots not deleted", "err", err)
				}
			}
		}
	}
}
