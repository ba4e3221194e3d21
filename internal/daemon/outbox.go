package daemon

import (
	"context"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// outbox shows the delivery log, and has a failed notification tried again.
func (d *Daemon) outbox() web.Notifications {
	return web.Notifications{
		List: func(ctx context.Context, q billwatch.OutboxQuery) ([]web.Notification, error) {
			store := d.opened.Load()
			if store == nil {
				return nil, errNoStore
			}
			rows, err := store.Outbox(ctx, q)
			if err != nil {
				return nil, err
			}
			shown := make([]web.Notification, 0, len(rows))
			for _, row := range rows {
				shown = append(shown, shownNotification(row))
			}
			return shown, nil
		},
		Retry: func(ctx context.Context, id string) error {
			store := d.opened.Load()
			if store == nil {
				return errNoStore
			}
			return store.RetryNotification(ctx, id, d.Clock.Now())
		},
	}
}

// receivers shows how deliveries to the configured receivers go, as the store
// has it.
func (d *Daemon) receivers(ctx context.Context) ([]web.Receiver, error) {
	store := d.opened.Load()
	if store == nil {
		return nil, errNoStore
	}
	integrations := d.plan().Router.Integrations()
	names := make([]string, len(integrations))
	for i, in := range integrations {
		names[i] = in.Name
	}
	rows, err := store.Receivers(ctx, names)
	if err != nil {
		return nil, err
	}
	shown := make([]web.Receiver, 0, len(rows))
	for i, row := range rows {
		r := web.Receiver{
			Receiver: integrations[i].Receiver, Integration: row.Integration, Type: integrations[i].Type,
			Pending: row.Pending, OldestAt: shownTime(row.OldestAt), DeliveredAt: shownTime(row.DeliveredAt),
		}
		if row.PausedUntil.After(d.Clock.Now()) {
			r.PausedUntil = shownTime(row.PausedUntil)
		}
		if row.Down != nil {
			r.DownSince, r.Error = shownTime(row.Down.StartsAt), row.Down.Reason
		}
		shown = append(shown, r)
	}
	return shown, nil
}

func shownNotification(row sqlstore.NotificationRow) web.Notification {
	n := row.Notification
	return web.Notification{
		ID: n.ID, Receiver: n.Receiver, Integration: n.Integration, GroupKey: n.GroupKey, GroupLabels: n.GroupLabels,
		Reason: n.Reason, Status: n.Status, State: row.Status, Title: n.Message.Title,
		Alerts: len(n.Alerts) + n.Truncated, At: n.FrozenAt, Attempts: row.Attempts, Sending: row.Sending,
		Ambiguous: row.Ambiguous && !row.Sending, NextAt: shownTime(row.NextAt),
		Answer: row.Receipt.Answer, Error: row.Error, Took: row.Took.Seconds(), Cursor: row.Cursor(),
	}
}
