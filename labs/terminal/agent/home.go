package agent

import (
	"fmt"
	"io/fs"
	"os"
)

// seedHome copies skel into the home folder, where nothing of the same name is
// there yet, and hands the home folder to the user. It runs before any process
// of the user's.
func (a *account) seedHome(skel string) error {
	home, err := a.reclaimHome()
	if err != nil {
		return err
	}
	defer home.Close()
	from := os.DirFS(skel)
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, err := home.Lstat(name); err == nil {
			return nil
		}
		if err := copyEntry(home, from, name, entry); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
		return a.own(home, name)
	})
}

// copyEntry copies a file, a folder without what is in it, or a symbolic link.
func copyEntry(home *os.Root, from fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return home.Mkdir(name, info.Mode().Perm())
	case entry.Type() == fs.ModeSymlink:
		target, err := fs.ReadLink(from, name)
		if err != nil {
			return err
		}
		return home.Symlink(target, name)
	case entry.Type().IsRegular():
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return home.WriteFile(name, content, info.Mode().Perm())
	}
	return nil // devices and sockets have no place in a home folder
}

// own hands a file to the user.
func (a *account) own(root *os.Root, name string) error {
	if !a.foreign {
		return nil
	}
	return root.Lchown(name, a.uid, a.gid)
}
