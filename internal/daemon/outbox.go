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
