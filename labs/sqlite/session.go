package sqlite

import (
	"context"
	"database/sql"

	"wheelhouse/labs"
)

type sessions struct{ db *DB }

const sessionColumns = `sessions.id, sessions.user_id, sessions.lab, sessions.phase, sessions.reason, sessions.message, sessions.cluster,
	sessions.created_at, sessions.ready_at, sessions.ended_at, sessions.active_at, sessions.finished_at`

func scanSession(row interface{ Scan(...any) error }) (*labs.Session, error) {
	var session labs.Session
	if err := row.Scan(sessionFields(&session)...); err != nil {
		return nil, err
	}
	return &session, nil
}

// sessionFields are where sessionColumns are scanned to.
func sessionFields(s *labs.Session) []any {
	return []any{&s.ID, &s.UserID, &s.Lab, &s.Phase, &s.Reason, &s.Message, &s.Cluster,
		moment{&s.CreatedAt}, moment{&s.ReadyAt}, moment{&s.EndedAt}, moment{&s.ActiveAt}, moment{&s.FinishedAt}}
}

func (s sessions) Save(ctx context.Context, session *labs.Session) error {
	return s.db.write(ctx, "save a session", func(tx *sql.Tx) error { return saveSession(ctx, tx, session) })
}

// saveSession leaves alone what never changes: whose session it is, at which lab,
// and since when.
func saveSession(ctx context.Context, tx *sql.Tx, s *labs.Session) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO sessions (id, user_id, lab, phase, reason, message, cluster, created_at, ready_at, ended_at, active_at, finished_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, reason = excluded.reason, message = excluded.message, cluster = excluded.cluster,
			ready_at = excluded.ready_at, ended_at = excluded.ended_at, active_at = excluded.active_at, finished_at = excluded.finished_at`,
		s.ID, s.UserID, s.Lab, s.Phase, s.Reason, s.Message, s.Cluster,
		millis(s.CreatedAt), millis(s.ReadyAt), millis(s.EndedAt), millis(s.ActiveAt), millis(s.FinishedAt))
	return conflict(err, "This lab is open already. Reload the page to get to it.")
}

func (s sessions) Get(ctx context.Context, id string) (*labs.Session, error) {
	session, err := scanSession(s.db.readers.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, id))
	return session, s.db.fail("read a session", err)
}

func (s sessions) Live(ctx context.Context, userID string) ([]labs.Session, error) {
	list, err := collect(ctx, s.db, scanSession, `
		SELECT `+sessionColumns+` FROM sessions
		WHERE phase IN ('Pending', 'Ready') AND (? = '' OR user_id = ?) ORDER BY created_at, id`, userID, userID)
	return list, s.db.fail("read the live sessions", err)
}
