package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/chart"
	"github.com/billwatch/billwatch/rules"
)

const (
	chartPast  = 56 * 24 * time.Hour // that a chart shows at most
	chartAhead = 45                  // days
)

// pastOf is what charts are made from.
type pastOf interface {
	Know(ctx context.Context, source string, ids []string) (map[string]billwatch.Knowledge, error)
	Snapshots(ctx context.Context, k billwatch.AccountKey, since time.Time) ([]billwatch.Snapshot, error)
}

// charts draws the account of a notification's first alert.
type charts struct {
	store pastOf
	plan  Plan
}

// draw returns the chart, nil where there is no balance to show.
func (c charts) draw(ctx context.Context, n billwatch.Notification) ([]byte, error) {
	if len(n.Alerts) == 0 {
		return nil, nil
	}
	alert := n.Alerts[0]
	if alert.Key.Account.ID == "" || alert.Snapshot == nil { // of a source or a receiver
		return nil, nil
	}
	in, err := c.input(ctx, alert, n.FrozenAt)
	if err != nil {
		return nil, fmt.Errorf("chart of %s: %w", alert.Key.Account, err)
	}
	if integration, ok := c.plan.Router.Integration(n.Integration); ok && integration.Overrides.Timezone != nil {
		in.Zone = integration.Overrides.Timezone
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	picture, err := chart.Draw(in)
	if errors.Is(err, chart.ErrNothing) {
		return nil, nil
	}
	return picture, err
}

func (c charts) input(ctx context.Context, alert billwatch.Alert, now time.Time) (chart.Input, error) {
	key := alert.Key.Account
	known, err := c.store.Know(ctx, key.Source, []string{key.ID})
	if err != nil {
		return chart.Input{}, err
	}
	snapshots, err := c.store.Snapshots(ctx, key, now.Add(-chartPast))
	if err != nil {
		return chart.Input{}, err
	}
	judged := rules.Input{
		Snapshot: *alert.Snapshot, Records: known[key.ID].Records, Now: now,
		Vars: c.plan.given(alert.Snapshot.Account, alert.Snapshot).Vars,
	}
	in := chart.Input{
		Account: alert.Snapshot.Account, Records: judged.Records, Snapshots: snapshots, Current: *alert.Snapshot,
		Forecast: rules.ForecastOf(judged), Zone: c.plan.Zone, Now: now,
	}
	for _, e := range rules.Path(judged, chartAhead) {
		in.Ahead = append(in.Ahead, chart.Expected(e))
	}
	if threshold, ok := c.plan.Rules.Threshold(alert.Key.Rule, judged); ok {
		in.Threshold = &threshold
	}
	return in, nil
}
