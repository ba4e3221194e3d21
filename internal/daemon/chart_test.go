package daemon

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify/chart"
	"github.com/billwatch/billwatch/rules"
)

// TestAChartIsDrawnOfWhatTheStoreKnows polls an account until its balance is
// low, and draws it as the message about it would have it.
func TestAChartIsDrawnOfWhatTheStoreKnows(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := newRoad(t, dsn, "rules:\n  - { alert: Low, expr: balance < 60, labels: { severity: warning } }\n",
			rules.Options{Disabled: []string{rules.AccountSuspended, rules.RunsOutSoon}})
		r.interval, r.source.Timing.Interval = 30*time.Minute, 30*time.Minute
		r.source.Provider = &purse{clock: r.d.Clock, start: noon, unit: "USD"}
		r.poll(100 * time.Hour)
		alerts, err := r.store.Alerts(t.Context())
		if err != nil || len(alerts) != 1 {
			t.Fatalf("%d alerts stand, %v", len(alerts), err)
		}
		c := charts{r.store, r.d.plan()}
		n := billwatch.Notification{Alerts: alerts, FrozenAt: r.d.Clock.Now()}
		in, err := c.input(t.Context(), alerts[0], n.FrozenAt)
		if err != nil || in.Threshold == nil || *in.Threshold != 60 || in.Forecast == nil || len(in.Ahead) != 45*4+1 ||
			len(in.Records) < 3 || len(in.Snapshots) < 100 || in.Account.Name != "Acme" {
			t.Errorf("threshold %v, forecast %v, %d steps ahead, %d records, %d snapshots of %q, %v",
				in.Threshold, in.Forecast, len(in.Ahead), len(in.Records), len(in.Snapshots), in.Account.Name, err)
		}
		picture, err := c.draw(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Width != chart.Width {
			t.Errorf("%d bytes: %+v, %v", len(picture), size, err)
		}
		if _, err := c.draw(over(t.Context()), n); !errors.Is(err, context.Canceled) {
			t.Errorf("when its time is over: %v", err)
		}
	})
}

func over(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func TestWhatHasNoBalanceHasNoChart(t *testing.T) {
	at := time.Now()
	source := billwatch.Alert{Key: billwatch.AlertKey{Rule: "SourceDown", Account: billwatch.AccountKey{Source: "blues"}}}
	unseen := billwatch.Alert{Key: billwatch.AlertKey{Rule: "Low", Account: acme.Key()}}
	blind := unseen
	blind.Snapshot = &billwatch.Snapshot{Account: acme, At: at}
	for name, alerts := range map[string][]billwatch.Alert{
		"nothing": nil, "a source": {source}, "an account that was never seen": {unseen}, "one whose balance is not sent": {blind},
	} {
		r := newRoad(t, "sqlite:"+t.TempDir()+"/state.db", lowRule, rules.Options{})
		picture, err := charts{r.store, r.d.plan()}.draw(t.Context(), billwatch.Notification{Alerts: alerts, FrozenAt: at})
		if picture != nil || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(picture), err)
		}
	}
}
