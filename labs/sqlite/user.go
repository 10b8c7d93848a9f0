package sqlite

import (
	"context"
	"database/sql"

	"wheelhouse/labs"
)

type users struct{ db *DB }

const userColumns = "users.id, users.name, users.role, users.password_hash, users.created_at"

func scanUser(row interface{ Scan(...any) error }) (*labs.User, error) {
	var user labs.User
	if err := row.Scan(&user.ID, &user.Name, &user.Role, &user.PasswordHash, moment{&user.CreatedAt}); err != nil {
		return nil, err
	}
	return &user, nil
}

func (u users) Create(ctx context.Context, user *labs.User) error {
	return u.db.write(ctx, "create a user", func(tx *sql.Tx) error { return insertUser(ctx, tx, user) })
}

func (u users) Enroll(ctx context.Context, user *labs.User, classID string, login *labs.Login) error {
	return u.db.write(ctx, "create a user in a class", func(tx *sql.Tx) error {
		if err := insertUser(ctx, tx, user); err != nil {
			return err
		}
		if err := insertMember(ctx, tx, classID, user.ID, user.CreatedAt); err != nil {
			return err
		}
		return insertLogin(ctx, tx, login)
	})
}

func insertUser(ctx context.Context, tx *sql.Tx, user *labs.User) error {
	if err := noLookAlike(ctx, tx, user.ID, user.Name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, name, name_key, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		user.ID, user.Name, labs.NameKey(user.Name), user.Role, user.PasswordHash, millis(user.CreatedAt))
	return nameConflict(err, user.Name)
}

func (u users) Rename(ctx context.Context, id, name string) error {
	return u.db.write(ctx, "rename a user", func(tx *sql.Tx) error {
		if err := noLookAlike(ctx, tx, id, name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE users SET name = ?, name_key = ? WHERE id = ?`, name, labs.NameKey(name), id)
		return nameConflict(err, name)
	})
}

func (u users) SetPassword(ctx context.Context, id, hash string, keep []byte) error {
	return u.db.write(ctx, "set a password", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE users SET password_hash = ? WHERE id = ?`, hash, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE user_id = ?`, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM logins WHERE user_id = ? AND token_hash IS NOT ?`, id, keep)
		return err
	})
}

// noLookAlike refuses a name that looks like somebody else's.
func noLookAlike(ctx context.Context, tx *sql.Tx, id, name string) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var other string
		if err := rows.Scan(&other); err != nil || !labs.LookAlike(name, other) {
			return err
		}
		return &labs.Error{Code: labs.CodeConflict, Message: "The name " + name + " looks like somebody else's that is written in another script. Choose another one."}
	}, `SELECT name FROM users WHERE id <> ?`, id)
}

func nameConflict(err error, name string) error {
	return conflict(err, "The name "+name+" is taken. Choose another one.")
}

func (u users) Delete(ctx context.Context, id string) error {
	return u.db.write(ctx, "delete a user", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, id) // and, by its foreign keys, what is the user's
		return err
	})
}

func (u users) All(ctx context.Context) ([]labs.User, error) {
	list, err := collect(ctx, u.db, scanUser, `SELECT `+userColumns+` FROM users ORDER BY name_key`)
	return list, u.db.fail("read all users", err)
}

func (u users) Get(ctx context.Context, id string) (*labs.User, error) {
	user, err := scanUser(u.db.readers.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE id = ?`, id))
	return user, u.db.fail("read a user", err)
}

func (u users) ByName(ctx context.Context, name string) (*labs.User, error) {
	user, err := scanUser(u.db.readers.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE name_key = ?`, labs.NameKey(name)))
	return user, u.db.fail("read a user by name", err)
}

func (u users) Count(ctx context.Context, role labs.Role) (int, error) {
	var count int
	err := u.db.readers.QueryRowContext(ctx, `SELECT count(*) FROM users WHERE role = ?`, role).Scan(&count)
	return count, u.db.fail("count users", err)
}
