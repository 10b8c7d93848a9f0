package sqlite

import (
	"context"
	"database/sql"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

type gradebook struct{ db *DB }

func (g gradebook) Entries(ctx context.Context, userIDs []string) (map[string]labs.Entries, error) {
	all, err := g.entries(ctx, userIDs)
	return all, g.db.fail("read the gradebook", err)
}

func (g gradebook) entries(ctx context.Context, userIDs []string) (map[string]labs.Entries, error) {
	users, err := set(userIDs)
	if err != nil {
		return nil, err
	}
	tx, err := g.db.readers.BeginTx(ctx, nil) // so that the queries see the same moment
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // it has read only

	all := make(map[string]labs.Entries, len(userIDs))
	for _, id := range userIDs {
		all[id] = labs.Entries{}
	}
	if err := newestSessions(ctx, tx, users, all); err != nil {
		return nil, err
	}
	if err := firstCompletions(ctx, tx, users, all); err != nil {
		return nil, err
	}
	if err := takenHints(ctx, tx, users, all); err != nil {
		return nil, err
	}
	if err := wrongTries(ctx, tx, users, all); err != nil {
		return nil, err
	}
	return all, newestResults(ctx, tx, users, all)
}

// newest is the WHERE clause of each user's newest session at each lab.
const newest = `sessions.user_id IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
	SELECT 1 FROM sessions later WHERE later.user_id = sessions.user_id AND later.lab = sessions.lab
		AND (later.created_at, later.id) > (sessions.created_at, sessions.id))`

func newestSessions(ctx context.Context, tx *sql.Tx, users string, all map[string]labs.Entries) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		session, err := scanSession(rows)
		if err == nil {
			all[session.UserID][session.Lab] = &labs.Entry{
				Session:   *session,
				Completed: map[string]time.Time{},
				Results:   map[string][]grader.Result{},
			}
		}
		return err
	}, `SELECT `+sessionColumns+` FROM sessions WHERE `+newest, users)
}

func firstCompletions(ctx context.Context, tx *sql.Tx, users string, all map[string]labs.Entries) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var user, lab, step string
		var at time.Time
		if err := rows.Scan(&user, &lab, &step, moment{&at}); err != nil {
			return err
		}
		all[user][lab].Completed[step] = at
		return nil
	}, `SELECT user_id, lab, step, min(completed_at) FROM sessions JOIN steps ON steps.session_id = sessions.id
		WHERE user_id IN (SELECT value FROM json_each(?)) GROUP BY user_id, lab, step`, users)
}

func newestResults(ctx context.Context, tx *sql.Tx, users string, all map[string]labs.Entries) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var user, lab string
		var result grader.Result
		if err := rows.Scan(&user, &lab, &result.Step, &result.Check, &result.Status, &result.Reason, &result.Message,
			&result.Wanted, &result.Found, &result.Object, &result.Hint, moment{&result.At}); err != nil {
			return err
		}
		entry := all[user][lab]
		entry.Results[result.Step] = append(entry.Results[result.Step], result)
		return nil
	}, `SELECT user_id, lab, step, check_name, status, results.reason, results.message, wanted, found, object, hint, at
		FROM sessions JOIN results ON results.session_id = sessions.id WHERE `+newest+` ORDER BY user_id, lab, step, check_name`, users)
}
