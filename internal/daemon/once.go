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
	dispatcher, err := d.dispatcher(store)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	steps := []step{{"renew", self.run}, {"send", dispatcher.Run}, {"poll", func(ctx context.Context) error {
		defer stop()
		return d.pollOnce(ctx, store)
	}}}
	if d.NoNotify {
		steps = append(steps[:1], steps[2])
	}
	return runSteps(working, steps)
}

func (d *Daemon) pollOnce(ctx context.Context, store *sqlstore.Store) error {
	rounds := d.rounds(store)
	d.endRemovedSources(ctx, store, rounds)
	var failed []error
	for _, source := range d.Sources {
		failed = append(failed, d.roundOnce(ctx, rounds, source))
	}
	if !d.NoNotify {
		failed = append(failed, d.delivered(ctx, store))
	}
	return errors.Join(failed...)
}

func (d *Daemon) roundOnce(ctx context.Context, rounds *rounds, source *poller.Source) error {
	round, err := rounds.poll(ctx, source, d.Clock.Now().Unix())
	if err == nil {
		err = round.Err
	}
	if err != nil {
		return fmt.Errorf("source %s: %w", source.Name, err)
	}
	return nil
}

// lookEvery is how often Once looks whether everything due was delivered.
const lookEvery = 20 * time.Millisecond

// delivered waits until nothing is due before the deadline any more.
func (d *Daemon) delivered(ctx context.Context, store *sqlstore.Store) error {
	names := integrationNames(d.Router)
	end, _ := ctx.Deadline()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		counts, err := store.Counts(ctx)
		if err != nil {
			return fmt.Errorf("look for what is owed: %w", err)
		}
		next, err := store.NextDue(ctx, names)
		if err != nil {
			return fmt.Errorf("look for what is owed: %w", err)
		}
		late := next.IsZero() || next.After(d.Clock.Now().Add(time.Until(end)))
		if late && counts.Owed == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d deliveries are still owed: the deadline passed", counts.Owed)
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
