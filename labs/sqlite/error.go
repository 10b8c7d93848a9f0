package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"

	"wheelhouse/labs"
)

// damage is what SQLite's own check found wrong in the file.
type damage struct{ verdict string }

func (d *damage) Error() string { return d.verdict }

// newer tells that the file's tables are of a later version than this program's.
type newer struct{ found, known int64 }

func (n *newer) Error() string {
	return fmt.Sprintf("its schema is version %d, this program knows versions up to %d", n.found, n.known)
}

// openError adds to an error of Open what its reader, who runs the server, can do.
func (db *DB) openError(err error) error {
	const restore = "restore the file and those beside it (-wal, -shm) from a backup, or move them away to start anew without the people and progress that they hold"
	if newer, ok := errors.AsType[*newer](err); ok {
		return fmt.Errorf("the database %s was written by a newer Wheelhouse: start that version, or choose another data folder: %w", db.path, newer)
	}
	if damage, ok := errors.AsType[*damage](err); ok {
		return fmt.Errorf("the database %s is damaged: %s: %w", db.path, restore, damage)
	}
	sqliteErr, _ := errors.AsType[sqlite3.Error](err)
	switch sqliteErr.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("the database %s is damaged: %s: %w", db.path, restore, err)
	case sqlite3.ErrFull:
		return fmt.Errorf("the disk that holds the database %s is full: free some space and start again: %w", db.path, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("the database %s is in use by another process: stop the other Wheelhouse, or choose another data folder: %w", db.path, err)
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen, sqlite3.ErrAuth:
		return fmt.Errorf("the database %s cannot be written: give this user the right to write it and its folder, or choose another data folder: %w", db.path, err)
	case sqlite3.ErrIoErr:
		return fmt.Errorf("the disk that holds the database %s does not work: look at the system's log: %w", db.path, err)
	}
	return fmt.Errorf("database %s: %w", db.path, err)
}

// unsaved begins every message about a disk that no longer takes anything, for
// the student, who cannot mend it.
const unsaved = "What you do now cannot be saved, because %s. Tell whoever runs this server; what was shown as saved before is safe."

// fail says what was being done when err came up. Trouble with the disk becomes
// an Error that a student can read, and a missing row CodeNotFound.
func (db *DB) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	if labs.CodeOf(err) != "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	cause := fmt.Errorf("database %s: %s: %w", db.path, what, err)
	if errors.Is(err, sql.ErrNoRows) {
		return &labs.Error{Code: labs.CodeNotFound, Message: "There is no such thing (any more).", Err: cause}
	}
	var why string
	sqliteErr, _ := errors.AsType[sqlite3.Error](err)
	switch sqliteErr.Code {
	case sqlite3.ErrFull:
		why = "the server's disk is full"
	case sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrCantOpen:
		why = "the server's disk does not take it"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		why = "the server's database is damaged"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		why = "another program holds the server's database"
	default:
		return cause
	}
	return &labs.Error{Code: labs.CodeUnavailable, Message: fmt.Sprintf(unsaved, why), Err: cause}
}

// conflict turns a broken UNIQUE rule into an Error with message.
func conflict(err error, message string) error {
	sqliteErr, _ := errors.AsType[sqlite3.Error](err)
	if sqliteErr.ExtendedCode == sqlite3.ErrConstraintUnique || sqliteErr.ExtendedCode == sqlite3.ErrConstraintPrimaryKey {
		return &labs.Error{Code: labs.CodeConflict, Message: message, Err: err}
	}
	return err
}
