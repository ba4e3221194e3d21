-- +goose Up

-- A program of an older schema leaves these alone, so schema_oldest stays: an
-- account that was forgotten while its source lists it still is gone to it.

-- gone_at is when it was first seen that the account is gone; 0 while it is not.
-- forget is 1 once somebody wants it forgotten, and 2 once it is, while its
-- source lists it still as one that was deleted.
ALTER TABLE accounts ADD COLUMN gone_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN forget INTEGER NOT NULL DEFAULT 0;

-- fingerprint is that of the alert that moved; of one that is pending the one
-- that it will have.
ALTER TABLE transitions ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
CREATE INDEX transitions_fingerprint ON transitions (fingerprint, at);

-- What stands at the upgrade keeps its beginning; an older program names none.
UPDATE transitions SET fingerprint = (
    SELECT a.fingerprint FROM alerts a
    WHERE a.source = transitions.source AND a.account = transitions.account AND a.rule = transitions.rule)
WHERE EXISTS (
    SELECT 1 FROM alerts a
    WHERE a.source = transitions.source AND a.account = transitions.account AND a.rule = transitions.rule);
