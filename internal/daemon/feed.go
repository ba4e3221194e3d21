package daemon

import (
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// feeder keeps Alertmanagers up to date. Every replica does, each minute, and at
// once on what it stored itself; to agree on one of them would gain nothing but a
// way of going silent.
func (d *Daemon) feeder(store *sqlstore.Store) *notify.Feeder {
	return notify.NewFeeder(notify.FeederConfig{
		Store: store, Router: d.Router, Fallback: d.Fallback, ExternalURL: d.Templates.ExternalURL(),
		Now: d.Clock.Now, Speed: d.Clock.pace, Log: d.Log, Pushed: d.metrics.Pushed,
	})
}

var _ notify.FeedStore = (*sqlstore.Store)(nil)
