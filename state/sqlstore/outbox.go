package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Outbox returns notifications, newest first.
func (s *Store) Outbox(ctx context.Context, q billwatch.OutboxQuery) ([]NotificationRow, error) {
	before, id, err := cursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	var found []NotificationRow
	err = s.read(ctx, func(t *tx) error {
		found = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			r, err := scanNotification(rows)
			found = append(found, r)
			return err
		}, `
			SELECT body, status, attempts, next_at, claim, ambiguous, receipt, error, took
			FROM notifications
			WHERE (frozen_at < $1 OR frozen_at = $1 AND id < $2) AND (CAST($3 AS TEXT) = '' OR status = $3)
				AND (CAST($4 AS TEXT) = '' OR substr(integration, 1, length(CAST($4 AS TEXT)) + 1) = $5)
			ORDER BY frozen_at DESC, id DESC LIMIT $6`,
			before, id, q.State, q.Receiver, q.Receiver+"/", q.Limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	return found, nil
}

// Cursor asks for what comes after the row.
func (r NotificationRow) Cursor() string {
	return strconv.FormatInt(micros(r.Notification.FrozenAt), 36) + "-" + r.Notification.ID
}

// cursor reads a cursor; the empty one comes before everything.
func cursor(text string) (before int64, id string, err error) {
	if text == "" {
		return 1<<63 - 1, "", nil
	}
	at, id, ok := strings.Cut(text, "-")
	before, err = strconv.ParseInt(at, 36, 64)
	if !ok || err != nil {
		return 0, "", billwatch.ErrCursor
	}
	return before, id, nil
}

// RetryNotification makes a failed notification due again, as the same message
// under the same id. It returns a *billwatch.RetryError for one that is not to
// be tried: what is told after something newer about the same alerts would be
// taken for news.
func (s *Store) RetryNotification(ctx context.Context, id string, now time.Time) error {
	var refused *billwatch.RetryError
	err := s.write(ctx, mark, func(t *tx) error {
		var err error
		if refused, err = t.retryRefused(ctx, id); err != nil || refused != nil {
			return err
		}
		t.woken = true
		_, err = t.exec(ctx, `UPDATE notifications SET status = 'pending', next_at = $2, first_at = $2 WHERE id = $1 AND status = 'failed'`, id, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("retry %s: %w", id, err)
	}
	if refused != nil {
		return refused
	}
	return nil
}

// retryRefused says why a notification is not to be tried again; nil where it is.
func (t *tx) retryRefused(ctx context.Context, id string) (*billwatch.RetryError, error) {
	var status, integration, key string
	var seq int64
	err := t.row(ctx, `SELECT status, integration, group_key, seq FROM notifications WHERE id = $1`, id).
		Scan(&status, &integration, &key, &seq)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return &billwatch.RetryError{Unknown: true, Why: fmt.Sprintf("there is no notification %q", id)}, nil
	case err != nil:
		return nil, err
	case status != StatusFailed:
		return &billwatch.RetryError{Why: "the notification is " + status + ": only a failed one can be tried again"}, nil
	}
	var newer string
	err = t.row(ctx, `
		SELECT id FROM notifications
		WHERE integration = $1 AND group_key = $2 AND seq > $3 AND (status = 'delivered' OR attempts > 0)
		ORDER BY seq DESC LIMIT 1`, integration, key, seq).Scan(&newer)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing speaks against it
	}
	return &billwatch.RetryError{Why: "a newer notification about the same group was sent since: " + newer}, err
}
