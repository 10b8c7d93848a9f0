package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"wheelhouse/labs/terminal"
)

// writeFile writes the request's body to a file below the home folder.
func (a *agent) writeFile(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	mode, err := strconv.ParseUint(query.Get("mode"), 8, 32)
	if err != nil || mode > uint64(fs.ModePerm) {
		refuse(w, invalid("the mode %q is none: it is 3 octal digits", query.Get("mode")))
		return
	}
	content, err := readContent(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	name := query.Get("path")
	if err := a.account.writeFile(name, fs.FileMode(mode), content); err != nil {
		refuse(w, fmt.Errorf("write %s: %w", name, err))
		return
	}
	a.written.Store(true)
	answer(w, struct{}{})
}

// readContent reads a file from a request's body.
func readContent(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, terminal.MaxFile))
	if err != nil {
		return nil, &terminal.Error{Code: terminal.CodeLimited, Message: "read the file's content: " + err.Error()}
	}
	return content, nil
}

// writeFile writes content to a new file beside name and then moves it there.
// The student may change the home folder at the same time: os.Root sees to it
// that nothing is done outside, and the file that is handed over is the one that
// was made here.
func (a *account) writeFile(name string, mode fs.FileMode, content []byte) error {
	name, err := a.inHome(name)
	if err != nil {
		return err
	}
	home, err := os.OpenRoot(a.home)
	if err != nil {
		return err
	}
	defer home.Close()
	if err := a.makeFolders(home, filepath.Dir(name)); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(name), "."+newBoot()+".part")
	if err := a.create(home, temporary, mode, content); err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			err = &terminal.Error{Code: terminal.CodeUnavailable, Message: "the home folder is full; delete something in it"}
		}
		return err
	}
	if err := home.Rename(temporary, name); err != nil {
		return errors.Join(err, home.Remove(temporary))
	}
	return nil
}

// create makes a file that was not there, for the user.
func (a *account) create(home *os.Root, name string, mode fs.FileMode, content []byte) (err error) {
	file, err := home.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = home.Remove(name)
		}
	}()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if a.foreign {
		if err := file.Chown(a.uid, a.gid); err != nil {
			return err
		}
	}
	return file.Chmod(mode)
}

// makeFolders makes the folders on the way to dir that are not there.
func (a *account) makeFolders(home *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if err := a.makeFolders(home, filepath.Dir(dir)); err != nil {
		return err
	}
	err := home.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.own(home, dir)
}

// inHome returns name as a path that starts at the home folder.
func (a *account) inHome(name string) (string, error) {
	relative := name
	if filepath.IsAbs(name) {
		inside, below := strings.CutPrefix(filepath.Clean(name), filepath.Clean(a.home)+"/")
		if !below {
			return "", invalid("%s is not below the home folder %s", name, a.home)
		}
		relative = inside
	}
	relative = filepath.Clean(relative)
	if relative == "." || !filepath.IsLocal(relative) || strings.HasSuffix(name, "/") || strings.ContainsRune(name, 0) {
		return "", invalid("%q names no file below the home folder %s", name, a.home)
	}
	return relative, nil
}
