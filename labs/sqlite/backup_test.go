package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"wheelhouse/labs/sqlite"
)

// TestBackup copies a database that is open, and written to before and after.
func TestBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wheelhouse.db")
	db := open(t, path)
	addUser(t, db.Stores(), "ada")
	file := filepath.Join(t.TempDir(), "backup.db")
	for range 2 { // the second time over the first
		size, err := sqlite.Backup(t.Context(), path, file)
		if err != nil || size == 0 {
			t.Fatalf("got %d bytes, %v", size, err)
		}
	}
	addUser(t, db.Stores(), "grace")
	if stat, err := os.Stat(file); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600: it holds password hashes", stat.Mode(), err)
	}
	copied := open(t, file).Stores()
	if _, err := copied.Users.ByName(t.Context(), "ada"); err != nil {
		t.Errorf("ada is not in the copy: %v", err)
	}
	if _, err := copied.Users.ByName(t.Context(), "grace"); err == nil {
		t.Error("grace, who came later, is in the copy")
	}
}

// TestBackupFails leaves nothing behind, and what was there as it was.
func TestBackupFails(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.db")
	if _, err := sqlite.Backup(t.Context(), none, filepath.Join(dir, "backup.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no database: got %v", err)
	}
	noDatabase := filepath.Join(dir, "text")
	if err := os.WriteFile(noDatabase, []byte("no database, but long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(target, []byte("earlier"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Backup(t.Context(), noDatabase, target); err == nil {
		t.Error("a text file was copied as a database")
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "earlier" {
		t.Errorf("the earlier backup is %q now, %v", text, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want the two files alone", entries, err)
	}
}
