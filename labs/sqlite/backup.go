package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Backup copies the database at path, which may be open in another process, to
// file: complete, or file is as it was. It returns the size of file in bytes. Nothing
// of the database is changed, also where it is of an older or newer Wheelhouse.
func Backup(ctx context.Context, path, file string) (size int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("there is no database to copy: %w", err)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	source, err := connect(path, 1, url.Values{"mode": {"rw"}, "_busy_timeout": {"10000"}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	// SQLite makes the copy by itself, which wants a name that is free.
	dir, err := os.MkdirTemp(filepath.Dir(file), ".backup-") // for this user only, as password hashes have to be
	if err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	beside := filepath.Join(dir, "copy")
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", beside); err != nil {
		return 0, fmt.Errorf("copy the database %s: %w", path, err)
	}
	if err := os.Chmod(beside, 0o600); err != nil {
		return 0, err
	}
	stat, err := os.Stat(beside)
	if err != nil {
		return 0, err
	}
	if err := syncFile(beside); err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", file, err)
	}
	if err := os.Rename(beside, file); err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

func syncFile(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
