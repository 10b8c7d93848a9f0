package labs_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"wheelhouse/labs"
)

// TestJoinAllOrNothing has the database refuse one of the writes of a newcomer: no
// account is left that keeps its name from them, and the next try works.
func TestJoinAllOrNothing(t *testing.T) {
	for _, table := range []string{"rosters", "logins"} {
		t.Run(table, func(t *testing.T) {
			w := newWorld(t, nil)
			class, _ := w.class("Teacher")
			other, err := sql.Open("sqlite3", filepath.Join(w.dir, "wheelhouse.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			do := func(statement string) {
				t.Helper()
				if _, err := other.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			do("CREATE TRIGGER refuse BEFORE INSERT ON " + table + " BEGIN SELECT RAISE(ABORT, 'disk full'); END")
			if _, _, err := w.Join(t.Context(), nil, class.Code, "Bob", goodPassword); err == nil {
				t.Fatal("joined all the same")
			}
			if user, err := w.db.Stores().Users.ByName(t.Context(), "Bob"); labs.CodeOf(err) != labs.CodeNotFound {
				t.Errorf("got %+v, %v, want no account", user, err)
			}
			do("DROP TRIGGER refuse")
			token, bob, err := w.Join(t.Context(), nil, class.Code, "Bob", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			if user, err := w.Authenticate(t.Context(), token); err != nil || user.ID != bob.ID {
				t.Errorf("logged in: got %+v, %v", user, err)
			}
			if classes, err := w.ClassesOf(t.Context(), bob); err != nil || len(classes) != 1 {
				t.Errorf("classes: got %v, %v", classes, err)
			}
		})
	}
}
