package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// removedRetry is how often a removed source is tried again while somebody
// else, a process that was killed perhaps, still has its lease.
const removedRetry = 5 * time.Second

// endRemoved ends the alerts of sources that are no longer configured, so that
// whoever was told of them is told that they ended. Then it waits for ctx: a
// step that returns ends the others.
func (d *Daemon) endRemoved(ctx context.Context, store *sqlstore.Store, r *rounds) error {
	for quiet := false; ; quiet = true {
		err := d.endOrphans(ctx, store, r)
		if err == nil {
			<-ctx.Done()
			return nil
		}
		if !quiet && !errors.Is(err, errTaken) && ctx.Err() == nil {
			d.Log.Warn("alerts of removed sources not ended yet", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(removedRetry):
		}
	}
}

func (d *Daemon) endOrphans(ctx context.Context, store *sqlstore.Store, r *rounds) error {
	standing, err := store.Alerts(ctx)
	if err != nil {
		return err
	}
	configured := map[string]bool{}
	for _, source := range d.Sources {
		configured[source.Name] = true
	}
	orphans := map[string][]billwatch.Alert{}
	for _, alert := range standing {
		if source := alert.Key.Account.Source; source != "" && !configured[source] { // without one it is about a receiver
			orphans[source] = append(orphans[source], alert)
		}
	}
	var failed []error
	for source, alerts := range orphans {
		if err := r.endSource(ctx, source, alerts); err != nil {
			failed = append(failed, fmt.Errorf("source %s: %w", source, err))
		}
	}
	return errors.Join(failed...)
}
