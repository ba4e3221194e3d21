package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/billwatch/billwatch"
)

// chartsTime is how long the charts of one batch of groups may take together. A
// message whose turn to be drawn comes later goes without one.
const chartsTime = 3 * time.Second

// drawing draws the charts of the groups that are flushed together. Groups about
// the same alerts, as of two integrations, share one.
type drawing struct {
	d      *Dispatcher
	until  time.Time
	drawn  map[string][]byte // by the alerts' states
	warned bool
}

func (d *Dispatcher) drawing() *drawing {
	return &drawing{d: d, until: time.Now().Add(chartsTime), drawn: map[string][]byte{}}
}

// chart gives a notification its chart. Good news needs none, and a digest, which
// is about too many accounts for one, does not come here. Whatever goes wrong,
// the message goes.
func (w *drawing) chart(ctx context.Context, in Integration, n *billwatch.Notification) {
	draw := w.d.c.Chart
	if draw == nil || !in.Chart || n.Status != billwatch.Firing || len(n.Alerts) == 0 {
		return
	}
	first := n.Alerts[0]
	key := first.Key.Account.String() + "/" + first.Key.Rule + " " + zone(in)
	picture, ok := w.drawn[key]
	if !ok {
		var err error
		if picture, err = w.draw(ctx, draw, *n); err != nil && !w.warned {
			w.d.c.Log.Warn("a message goes without its chart", "receiver", in.Receiver, "integration", in.Name, "id", n.ID, "err", err)
			w.warned = true
		}
		w.drawn[key] = picture
	}
	n.Chart = picture
}

func (w *drawing) draw(ctx context.Context, draw func(context.Context, billwatch.Notification) ([]byte, error), n billwatch.Notification) (picture []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			picture, err = nil, fmt.Errorf("drawing broke: %v", r)
		}
	}()
	if !time.Now().Before(w.until) {
		return nil, errors.New("too many at once")
	}
	ctx, cancel := context.WithDeadline(ctx, w.until)
	defer cancel()
	picture, err = draw(ctx, n)
	if len(picture) > billwatch.MaxChart {
		return nil, fmt.Errorf("%d bytes are too many", len(picture))
	}
	return picture, err
}

// zone names the zone of an integration's dates, empty for the common one.
func zone(in Integration) string {
	if in.Overrides.Timezone == nil {
		return ""
	}
	return in.Overrides.Timezone.String()
}
