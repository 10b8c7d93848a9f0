// Package sqlite keeps what package labs knows of people in one SQLite file. It
// holds no rules: those that SQL enforces too (a name is taken once, one live
// session a user and lab) are only the last net. Package main opens it and hands
// its stores to labs.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/pressly/goose/v3"

	"wheelhouse/labs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is an open database. All of its stores may be used at the same time, by one
// process: sessions belong to the process that runs them.
type DB struct {
	path    string
	writer  *sql.DB // one connection, so that writers queue here rather than in SQLite
	readers *sql.DB // see the last commit, and never wait for the writer
}

// Open opens the database file at path, makes it where there is none, and brings
// its tables up to date. It fails with a sentence and a next step when the file
// is damaged, of a newer Wheelhouse or cannot be written.
func Open(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if err := create(path); err != nil {
		return nil, err
	}
	db := &DB{path: path}
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(db.openError(err), db.Close())
	}
	return db, nil
}

// create makes an empty file that only this user can read, since it holds
// password hashes. SQLite gives the files beside it the same mode.
func create(path string) error {
	// What was emptied is not taken as new: everybody in it would be gone, and whoever
	// starts the server would be its first instructor.
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return fmt.Errorf("the database %s is empty: put a backup in its place, or remove the file to begin anew", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s for the database: make it, or choose another data folder: %w", filepath.Dir(path), err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the database %s cannot be written: give this user the right to write it and its folder, or choose another data folder: %w", path, err)
	case err != nil:
		return fmt.Errorf("the database %s cannot be opened: %w", path, err)
	}
	return file.Close()
}

func (db *DB) open(ctx context.Context) (err error) {
	// Everything that a connection needs is in the data source name, because a
	// PRAGMA that is sent later reaches only one connection of the pool.
	common := url.Values{
		"_foreign_keys": {"on"},
		"_busy_timeout": {"10000"},
		"_synchronous":  {"FULL"}, // a commit that returned survives a power cut
	}
	if db.writer, err = connect(db.path, 1, common, url.Values{
		"_journal_mode": {"WAL"},
		"_txlock":       {"immediate"},
	}); err != nil {
		return err
	}
	if err := db.check(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, db.writer); err != nil {
		return err
	}
	db.readers, err = connect(db.path, max(4, runtime.GOMAXPROCS(0)), common, url.Values{"_query_only": {"on"}})
	if err != nil {
		return err
	}
	return db.readers.PingContext(ctx)
}

func connect(path string, connections int, values ...url.Values) (*sql.DB, error) {
	query := url.Values{}
	for _, some := range values {
		for name, value := range some {
			query[name] = value
		}
	}
	source := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite3", source.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// check reads the whole file once. Damage that shows only weeks later, after the
// good backups are gone, is worse than some milliseconds at the start.
func (db *DB) check(ctx context.Context) error {
	var verdict string
	if err := db.writer.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return &damage{verdict}
	}
	return nil
}

func migrate(ctx context.Context, writer *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, writer, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	found, known, err := versions(ctx, provider)
	if err != nil {
		return err
	}
	if found > known {
		return &newer{found: found, known: known}
	}
	_, err = provider.Up(ctx)
	return err
}

func versions(ctx context.Context, provider *goose.Provider) (found, known int64, err error) {
	for _, source := range provider.ListSources() {
		known = max(known, source.Version)
	}
	found, err = provider.GetDBVersion(ctx)
	return found, known, err
}

// Close closes the database. Everything that was committed is in it already.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.readers, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Stores returns the stores that package labs asks for.
func (db *DB) Stores() labs.Stores {
	return labs.Stores{
		Users:     users{db},
		Logins:    logins{db},
		Links:     links{db},
		Classes:   classes{db},
		Rosters:   rosters{db},
		Sessions:  sessions{db},
		Results:   results{db},
		Hints:     hints{db},
		Tries:     tries{db},
		Gradebook: gradebook{db},
	}
}

// write runs do in one transaction and commits it when do returns nil.
func (db *DB) write(ctx context.Context, what string, do func(tx *sql.Tx) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return db.fail(what, err)
	}
	if err := do(tx); err != nil {
		return errors.Join(db.fail(what, err), ignoreDone(tx.Rollback()))
	}
	return db.fail(what, tx.Commit())
}

// ignoreDone leaves out what Rollback says of a transaction that SQLite or a
// cancelled context has rolled back already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// millis is how a time is stored; 0 is the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// moment scans a stored time.
type moment struct{ to *time.Time }

func (m moment) Scan(value any) error {
	ms, ok := value.(int64)
	if !ok {
		return fmt.Errorf("time is stored as %T, want an integer", value)
	}
	*m.to = fromMillis(ms)
	return nil
}
