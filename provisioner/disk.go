package provisioner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces the content of the file name: after a crash at any moment
// it holds either all of the old or all of the new.
func WriteFile(name string, content []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	partial, err := os.CreateTemp(dir, filepath.Base(name)+".partial-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = partial.Write(content)
	if err == nil {
		err = partial.Sync()
	}
	err = errors.Join(err, partial.Close())
	if err == nil {
		err = os.Rename(partial.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial.Name()))
	}
	return syncDir(dir)
}

// syncDir makes changes of names in dir survive a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// freshMarks notes on the disk which clusters the pool has made and never
// handed over: one empty file each. Taking a mark away needs no space on the
// disk, so even a full one never makes a used cluster look fresh. An empty
// string notes nothing.
type freshMarks string

// add marks the cluster name as fresh. A mark that a crash loses costs a cluster,
// not a secret, so nothing is synced.
func (m freshMarks) add(name string) error {
	if m == "" {
		return nil
	}
	if err := os.MkdirAll(string(m), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(m), name), nil, 0o600)
}

// remove returns when the cluster name will not be taken for fresh again, even
// after a crash of the machine.
func (m freshMarks) remove(name string) error {
	if m == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(string(m), name)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return syncDir(string(m))
}

// all returns the names of the fresh clusters.
func (m freshMarks) all() (map[string]bool, error) {
	out := map[string]bool{}
	if m == "" {
		return out, nil
	}
	entries, err := os.ReadDir(string(m))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		out[entry.Name()] = true
	}
	return out, nil
}
