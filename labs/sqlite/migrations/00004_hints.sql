-- +goose Up
-- The hints that somebody took at a lab, in whichever session.
CREATE TABLE hints (
  user_id  TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  lab      TEXT    NOT NULL,
  step     TEXT    NOT NULL,
  position INTEGER NOT NULL, -- among the step's hints, from 0
  taken_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, lab, step, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE classes ADD COLUMN hint_cost INTEGER NOT NULL DEFAULT -1; -- points; -1 is what each lab says

-- +goose Down
ALTER TABLE classes DROP COLUMN hint_cost;
DROP TABLE hints;
