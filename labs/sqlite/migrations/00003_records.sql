-- +goose Up
-- What checks saw, to judge it again; apart from results as evidence is.
CREATE TABLE records (
  session_id TEXT NOT NULL,
  step       TEXT NOT NULL,
  check_name TEXT NOT NULL,
  record     BLOB NOT NULL,
  PRIMARY KEY (session_id, step, check_name),
  FOREIGN KEY (session_id, step, check_name) REFERENCES results (session_id, step, check_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE records;
