package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wheelhouse/provisioner"
)

// usersSuffix ends the file beside a pack of a cache that names the folders of
// those who use it, one a line. Whoever reads or writes it has its lock.
const usersSuffix = ".users"

// Keep notes that what lies in the folder user is made of the pack, such as a
// cluster, running or stopped: the pack is not pruned while that folder is there.
// A pack that lies in no cache is not pruned anyway.
func (p *Pack) Keep(user string) error {
	if !isThere(p.dir + stepsSuffix) {
		return nil
	}
	user, err := filepath.Abs(user)
	if err != nil {
		return err
	}
	f, users, err := lockUsers(p.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if !isThere(p.dir) {
		return &provisioner.Error{Reason: provisioner.NoPack, Message: "The runtime pack has just been replaced by a newer one. Try again."}
	}
	if slices.Contains(users, user) {
		return nil
	}
	if _, err := f.WriteString(user + "\n"); err != nil {
		return fmt.Errorf("note who uses the pack in %s: %w", p.dir, err)
	}
	return nil
}

// lockUsers opens the list of a pack's users for appending. The caller closes the
// file, which gives its lock back.
func lockUsers(dir string) (*os.File, []string, error) {
	f, err := os.OpenFile(dir+usersSuffix, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, err
	}
	err = provisioner.Lock(context.Background(), f, nil) // it is held for moments
	var text bytes.Buffer
	if err == nil {
		_, err = text.ReadFrom(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("read who uses the pack in %s: %w", dir, err)
	}
	return f, strings.FieldsFunc(text.String(), func(r rune) bool { return r == '\n' }), nil
}

// dropUnused removes the pack in dir of a cache unless somebody uses it.
func dropUnused(dir string) error {
	f, users, err := lockUsers(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, user := range users {
		if _, err := os.Stat(user); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	removeAll(dir)
	return errors.Join(os.Remove(dir+stepsSuffix), os.Remove(dir+usersSuffix))
}
