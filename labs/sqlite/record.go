package sqlite

import (
	"context"
	"database/sql"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

// saveRecord keeps what a check saw. A result that is written once more as it was,
// by a process that did not judge it, leaves what was kept; at is when the row
// that it replaces was judged.
func saveRecord(ctx context.Context, tx *sql.Tx, sessionID string, result *grader.Result, at int64) error {
	record := result.Record()
	if record == nil && at == millis(result.At) {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM records WHERE session_id = ? AND step = ? AND check_name = ?`, sessionID, result.Step, result.Check)
	if err != nil || record == nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO records (session_id, step, check_name, record) VALUES (?, ?, ?, ?)`, sessionID, result.Step, result.Check, record)
	return err
}

func (r results) Kept(ctx context.Context, lab string) ([]labs.Kept, error) {
	var all []labs.Kept
	err := each(ctx, r.db.readers, func(rows *sql.Rows) error {
		var kept labs.Kept
		if err := rows.Scan(&kept.SessionID, &kept.UserID, &kept.Student, &kept.Result.Step, &kept.Result.Check, &kept.Result.Status, &kept.Result.Reason,
			&kept.Result.Message, &kept.Result.Found, moment{&kept.Result.At}, moment{&kept.CompletedAt}, &kept.Record); err != nil {
			return err
		}
		all = append(all, kept)
		return nil
	}, `SELECT sessions.id, users.id, users.name, results.step, results.check_name, status, results.reason, results.message, found, at, coalesce(completed_at, 0), record
		FROM sessions JOIN users ON users.id = sessions.user_id JOIN results ON results.session_id = sessions.id
			LEFT JOIN steps ON steps.session_id = sessions.id AND steps.step = results.step
			LEFT JOIN records ON records.session_id = sessions.id AND records.step = results.step AND records.check_name = results.check_name
		WHERE sessions.lab = ? ORDER BY users.name, sessions.created_at, sessions.id, results.step, results.check_name`, lab)
	return all, r.db.fail("read what was judged", err)
}
