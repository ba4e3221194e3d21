-- +goose Up

-- A program of the schema before neither silences nor inhibits: it tells what
-- begins although it should be quiet, which is better than a watcher that does not
-- start, so schema_oldest stays. What was muted before it tells when muted_until
-- ends, or else after repeat_interval at the latest. What it writes has the
-- defaults, and is looked through again by the next program that is quiet.
-- matched says that the silence has matched a firing alert; unmatched_at since
-- when it matches none, 0 while it does.
CREATE TABLE silences (
    id             TEXT    NOT NULL PRIMARY KEY,
    starts_at      BIGINT  NOT NULL,
    ends_at        BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL,
    until_resolved INTEGER NOT NULL DEFAULT 0,
    matched        INTEGER NOT NULL DEFAULT 0,
    unmatched_at   BIGINT  NOT NULL DEFAULT 0,
    body           TEXT    NOT NULL
);
CREATE INDEX silences_ends ON silences (ends_at);

-- One row at most. version grows with whatever may change who is told; rules
-- says by which rules of inhibition the alerts were looked through.
CREATE TABLE quiet (
    one     INTEGER NOT NULL PRIMARY KEY,
    version BIGINT  NOT NULL,
    rules   TEXT    NOT NULL DEFAULT ''
);

ALTER TABLE alerts ADD COLUMN inhibits INTEGER NOT NULL DEFAULT 0;
CREATE INDEX alerts_inhibits ON alerts (rule) WHERE inhibits = 1;

-- muted is why a firing alert was not told when its group was last looked at,
-- muted_by by what, muted_until until when as far as is known; unmuted says that
-- this is over, and that it is owed to be told again.
ALTER TABLE members ADD COLUMN muted TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN muted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN muted_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN unmuted INTEGER NOT NULL DEFAULT 0;
