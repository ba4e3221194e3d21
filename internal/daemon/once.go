package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// Once polls every source once, whether its slot is due or not, delivers what
// becomes due before the deadline and returns what went wrong: a source that
// could not be read, a delivery that is still owed.
func (d *Daemon) Once(ctx context.Context, deadline time.Duration) error {
	end := d.Clock.Now().Add(deadline)
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	store, err := d.open(ctx)
	if err != nil {
		return err
	}
	if store == nil {
		return &StartError{errors.New("the state was not free in time: is the service running on it?")}
	}
	defer store.Close()
	self, err := d.enter(ctx, store)
	if err != nil {
		return err
	}
	defer self.resign(ctx)
	if waits := d.plans.get().waits; waits != "" {
		return &StartError{errors.New(waits)}
	}
	dispatcher, err := d.dispatcher(store, store, d.plan())
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	steps := []step{{"renew", self.run}, {"send", dispatcher.Run}, {"poll", func(ctx context.Context) error {
		defer stop()
		failed = d.pollOnce(ctx, store, end)
		return nil
	}}}
	if d.NoNotify {
		steps = append(steps[:1], steps[2])
	}
	err = runSteps(working, steps)
	return errors.Join(failed, err)
}

func (d *Daemon) pollOnce(ctx context.Context, store *sqlstore.Store, end time.Time) error {
	rounds := d.rounds(store)
	rounds.watcher.visits = true
	failed := []error{d.settler(store, rounds).settle(ctx, d.plans.get())}
	for _, source := range d.plans.get().sources() {
		failed = append(failed, d.roundOnce(ctx, rounds, source))
	}
	if !d.NoNotify {
		failed = append(failed, d.feeder(store, d.plan()).Once(ctx), d.delivered(ctx, store, end))
	}
	return errors.Join(failed...)
}

// roundOnce polls a source. A slot that is taken, by a run within the same
// second or by a process that was killed, is waited for.
func (d *Daemon) roundOnce(ctx context.Context, rounds *rounds, source *poller.Source) error {
	for {
		round, err := rounds.poll(ctx, source, d.Clock.Now().Unix())
		if err == nil {
			err = round.Err
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, errTaken) {
			return fmt.Errorf("source %s: %w", source.Name, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("source %s: %w until the deadline", source.Name, err)
		case <-time.After(takenRetry):
		}
	}
}

// takenRetry is how often Once asks for a slot that is taken.
const takenRetry = 100 * time.Millisecond

// lookEvery is how often Once looks whether everything due was delivered.
const lookEvery = 20 * time.Millisecond

// delivered waits until nothing is due before the deadline any more.
func (d *Daemon) delivered(ctx context.Context, store *sqlstore.Store, end time.Time) error {
	names := integrationNames(d.plan().Router)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	owed := 0
	for {
		next, err := store.NextDue(ctx, names) // first, or a claim between the two would hide what is due
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("look for what is owed: %w", err)
		}
		counts, err := store.Counts(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("look for what is owed: %w", err)
		}
		if ctx.Err() == nil {
			owed = counts.Owed + counts.Flushing
		}
		if late := next.IsZero() || next.After(end); late && owed == 0 && ctx.Err() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the deadline passed and %d deliveries are still owed", owed)
		case <-tick.C:
		}
	}
}

func integrationNames(router *notify.Router) []string {
	var names []string
	for _, in := range router.Integrations() {
		names = append(names, in.Name)
	}
	return names
}
