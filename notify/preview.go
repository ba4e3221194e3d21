package notify

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/billwatch/billwatch"
)

// write gives a decided notification its id, link and text: it is frozen. It
// returns what went wrong with the text.
func (t *Templates) write(n *billwatch.Notification, o Overrides) []error {
	n.ID = NewID(n.FrozenAt)
	n.Incident = cmp.Or(n.Incident, n.ID)
	n.ExternalURL = t.external
	var problems []error
	n.Message, problems = t.render(*n, o)
	return problems
}

// Preview returns the notifications that these alerts would give if nobody had
// been told of anything and nothing was silenced, in the order in which their
// groups come up. Nothing is sent or stored.
func Preview(r *Router, t *Templates, alerts []billwatch.Alert, now time.Time) []billwatch.Notification {
	type place struct{ integration, key string }
	groups := map[place]*billwatch.Group{}
	var order []*billwatch.Group
	for _, a := range alerts {
		for _, due := range r.Due(a, now) {
			at := place{due.Integration, due.Key}
			g, ok := groups[at]
			if !ok {
				g = &billwatch.Group{Key: due.Key, Receiver: due.Receiver, Integration: due.Integration, Labels: due.Labels}
				groups[at] = g
				order = append(order, g)
			}
			g.Members = append(g.Members, billwatch.Member{Alert: due.Alert})
		}
	}
	quiet := r.Inhibition().Quieting(billwatch.Quiet{Inhibitors: inhibitorsOf(r, alerts)})
	var all []billwatch.Notification
	for _, g := range order {
		in, _ := r.Integration(g.Integration)
		f := Decide(*g, Plan{Timing: r.Timing(*g), SendResolved: in.SendResolved, Quiet: quiet, Hold: r.Hold(*g, now), MaxAlerts: in.maxAlerts()}, now)
		if f.Notification == nil {
			continue
		}
		t.write(f.Notification, in.Overrides)
		all = append(all, *f.Notification)
	}
	return all
}

// FeedPreview is what an integration that stands for feeds would be pushed.
type FeedPreview struct {
	Integration string
	Alerts      []billwatch.Alert
}

// PreviewFeeds returns which of these alerts each feed would be pushed: those
// that fire, whatever is silenced, and whoever was told. Nothing is sent.
func PreviewFeeds(r *Router, fallback string, alerts []billwatch.Alert) []FeedPreview {
	var all []FeedPreview
	for _, in := range r.Integrations() {
		if _, fed := in.Notifier.(Fed); !fed {
			continue
		}
		p := FeedPreview{Integration: in.Name}
		for _, a := range alerts {
			if a.State == billwatch.Firing && r.feeds(a, in.Receiver, fallback) {
				p.Alerts = append(p.Alerts, a)
			}
		}
		if len(p.Alerts) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// inhibitorsOf returns those of the alerts that keep others from being told.
func inhibitorsOf(r *Router, alerts []billwatch.Alert) []billwatch.Alert {
	var all []billwatch.Alert
	for _, a := range alerts {
		if a.State == billwatch.Firing && r.quiets.Inhibits(a) {
			all = append(all, a)
		}
	}
	return all
}

// SendTest sends one message that is marked as a test through an integration,
// as any other would be sent, and returns what the other side said.
func SendTest(ctx context.Context, t *Templates, in Integration, now time.Time) (billwatch.Receipt, error) {
	n := &billwatch.Notification{
		Receiver: in.Receiver, Integration: in.Name, GroupKey: "test",
		GroupLabels: billwatch.Labels{billwatch.LabelAlert: "Test"},
		Reason:      billwatch.WhyTest, Status: billwatch.Firing, FrozenAt: now,
	}
	n.Alerts = []billwatch.Alert{testAlert(now)}
	t.write(n, in.Overrides)
	receipt, err := attempt(ctx, in.Notifier, *n, billwatch.Receipt{})
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	return receipt, err
}

func testAlert(now time.Time) billwatch.Alert {
	labels := billwatch.Labels{billwatch.LabelAlert: "Test"}
	return billwatch.Alert{
		Key:         billwatch.AlertKey{Rule: "Test"},
		State:       billwatch.Firing,
		StartsAt:    now,
		Fingerprint: labels.Fingerprint(),
		Labels:      labels,
		Annotations: map[string]string{"summary": "This is a test message."},
	}
}
