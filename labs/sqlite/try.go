package sqlite

import (
	"context"
	"database/sql"

	"wheelhouse/labs"
)

type tries struct{ db *DB }

func (t tries) Add(ctx context.Context, userID, lab string, try labs.Try) error {
	return t.db.write(ctx, "store a wrong option", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tries (user_id, lab, step, check_name, option, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			userID, lab, try.Step, try.Check, try.Option, millis(try.At))
		return err
	})
}

func (t tries) Of(ctx context.Context, userID, lab string) ([]labs.Try, error) {
	list, err := collect(ctx, t.db, func(row interface{ Scan(...any) error }) (*labs.Try, error) {
		var try labs.Try
		return &try, row.Scan(&try.Step, &try.Check, &try.Option, moment{&try.At})
	}, `SELECT step, check_name, option, at FROM tries WHERE user_id = ? AND lab = ? ORDER BY step, check_name, at, rowid`, userID, lab)
	return list, t.db.fail("read the wrong options that were chosen", err)
}

// wrongTries adds the tries of the users to their entries.
func wrongTries(ctx context.Context, tx *sql.Tx, users string, all map[string]labs.Entries) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var user, lab string
		var try labs.Try
		if err := rows.Scan(&user, &lab, &try.Step, &try.Check, &try.Option, moment{&try.At}); err != nil {
			return err
		}
		if entry := all[user][lab]; entry != nil {
			entry.Tries = append(entry.Tries, try)
		}
		return nil
	}, `SELECT user_id, lab, step, check_name, option, at FROM tries
		WHERE user_id IN (SELECT value FROM json_each(?)) ORDER BY user_id, lab, step, check_name, at, rowid`, users)
}
