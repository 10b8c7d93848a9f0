package sqlite

import (
	"context"
	"database/sql"
	"time"

	"wheelhouse/labs"
)

type logins struct{ db *DB }

// Save also forgets the log-ins that had expired when this one began.
func (l logins) Save(ctx context.Context, login *labs.Login) error {
	return l.db.write(ctx, "save a log-in", func(tx *sql.Tx) error { return insertLogin(ctx, tx, login) })
}

func insertLogin(ctx context.Context, tx *sql.Tx, login *labs.Login) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM logins WHERE expires_at <= ?`, millis(login.CreatedAt)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO logins (token_hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)`,
		login.TokenHash, login.UserID, millis(login.CreatedAt), millis(login.ExpiresAt))
	return err
}

func (l logins) Get(ctx context.Context, tokenHash []byte, now time.Time) (*labs.Login, error) {
	login := labs.Login{TokenHash: tokenHash}
	err := l.db.readers.QueryRowContext(ctx, `SELECT user_id, created_at, expires_at FROM logins WHERE token_hash = ? AND expires_at > ?`, tokenHash, millis(now)).
		Scan(&login.UserID, moment{&login.CreatedAt}, moment{&login.ExpiresAt})
	if err != nil {
		return nil, l.db.fail("read a log-in", err)
	}
	return &login, nil
}

func (l logins) Delete(ctx context.Context, tokenHash []byte) error {
	return l.db.write(ctx, "delete a log-in", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM logins WHERE token_hash = ?`, tokenHash)
		return err
	})
}
