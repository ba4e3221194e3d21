-- +goose Up

-- What a program of an older schema leaves alone has its default: it can go on
-- working on this one, so schema_oldest stays. It sends what waits, a digest too,
-- without the order between a digest and its groups; and what a digest told that
-- it gives up on is not told again.

-- ReceiverDown has no source. A program of an older schema takes it for the alert
-- of a source that was removed, and would tell that the receiver works: it has to
-- take that source first, which this row refuses for ever.
INSERT INTO sources (source, holder, epoch, last_slot, claimed_at, claim, requests)
VALUES ('', '', 0, 9223372036854775807, 0, '', '[]');

-- What an integration was configured like when its messages were last looked
-- at: what it refused for good is told again once that changes.
CREATE TABLE integrations (
    integration  TEXT   NOT NULL PRIMARY KEY,
    settings     TEXT   NOT NULL DEFAULT '',
    delivered_at BIGINT NOT NULL DEFAULT 0
);

-- Which groups the last digest of an integration speaks for: what is told of
-- them later goes after it.
CREATE TABLE storms (
    integration TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    id          TEXT NOT NULL,
    PRIMARY KEY (integration, group_key)
);
CREATE INDEX storms_id ON storms (id);

-- Alerts that ended and that no digest listed, until the next one counts them.
CREATE TABLE tallies (
    integration TEXT   NOT NULL,
    rule        TEXT   NOT NULL,
    resolved    BIGINT NOT NULL,
    PRIMARY KEY (integration, rule)
);

-- revision counts how often a digest grew before it was first sent.
ALTER TABLE notifications ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- counted is that the alert was told by a digest that did not list it;
-- unrouted that the configuration no longer sends it here, which is told as its
-- end.
ALTER TABLE members ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN unrouted INTEGER NOT NULL DEFAULT 0;
