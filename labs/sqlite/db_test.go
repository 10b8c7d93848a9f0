package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
)

// open opens the database at path for as long as the test runs.
func open(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// stores opens a new database.
func stores(t testing.TB) labs.Stores {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "wheelhouse.db")).Stores()
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?with #odd%20signs", "wheelhouse.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	user := addUser(t, db.Stores(), "ada")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode of the file is %v, want %v", got, want)
	}
	got, err := open(t, path).Stores().Users.Get(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	if *got != *user {
		t.Errorf("got %+v, want %+v", got, user)
	}
}

func TestEveryConnectionIsSafe(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "wheelhouse.db"))
	for _, test := range []struct{ pragma, writer, reader string }{
		{"journal_mode", "wal", "wal"},
		{"synchronous", "2", "2"}, // FULL
		{"foreign_keys", "1", "1"},
		{"busy_timeout", "10000", "10000"},
		{"query_only", "0", "1"},
	} {
		writer, reader, err := db.Pragma(t.Context(), test.pragma)
		if err != nil {
			t.Fatal(err)
		}
		if writer != test.writer || reader != test.reader {
			t.Errorf("%s: got %s for the writer and %s for a reader, want %s and %s", test.pragma, writer, reader, test.writer, test.reader)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, path string)
		want []string
	}{
		{"no database", func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("This is a letter, not a database.\n", 200)))
		}, []string{"is damaged", "from a backup"}},
		{"cut off", func(t *testing.T, path string) {
			made(t, path)
			if err := os.Truncate(path, 3*4096+100); err != nil {
				t.Fatal(err)
			}
		}, []string{"is damaged", "from a backup"}},
		{"overwritten in the middle", func(t *testing.T, path string) {
			made(t, path)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(text[len(text)/2:], strings.Repeat("\xde\xad\xbe\xef", 2048))
			write(t, path, text)
		}, []string{"is damaged", "from a backup"}},
		{"emptied", func(t *testing.T, path string) {
			made(t, path)
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"is empty", "a backup", "begin anew"}},
		{"newer", func(t *testing.T, path string) {
			made(t, path)
			execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		}, []string{"newer Wheelhouse", "version 999", "start that version"}},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"cannot be opened"}},
		{"no folder for it", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, []string{"there is no folder", "make it"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data", "wheelhouse.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			test.make(t, path)
			db, err := sqlite.Open(t.Context(), path)
			if err == nil {
				db.Close()
				t.Fatal("Open succeeded")
			}
			for _, want := range append(test.want, filepath.Dir(path)) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want something with %q", err, want)
				}
			}
		})
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// made makes a database with something in it.
func made(t *testing.T, path string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		addUser(t, db.Stores(), fmt.Sprintf("student %d", i))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "wheelhouse.db"))
	stores := db.Stores()
	session := addSession(t, stores, addUser(t, stores, "ada"), "connect")
	before := result("create", "exists", grader.False, "There is no pod yet.")
	record(t, stores, session, []grader.Result{before}, nil)

	if err := db.Fill(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	after := result("create", "exists", grader.True, "")
	after.Evidence = []grader.Evidence{{Name: "Pod default/web", Text: strings.Repeat("x", 16<<10)}}
	err := stores.Results.Record(t.Context(), session, []grader.Result{after}, map[string]time.Time{"create": start})
	if got, want := labs.CodeOf(err), labs.CodeUnavailable; got != want {
		t.Fatalf("code of %v: got %q, want %q", err, got, want)
	}
	if message := messageOf(err); !strings.Contains(message, "disk is full") || !strings.Contains(message, "Tell whoever runs this server") {
		t.Errorf("message is %q", message)
	}
	steps, err := stores.Results.Of(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 1 || !steps[0].CompletedAt.IsZero() || steps[0].Results[0].Message != before.Message {
		t.Errorf("half of it was written: %+v", steps)
	}

	if err := db.Fill(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	record(t, stores, session, []grader.Result{after}, map[string]time.Time{"create": start})
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wheelhouse.db")
	stores := open(t, path).Stores()
	user := addUser(t, stores, "ada")

	other, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin() // holds the one write lock of the file
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := stores.Users.Get(ctx, user.ID); err != nil {
		t.Errorf("a reader waited: %v", err)
	}
}
