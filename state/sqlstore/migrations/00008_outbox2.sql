-- +goose Up

-- Of many messages that are due since the same moment the oldest ones are found
-- without reading them all. It takes the place of notifications_due, which no
-- program needs for more than speed.
CREATE INDEX notifications_turn ON notifications (integration, next_at, seq) WHERE status = 'pending';
DROP INDEX notifications_due;
