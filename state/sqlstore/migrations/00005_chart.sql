-- +goose Up

-- A program of an older schema leaves these alone, so schema_oldest stays.

-- chart is a PNG in base64, until the notification is finished. incident_ref is
-- kept with the first notification of an incident: how the other side names the
-- message that told last of it.
ALTER TABLE notifications ADD COLUMN chart TEXT NOT NULL DEFAULT '';
ALTER TABLE notifications ADD COLUMN incident_ref TEXT NOT NULL DEFAULT '';

-- incident is the id of the notification that told first of what still goes on.
ALTER TABLE alert_groups ADD COLUMN incident TEXT NOT NULL DEFAULT '';
