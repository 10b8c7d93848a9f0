package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
)

// querier is a pool or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls row for every row of a query.
func each(ctx context.Context, from querier, row func(rows *sql.Rows) error, query string, args ...any) error {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// collect returns every row of a query, as scan reads it.
func collect[T any](ctx context.Context, db *DB, scan func(row interface{ Scan(...any) error }) (*T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := each(ctx, db.readers, func(rows *sql.Rows) error {
		item, err := scan(rows)
		if err == nil {
			list = append(list, *item)
		}
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// set is a list of strings as one parameter, for "IN (SELECT value FROM json_each(?))".
func set(values []string) (string, error) {
	text, err := json.Marshal(values)
	return string(text), err
}
