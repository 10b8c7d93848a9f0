-- +goose Up
-- What a hint cost when it was taken. Those that were taken before this was kept are free.
ALTER TABLE hints ADD COLUMN cost INTEGER NOT NULL DEFAULT 0; -- points

-- +goose Down
ALTER TABLE hints DROP COLUMN cost;
