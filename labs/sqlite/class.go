package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"wheelhouse/labs"
)

type classes struct{ db *DB }

const classColumns = "classes.id, classes.title, classes.code, classes.instructor_id, classes.created_at, classes.hint_cost"

func scanClass(row interface{ Scan(...any) error }) (*labs.Class, error) {
	var class labs.Class
	if err := row.Scan(&class.ID, &class.Title, &class.Code, &class.InstructorID, moment{&class.CreatedAt}, &class.HintCost); err != nil {
		return nil, err
	}
	if class.Code == closedCode(class.ID) {
		class.Code = ""
	}
	return &class, nil
}

// closedCode stands where a class that nobody can join has its code, which has to be
// another one for each class. It is no code that anybody can type.
func closedCode(id string) string { return "closed:" + id }

func (c classes) Create(ctx context.Context, class *labs.Class) error {
	return c.db.write(ctx, "create a class", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO classes (id, title, code, instructor_id, created_at, hint_cost) VALUES (?, ?, ?, ?, ?, ?)`,
			class.ID, class.Title, class.Code, class.InstructorID, millis(class.CreatedAt), class.HintCost)
		return conflict(err, "This class code is in use. Try again.")
	})
}

func (c classes) Get(ctx context.Context, id string) (*labs.Class, error) {
	class, err := scanClass(c.db.readers.QueryRowContext(ctx, `SELECT `+classColumns+` FROM classes WHERE id = ?`, id))
	return class, c.db.fail("read a class", err)
}

func (c classes) SetHintCost(ctx context.Context, id string, points int) error {
	return c.db.write(ctx, "set what hints cost", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE classes SET hint_cost = ? WHERE id = ?`, points, id)
		return err
	})
}

func (c classes) SetCode(ctx context.Context, id, code string) error {
	return c.db.write(ctx, "set a class's code", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE classes SET code = ? WHERE id = ?`, cmp.Or(code, closedCode(id)), id)
		return conflict(err, "This class code is in use. Try again.")
	})
}

func (c classes) All(ctx context.Context) ([]labs.Class, error) {
	list, err := collect(ctx, c.db, scanClass, `SELECT `+classColumns+` FROM classes ORDER BY title, id`)
	return list, c.db.fail("read all classes", err)
}

func (c classes) ByCode(ctx context.Context, code string) (*labs.Class, error) {
	class, err := scanClass(c.db.readers.QueryRowContext(ctx, `SELECT `+classColumns+` FROM classes WHERE code = ?`, code))
	return class, c.db.fail("read a class by code", err)
}

func (c classes) ByInstructor(ctx context.Context, userID string) ([]labs.Class, error) {
	list, err := collect(ctx, c.db, scanClass, `SELECT `+classColumns+` FROM classes WHERE instructor_id = ? ORDER BY created_at, id`, userID)
	return list, c.db.fail("read an instructor's classes", err)
}

type rosters struct{ db *DB }

func (r rosters) Join(ctx context.Context, classID, userID string, at time.Time) error {
	return r.db.write(ctx, "join a class", func(tx *sql.Tx) error { return insertMember(ctx, tx, classID, userID, at) })
}

func insertMember(ctx context.Context, tx *sql.Tx, classID, userID string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO rosters (class_id, user_id, joined_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		classID, userID, millis(at))
	return err
}

func (r rosters) Leave(ctx context.Context, classID, userID string) error {
	return r.db.write(ctx, "leave a class", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM rosters WHERE class_id = ? AND user_id = ?`, classID, userID)
		return err
	})
}

func (r rosters) Students(ctx context.Context, classID string) ([]labs.User, error) {
	list, err := collect(ctx, r.db, scanUser,
		`SELECT `+userColumns+` FROM rosters JOIN users ON users.id = rosters.user_id WHERE class_id = ? ORDER BY users.name_key`, classID)
	return list, r.db.fail("read a roster", err)
}

func (r rosters) ClassesOf(ctx context.Context, userID string) ([]labs.Class, error) {
	list, err := collect(ctx, r.db, scanClass,
		`SELECT `+classColumns+` FROM rosters JOIN classes ON classes.id = rosters.class_id WHERE rosters.user_id = ? ORDER BY joined_at, classes.id`, userID)
	return list, r.db.fail("read a student's classes", err)
}
