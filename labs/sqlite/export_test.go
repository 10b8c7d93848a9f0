package sqlite

import (
	"context"
	"strconv"
)

// Pragma returns a setting of the writer's connection and of a reader's.
func (db *DB) Pragma(ctx context.Context, name string) (writer, reader string, err error) {
	if err = db.writer.QueryRowContext(ctx, "PRAGMA "+name).Scan(&writer); err == nil {
		err = db.readers.QueryRowContext(ctx, "PRAGMA "+name).Scan(&reader)
	}
	return writer, reader, err
}

// Fill leaves room for so many more pages, as a full disk does: SQLite gives the
// same error for both. A negative number takes the limit away.
func (db *DB) Fill(ctx context.Context, pages int) error {
	var used int
	if err := db.writer.QueryRowContext(ctx, "PRAGMA page_count").Scan(&used); err != nil {
		return err
	}
	limit := used + pages
	if pages < 0 {
		limit = 1 << 30
	}
	_, err := db.writer.ExecContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(limit))
	return err
}
