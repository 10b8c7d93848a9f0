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
	what := terminal.Repair(r.PathValue("repair"))
	content, err := readContent(w, r)
	if err == nil {
		err = a.mend(what, content)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	a.options.Logger.Info("repaired", "what", what)
	answer(w, struct{}{})
}

func (a *agent) mend(what terminal.Repair, content []byte) error {
	switch what {
	case terminal.RepairHome:
		home, err := a.account.reclaimHome()
		if err != nil {
			return err
		}
		return home.Close()
	case terminal.RepairStartup:
		if err := a.account.restoreStartup(a.options.Skel); err != nil {
			return err
		}
		a.stillborn.Store(0)
		return nil
	case terminal.RepairKubeconfig:
		return a.account.restoreKubeconfig(content)
	}
	return invalid("there is no repair %q", what)
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

// restoreStartup makes the shell's start-up files those of skel, and puts aside what
// they were.
func (a *account) restoreStartup(skel string) error {
	home, err := a.reclaimHome()
	if err != nil {
		return err
	}
	defer home.Close()
	for _, name := range startupFiles {
		want, err := os.ReadFile(filepath.Join(skel, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = putAside(home, name)
		case err == nil && !holds(home, name, want):
			err = a.replace(home, name, 0o644, want)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restoreKubeconfig makes content the kubeconfig that kubectl finds, and puts aside
// what it was.
func (a *account) restoreKubeconfig(content []byte) error {
	const folder = ".kube"
	home, err := a.reclaimHome()
	if err != nil {
		return err
	}
	defer home.Close()
	if info, err := home.Stat(folder); err != nil || !info.IsDir() {
		if err := putAside(home, folder); err != nil {
			return err
		}
	} else if err := home.Chmod(folder, info.Mode().Perm()|0o700); err != nil {
		return err
	}
	return a.replace(home, folder+"/config", 0o600, content)
}

// holds reports whether name is a file with this content.
func holds(home *os.Root, name string, content []byte) bool {
	info, err := home.Lstat(name)
	if err != nil || !info.Mode().IsRegular() { // to read a named pipe would block
		return false
	}
	found, err := home.ReadFile(name)
	return err == nil && bytes.Equal(found, content)
}

// replace writes a file, and puts aside what was there.
func (a *account) replace(home *os.Root, name string, mode fs.FileMode, content []byte) error {
	if err := putAside(home, name); err != nil {
		return err
	}
	return a.writeFile(name, mode, content)
}

// putAside renames a file, where there is one, to a name that none has: NAME.saved,
// NAME.saved2 and so on. It stays in its folder.
func putAside(home *os.Root, name string) error {
	if _, err := home.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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
