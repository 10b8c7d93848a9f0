package agent

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// searchPath is where commands are looked up, and what a shell's PATH is until
// its profile says otherwise.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// account is the user for whom the agent works.
type account struct {
	name     string
	home     string
	uid, gid int
	groups   []uint32
	foreign  bool // another user than the agent's own
}

// lookUp finds the account that options name.
func lookUp(options Options) (*account, error) {
	entry, err := user.Current()
	if options.User != "" {
		entry, err = user.Lookup(options.User)
	}
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	a := &account{name: entry.Username, home: entry.HomeDir}
	if options.Home != "" {
		a.home = options.Home
	}
	if a.uid, err = strconv.Atoi(entry.Uid); err != nil {
		return nil, fmt.Errorf("user %s has the id %q: %w", a.name, entry.Uid, err)
	}
	if a.gid, err = strconv.Atoi(entry.Gid); err != nil {
		return nil, fmt.Errorf("user %s has the group %q: %w", a.name, entry.Gid, err)
	}
	if !filepath.IsAbs(a.home) {
		return nil, fmt.Errorf("user %s has no absolute home folder: %q", a.name, a.home)
	}
	a.foreign = a.uid != os.Geteuid()
	groups, err := entry.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up the groups of user %s: %w", a.name, err)
	}
	for _, group := range groups {
		id, err := strconv.ParseUint(group, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s is in group %q: %w", a.name, group, err)
		}
		a.groups = append(a.groups, uint32(id))
	}
	return a, nil
}

// command prepares argv for the user, in the home folder where that can be used. It gets nothing of the
// agent's own environment.
func (a *account) command(argv []string, env ...string) *exec.Cmd {
	cmd := rootCommand(argv, a.home, slices.Concat([]string{
		"USER=" + a.name,
		"LOGNAME=" + a.name,
		"SHELL=/bin/bash",
	}, env)...)
	cmd.Dir = a.folder()
	if a.foreign {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
			Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: a.groups,
		}}
	}
	return cmd
}

// shell prepares argv as a shell on a terminal, or a login bash where argv is
// empty: the hyphen before its name says that it is one, as everywhere.
func (a *account) shell(argv []string) *exec.Cmd {
	login := len(argv) == 0
	if login {
		argv = []string{"/bin/bash"}
	}
	cmd := a.command(argv, "TERM=xterm-256color", "COLORTERM=truecolor")
	if login {
		cmd.Args = []string{"-bash"}
	}
	return cmd
}

// rootCommand prepares argv for the agent's own user.
func rootCommand(argv []string, home string, env ...string) *exec.Cmd {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: home}
	cmd.Env = slices.Concat([]string{"HOME=" + home, "PATH=" + searchPath, "LANG=C.UTF-8"}, env)
	if !strings.Contains(argv[0], "/") {
		cmd.Path, cmd.Err = lookPath(argv[0])
	}
	return cmd
}

// lookPath finds a program in searchPath, whatever the agent's own PATH is.
func lookPath(name string) (string, error) {
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		if stat, err := os.Stat(path); err == nil && stat.Mode().IsRegular() && stat.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return name, fmt.Errorf("%s: %w on the workstation", name, exec.ErrNotFound)
}
