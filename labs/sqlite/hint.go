package sqlite

import (
	"context"
	"database/sql"

	"wheelhouse/labs"
)

type hints struct{ db *DB }

func (h hints) Take(ctx context.Context, userID, lab string, hint labs.TakenHint) error {
	return h.db.write(ctx, "take a hint", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO hints (user_id, lab, step, position, taken_at, cost) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			userID, lab, hint.Step, hint.Position, millis(hint.At), hint.Cost)
		return err
	})
}

func (h hints) Of(ctx context.Context, userID, lab string) ([]labs.TakenHint, error) {
	list, err := collect(ctx, h.db, func(row interface{ Scan(...any) error }) (*labs.TakenHint, error) {
		var hint labs.TakenHint
		return &hint, row.Scan(&hint.Step, &hint.Position, moment{&hint.At}, &hint.Cost)
	}, `SELECT step, position, taken_at, cost FROM hints WHERE user_id = ? AND lab = ? ORDER BY step, position`, userID, lab)
	return list, h.db.fail("read the hints that were taken", err)
}

// takenHints adds the hints of the users to their entries.
func takenHints(ctx context.Context, tx *sql.Tx, users string, all map[string]labs.Entries) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var user, lab string
		var hint labs.TakenHint
		if err := rows.Scan(&user, &lab, &hint.Step, &hint.Position, moment{&hint.At}, &hint.Cost); err != nil {
			return err
		}
		if entry := all[user][lab]; entry != nil {
			entry.Hints = append(entry.Hints, hint)
		}
		return nil
	}, `SELECT user_id, lab, step, position, taken_at, cost FROM hints
		WHERE user_id IN (SELECT value FROM json_each(?)) ORDER BY user_id, lab, step, position`, users)
}
