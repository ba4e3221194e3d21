-- +goose Up

-- unended counts attempts that nobody lived to see the end of: they say nothing
-- of the receiver, so that the wait before the next attempt does not grow by
-- them. A program of an older schema lets it grow.
ALTER TABLE notifications ADD COLUMN unended INTEGER NOT NULL DEFAULT 0;
