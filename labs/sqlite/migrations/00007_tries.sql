-- +goose Up
-- The wrong options of questions that somebody chose at a lab, in whichever session.
CREATE TABLE tries (
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  lab        TEXT    NOT NULL,
  step       TEXT    NOT NULL,
  check_name TEXT    NOT NULL,
  option     TEXT    NOT NULL,
  at         INTEGER NOT NULL, -- the first time
  PRIMARY KEY (user_id, lab, step, check_name, option)
) STRICT;

-- +goose Down
DROP TABLE tries;
