-- +goose Up

-- What a program of the first schema leaves alone has its default: it can go on
-- working on this one, so schema_oldest stays.

-- watched_at is since when the source is watched without a gap, tick_at when it
-- last was; read_at when anything of it was read well, back_at when it came
-- back from being down. broken_at is until when at most a former holder went on
-- with a round that it never ended.
ALTER TABLE sources ADD COLUMN watched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN tick_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN read_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN failing_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN back_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN broken_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN down INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN error_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE sources ADD COLUMN error_endpoint TEXT NOT NULL DEFAULT '';
ALTER TABLE sources ADD COLUMN error_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN paused_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN empty_listings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN shortage TEXT NOT NULL DEFAULT '';

-- watched_at is since when the account is known and selected; read_skew by how
-- much the clock jumped since it was last read. derived says that its history
-- follows from our own snapshots.
ALTER TABLE accounts ADD COLUMN watched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN read_skew BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN excluded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN derived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN failing_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN error TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN error_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN error_endpoint TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN error_status INTEGER NOT NULL DEFAULT 0;
