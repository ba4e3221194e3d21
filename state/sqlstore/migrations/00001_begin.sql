-- +goose Up

-- The oldest schema whose program can still work on this one. Each migration
-- sets it; a program that is older refuses to start.
CREATE TABLE schema_oldest (version BIGINT NOT NULL);
INSERT INTO schema_oldest (version) VALUES (1);

-- One row per process: the leases of all its sources hang on it.
CREATE TABLE replicas (
    holder     TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sources (
    source       TEXT    NOT NULL PRIMARY KEY,
    holder       TEXT    NOT NULL,
    epoch        BIGINT  NOT NULL,
    last_slot    BIGINT  NOT NULL,
    claimed_at   BIGINT  NOT NULL,
    claim        TEXT    NOT NULL,
    requests     TEXT    NOT NULL,
    counted_slot BIGINT,
    round_at     BIGINT  NOT NULL DEFAULT 0,
    good_at      BIGINT  NOT NULL DEFAULT 0,
    error        TEXT    NOT NULL DEFAULT '',
    problems     TEXT    NOT NULL DEFAULT 'null'
);

CREATE TABLE accounts (
    source          TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    last_seq        BIGINT  NOT NULL DEFAULT 0,
    missing         INTEGER NOT NULL DEFAULT 0,
    gone            INTEGER NOT NULL DEFAULT 0,
    history_through BIGINT  NOT NULL DEFAULT 0,
    history_asked   BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (source, account)
);

-- A row per change, from at until it was last seen so. The order is seq, which
-- a clock that goes back cannot upset.
CREATE TABLE snapshots (
    source  TEXT   NOT NULL,
    account TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (source, account, seq)
);

-- An account's balance records, all in one text: they are always read together.
CREATE TABLE records (
    source  TEXT NOT NULL,
    account TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (source, account)
);

-- Pending and firing ones only.
CREATE TABLE alerts (
    source      TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    rule        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    starts_at   BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    PRIMARY KEY (source, account, rule)
);
CREATE INDEX alerts_fingerprint ON alerts (fingerprint);

CREATE TABLE transitions (
    source     TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    rule       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    from_state TEXT   NOT NULL,
    to_state   TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (source, account, rule, at, from_state, to_state)
);
CREATE INDEX transitions_at ON transitions (at);

-- due_at is when a group may be claimed: of a claimed one the end of its lease.
-- wanted_at is when a change that came while it was claimed wants it; 0 is never.
CREATE TABLE alert_groups (
    integration    TEXT   NOT NULL,
    group_key      TEXT   NOT NULL,
    receiver       TEXT   NOT NULL,
    labels         TEXT   NOT NULL,
    due_at         BIGINT NOT NULL,
    wanted_at      BIGINT NOT NULL DEFAULT 0,
    told_at        BIGINT NOT NULL DEFAULT 0,
    group_interval BIGINT NOT NULL,
    claim          TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (integration, group_key)
);
CREATE INDEX alert_groups_due ON alert_groups (integration, due_at);

CREATE TABLE members (
    integration TEXT   NOT NULL,
    group_key   TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    starts_at   BIGINT NOT NULL,
    told        TEXT   NOT NULL DEFAULT '',
    version     BIGINT NOT NULL DEFAULT 1,
    body        TEXT   NOT NULL,
    PRIMARY KEY (integration, group_key, fingerprint)
);
CREATE INDEX members_fingerprint ON members (fingerprint);

-- The outbox, which is the delivery log too. next_at is when a pending row may
-- be claimed: of a claimed one the end of its lease. ambiguous counts attempts
-- whose outcome nobody knows, the running one included. first_at is frozen_at,
-- moved along when the clock jumps.
CREATE TABLE notifications (
    id          TEXT    NOT NULL PRIMARY KEY,
    seq         BIGINT  NOT NULL,
    integration TEXT    NOT NULL,
    group_key   TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    frozen_at   BIGINT  NOT NULL,
    first_at    BIGINT  NOT NULL,
    next_at     BIGINT  NOT NULL,
    claim       TEXT    NOT NULL DEFAULT '',
    attempts    INTEGER NOT NULL DEFAULT 0,
    ambiguous   INTEGER NOT NULL DEFAULT 0,
    receipt     TEXT    NOT NULL DEFAULT '{}',
    error       TEXT    NOT NULL DEFAULT '',
    took        BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX notifications_due ON notifications (integration, next_at) WHERE status = 'pending';
CREATE INDEX notifications_order ON notifications (integration, group_key, seq) WHERE status = 'pending';
CREATE INDEX notifications_frozen ON notifications (frozen_at);

-- Nothing goes to a destination before its pause ends; an integration is known
-- to use the destinations that ever held it up.
CREATE TABLE pauses (
    destination TEXT   NOT NULL PRIMARY KEY,
    until_at    BIGINT NOT NULL
);
CREATE TABLE destinations (
    integration TEXT NOT NULL,
    destination TEXT NOT NULL,
    PRIMARY KEY (integration, destination)
);
