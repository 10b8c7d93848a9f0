-- +goose Up
-- A link without a user that makes an instructor although there is one.
ALTER TABLE links ADD COLUMN invites INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE links DROP COLUMN invites;
