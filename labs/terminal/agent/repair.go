package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"wheelhouse/labs/terminal"
)

const (
	bornWithin = 5 * time.Second // a shell that ends so soon, with nothing typed, was ended by its start-up files
	stillborn  = 2               // such shells in a row; the first may be an accident
)

// noteEnd counts the shells that ended as soon as they had started. It returns when
// the shell has ended.
func (a *agent) noteEnd(t *terminal.Terminal, started time.Time) {
	<-t.Done()
	switch {
	case a.ctx.Err() != nil:
	case time.Since(started) < bornWithin && !t.Touched():
		a.stillborn.Add(1)
	default:
		a.stillborn.Store(0)
	}
}

// homeFault says why the user's programs cannot use the home folder; "" where they can.
func (a *account) homeFault() string {
	info, err := os.Stat(a.home)
	switch {
	case err != nil:
		return err.Error()
	case !info.IsDir():
		return a.home + " is no folder"
	case info.Mode().Perm()&0o700 != 0o700:
		return fmt.Sprintf("the permissions of %s are %s", a.home, info.Mode())
	}
	return ""
}

// folder is where the user's programs start: as with every log-in, / where the home
// folder cannot be used.
func (a *account) folder() string {
	if a.homeFault() != "" {
		return "/"
	}
	return a.home
}

// repair puts one thing right.
func (a *agent) repair(w http.ResponseWriter, r *http.Request) {
	var err error
	switch what := terminal.Repair(r.PathValue("repair")); what {
	case terminal.RepairHome:
		var home *os.Root
		if home, err = a.account.reclaimHome(); err == nil {
			err = home.Close()
		}
	case terminal.RepairStartup:
		if err = a.account.restoreStartup(a.options.Skel); err == nil {
			a.stillborn.Store(0)
		}
	default:
		err = invalid("there is no repair %q", what)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	a.options.Logger.Info("repaired", "what", r.PathValue("repair"))
	answer(w, struct{}{})
}

// reclaimHome makes the home folder its user's again, who may read and write it, and
// opens it. The caller closes it.
func (a *account) reclaimHome() (*os.Root, error) {
	home, err := os.OpenRoot(a.home)
	if err != nil {
		return nil, err
	}
	if err = a.own(home, "."); err == nil {
		err = home.Chmod(".", 0o750)
	}
	if err != nil {
		return nil, errors.Join(err, home.Close())
	}
	return home, nil
}

// startupFiles are those that a login bash reads in the home folder, by its manual.
var startupFiles = []string{".bash_profile", ".bash_login", ".profile", ".bashrc"}

// restoreStartup makes the shell's start-up files those of skel. What they were is
// kept beside them, as NAME.saved, NAME.saved2 and so on.
func (a *account) restoreStartup(skel string) error {
	home, err := a.reclaimHome()
	if err != nil {
		return err
	}
	defer home.Close()
	for _, name := range startupFiles {
		want, err := os.ReadFile(filepath.Join(skel, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		fresh := err == nil
		if is, err := home.Lstat(name); err == nil {
			if found, err := home.ReadFile(name); fresh && err == nil && is.Mode().IsRegular() && bytes.Equal(found, want) {
				continue
			}
			if err := putAside(home, name); err != nil {
				return err
			}
		}
		if fresh {
			if err := a.writeFile(name, 0o644, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// putAside renames a file to a name that none has.
func putAside(home *os.Root, name string) error {
	for i := 1; ; i++ {
		aside := name + ".saved"
		if i > 1 {
			aside += strconv.Itoa(i)
		}
		if _, err := home.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return home.Rename(name, aside)
		} else if err != nil {
			return err
		}
	}
}
