-- +goose Up

-- A program of an older schema leaves these alone, so schema_oldest stays: it
-- works by its own configuration, whichever is in force.

-- config is the hash of the configuration that a replica works by.
ALTER TABLE replicas ADD COLUMN config TEXT NOT NULL DEFAULT '';

-- Every configuration that was ever carried, and the one of them that is current:
-- carried_at is when a replica that lives last said that it has it.
CREATE TABLE configurations (
    hash    TEXT   NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
CREATE TABLE current_configuration (
    one        INTEGER NOT NULL PRIMARY KEY,
    hash       TEXT    NOT NULL,
    carried_at BIGINT  NOT NULL
);

-- Rules that fail on evaluation: on which accounts, and since when. rule_sum
-- tells the rule from the one that it is after a change.
CREATE TABLE rule_errors (
    source   TEXT   NOT NULL,
    account  TEXT   NOT NULL,
    rule     TEXT   NOT NULL,
    rule_sum TEXT   NOT NULL,
    since_at BIGINT NOT NULL,
    detail   TEXT   NOT NULL,
    PRIMARY KEY (source, account, rule)
);
CREATE INDEX rule_errors_rule ON rule_errors (rule);
