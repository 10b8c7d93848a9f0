package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

type results struct{ db *DB }

func (r results) Record(ctx context.Context, session *labs.Session, found []grader.Result, completed map[string]time.Time) error {
	return r.db.write(ctx, "record results", func(tx *sql.Tx) error {
		if err := saveSession(ctx, tx, session); err != nil {
			return err
		}
		for i := range found {
			if err := saveResult(ctx, tx, session.ID, &found[i]); err != nil {
				return err
			}
		}
		for step, at := range completed {
			_, err := tx.ExecContext(ctx, `INSERT INTO steps (session_id, step, completed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
				session.ID, step, millis(at))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func saveResult(ctx context.Context, tx *sql.Tx, sessionID string, result *grader.Result) error {
	var before int64
	err := tx.QueryRowContext(ctx, `SELECT at FROM results WHERE session_id = ? AND step = ? AND check_name = ?`, sessionID, result.Step, result.Check).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO results (session_id, step, check_name, status, reason, message, wanted, found, object, hint, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET status = excluded.status, reason = excluded.reason, message = excluded.message,
			wanted = excluded.wanted, found = excluded.found, object = excluded.object, hint = excluded.hint, at = excluded.at`,
		sessionID, result.Step, result.Check, result.Status, result.Reason, result.Message,
		result.Wanted, result.Found, result.Object, result.Hint, millis(result.At))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM evidence WHERE session_id = ? AND step = ? AND check_name = ?`, sessionID, result.Step, result.Check)
	if err != nil {
		return err
	}
	if err := saveRecord(ctx, tx, sessionID, result, before); err != nil {
		return err
	}
	for position, evidence := range result.Evidence {
		_, err := tx.ExecContext(ctx, `INSERT INTO evidence (session_id, step, check_name, position, name, text) VALUES (?, ?, ?, ?, ?, ?)`,
			sessionID, result.Step, result.Check, position, evidence.Name, evidence.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func (r results) Of(ctx context.Context, sessionID string) ([]labs.StepState, error) {
	steps, err := r.of(ctx, sessionID)
	return steps, r.db.fail("read a session's results", err)
}

func (r results) of(ctx context.Context, sessionID string) ([]labs.StepState, error) {
	tx, err := r.db.readers.BeginTx(ctx, nil) // so that the queries see the same moment
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // it has read only

	var steps []labs.StepState
	byCheck := map[[2]string]*grader.Result{}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		var at time.Time
		var result grader.Result
		if err := rows.Scan(&result.Step, &result.Check, &result.Status, &result.Reason, &result.Message,
			&result.Wanted, &result.Found, &result.Object, &result.Hint, moment{&result.At}, moment{&at}); err != nil {
			return err
		}
		if len(steps) == 0 || steps[len(steps)-1].Step != result.Step {
			steps = append(steps, labs.StepState{Step: result.Step, CompletedAt: at})
		}
		step := &steps[len(steps)-1]
		step.Results = append(step.Results, result)
		return nil
	}, `SELECT results.step, check_name, status, reason, message, wanted, found, object, hint, at, coalesce(completed_at, 0)
		FROM results LEFT JOIN steps ON steps.session_id = results.session_id AND steps.step = results.step
		WHERE results.session_id = ? ORDER BY results.step, check_name`, sessionID)
	if err != nil {
		return nil, err
	}
	for i := range steps {
		for j := range steps[i].Results {
			result := &steps[i].Results[j]
			byCheck[[2]string{result.Step, result.Check}] = result
		}
	}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		var check [2]string
		var evidence grader.Evidence
		if err := rows.Scan(&check[0], &check[1], &evidence.Name, &evidence.Text); err != nil {
			return err
		}
		if result := byCheck[check]; result != nil {
			result.Evidence = append(result.Evidence, evidence)
		}
		return nil
	}, `SELECT step, check_name, name, text FROM evidence WHERE session_id = ? ORDER BY step, check_name, position`, sessionID)
	return steps, err
}
