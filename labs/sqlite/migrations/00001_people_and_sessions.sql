-- Times are milliseconds since 1970 in UTC; 0 is "not yet".

-- +goose Up
CREATE TABLE users (
  id            TEXT    NOT NULL PRIMARY KEY,
  name          TEXT    NOT NULL,
  name_key      TEXT    NOT NULL UNIQUE, -- labs.NameKey(name)
  role          TEXT    NOT NULL CHECK (role IN ('Student', 'Instructor')),
  password_hash TEXT    NOT NULL,
  created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
  token_hash BLOB    NOT NULL PRIMARY KEY,
  user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_expires ON logins (expires_at);

CREATE TABLE links (
  token_hash BLOB    NOT NULL PRIMARY KEY,
  user_id    TEXT    REFERENCES users (id) ON DELETE CASCADE, -- NULL: makes the first instructor
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE classes (
  id            TEXT    NOT NULL PRIMARY KEY,
  title         TEXT    NOT NULL,
  code          TEXT    NOT NULL UNIQUE,
  instructor_id TEXT    NOT NULL REFERENCES users (id),
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX classes_instructor ON classes (instructor_id);

CREATE TABLE rosters (
  class_id  TEXT    NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
  user_id   TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  joined_at INTEGER NOT NULL,
  PRIMARY KEY (class_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rosters_user ON rosters (user_id);

CREATE TABLE sessions (
  id          TEXT    NOT NULL PRIMARY KEY,
  user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  lab         TEXT    NOT NULL,
  phase       TEXT    NOT NULL CHECK (phase IN ('Pending', 'Ready', 'Failed', 'Ended')),
  reason      TEXT    NOT NULL,
  message     TEXT    NOT NULL,
  cluster     TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  ready_at    INTEGER NOT NULL,
  ended_at    INTEGER NOT NULL,
  active_at   INTEGER NOT NULL,
  finished_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user_lab ON sessions (user_id, lab, created_at);
CREATE UNIQUE INDEX sessions_live ON sessions (user_id, lab) WHERE phase IN ('Pending', 'Ready');

CREATE TABLE steps (
  session_id   TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  step         TEXT    NOT NULL,
  completed_at INTEGER NOT NULL,
  PRIMARY KEY (session_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
  session_id TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  step       TEXT    NOT NULL,
  check_name TEXT    NOT NULL,
  status     TEXT    NOT NULL CHECK (status IN ('True', 'False', 'Unknown')),
  reason     TEXT    NOT NULL,
  message    TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (session_id, step, check_name)
) STRICT, WITHOUT ROWID;

-- Apart from results, so that reading a whole class does not page through it.
CREATE TABLE evidence (
  session_id TEXT    NOT NULL,
  step       TEXT    NOT NULL,
  check_name TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  text       TEXT    NOT NULL,
  PRIMARY KEY (session_id, step, check_name, position),
  FOREIGN KEY (session_id, step, check_name) REFERENCES results (session_id, step, check_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE evidence;
DROP TABLE results;
DROP TABLE steps;
DROP TABLE sessions;
DROP TABLE rosters;
DROP TABLE classes;
DROP TABLE links;
DROP TABLE logins;
DROP TABLE users;
