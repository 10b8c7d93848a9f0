package sqlite

import (
	"context"
	"database/sql"
	"time"

	"wheelhouse/labs"
)

type links struct{ db *DB }

func (l links) Save(ctx context.Context, link *labs.Link) error {
	return l.db.write(ctx, "save a link", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO links (token_hash, user_id, expires_at, invites) VALUES (?, nullif(?, ''), ?, ?)`,
			link.TokenHash, link.UserID, millis(link.ExpiresAt), link.Invites)
		return err
	})
}

func (l links) Get(ctx context.Context, tokenHash []byte, now time.Time) (*labs.Link, error) {
	link, err := scanLink(tokenHash, l.db.readers.QueryRowContext(ctx,
		`SELECT coalesce(user_id, ''), expires_at, invites FROM links WHERE token_hash = ? AND expires_at > ?`, tokenHash, millis(now)))
	return link, l.db.fail("read a link", err)
}

// Take also forgets the links that have expired.
func (l links) Take(ctx context.Context, tokenHash []byte, now time.Time) (*labs.Link, error) {
	var link *labs.Link
	err := l.db.write(ctx, "take a link", func(tx *sql.Tx) (err error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE expires_at <= ?`, millis(now)); err != nil {
			return err
		}
		link, err = scanLink(tokenHash, tx.QueryRowContext(ctx,
			`DELETE FROM links WHERE token_hash = ? RETURNING coalesce(user_id, ''), expires_at, invites`, tokenHash))
		return err
	})
	if err != nil {
		return nil, err
	}
	return link, nil
}

func scanLink(tokenHash []byte, row *sql.Row) (*labs.Link, error) {
	link := labs.Link{TokenHash: tokenHash}
	if err := row.Scan(&link.UserID, moment{&link.ExpiresAt}, &link.Invites); err != nil {
		return nil, err
	}
	return &link, nil
}
