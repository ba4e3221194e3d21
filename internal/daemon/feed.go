package daemon

import (
	"context"

	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// feeds keeps Alertmanagers up to date by the plan in force, a feeder for each
// plan. Every replica that works does so, each minute, and at once on what it
// stored itself: to agree on one of them would gain nothing but a way of going
// silent.
type feeds struct {
	plans *plans
	hire  func(p Plan) *notify.Feeder
	moved <-chan struct{} // alerts moved
}

// run pushes until ctx ends, and returns when what was in hand has ended.
func (f *feeds) run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, changed := f.plans.watch()
		f.follow(ctx, now, changed)
	}
	return nil
}

// follow pushes by one plan, until another one is in force.
func (f *feeds) follow(ctx context.Context, now *inForce, changed <-chan struct{}) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	feeder := f.hire(now.plan)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if now.works() {
			_ = feeder.Run(ctx) // it says itself what went wrong
		}
	}()
	defer func() {
		stop()
		<-ended
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			return
		case <-f.moved:
			feeder.Knock()
		}
	}
}

// feeds returns what is to be run, and lets the rounds say when alerts moved.
func (d *Daemon) feeds(store *sqlstore.Store, r *rounds) *feeds {
	moved := make(chan struct{}, 1)
	r.pipeline.moved = func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	}
	return &feeds{plans: d.plans, moved: moved, hire: func(p Plan) *notify.Feeder { return d.feeder(store, p) }}
}

func (d *Daemon) feeder(store *sqlstore.Store, p Plan) *notify.Feeder {
	return notify.NewFeeder(notify.FeederConfig{
		Store: store, Router: p.Router, Fallback: p.Fallback, ExternalURL: p.Templates.ExternalURL(),
		Now: d.Clock.Now, Speed: d.Clock.pace, Log: d.Log, Pushed: d.metrics.Pushed,
	})
}

var _ notify.FeedStore = (*sqlstore.Store)(nil)
