package terminal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

// TestHomeFault: a home folder that its student closed to themselves lets terminals
// and commands begin, in another folder; it is told, and mended.
func TestHomeFault(t *testing.T) {
	options := agent.Options{Home: filepath.Join(t.TempDir(), "home"), Shell: []string{"/bin/sh", "-c", "pwd; read line"}}
	if err := os.Mkdir(options.Home, 0o750); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // whom no permissions hold back
		options.User = "nobody"
		for dir := options.Home; dir != os.TempDir(); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	dial := startAgent(t, options)
	fault := func() string {
		t.Helper()
		status, err := terminal.Ping(t.Context(), dial)
		if err != nil {
			t.Fatal(err)
		}
		return status.HomeFault
	}
	if err := terminal.Mend(t.Context(), dial, terminal.RepairHome, nil); err != nil || fault() != "" {
		t.Fatalf("a home folder with nothing wrong: got %v, %q", err, fault())
	}
	if err := os.Chmod(options.Home, 0); err != nil {
		t.Fatal(err)
	}
	if got := fault(); !strings.Contains(got, "d---------") {
		t.Errorf("got the fault %q, want the permissions in it", got)
	}
	request := terminal.RunRequest{Command: []string{"pwd"}, User: true, Timeout: patience}
	if result, err := terminal.Run(t.Context(), dial, request); err != nil || string(result.Stdout) != "/\n" {
		t.Errorf("a command in a closed home folder: got %q, %v", result.Stdout, err)
	}
	open(t, dial, terminal.AttachRequest{}).untilOutput("/\r\n")

	if err := terminal.Mend(t.Context(), dial, terminal.RepairHome, nil); err != nil {
		t.Fatal(err)
	}
	if got := fault(); got != "" {
		t.Errorf("got the fault %q after the repair", got)
	}
	if result, err := terminal.Run(t.Context(), dial, request); err != nil || string(result.Stdout) != options.Home+"\n" {
		t.Errorf("a command after the repair: got %q, %v", result.Stdout, err)
	}
}

// TestStartupFault: start-up files that end every shell at once are told, and made
// anew; what they were is kept.
func TestStartupFault(t *testing.T) {
	skel, home := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(home, name))
		if errors.Is(err, fs.ErrNotExist) {
			return "(none)"
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write(skel, ".profile", "PS1='all well: '\n")
	dial := startAgent(t, agent.Options{Home: home, Skel: skel})
	ends := func(want bool) {
		t.Helper()
		status, err := terminal.Ping(t.Context(), dial)
		if err != nil || status.ShellsEnd != want {
			t.Errorf("got %t, %v, want that shells end: %t", status.ShellsEnd, err, want)
		}
	}
	// A student who leaves at once has typed so.
	leaves := open(t, dial, terminal.AttachRequest{Terminal: "leaves"})
	leaves.typeIn("exit\n")
	leaves.untilExit()
	ends(false)

	write(home, ".bash_profile", "exit 1\n")
	for _, name := range []string{"one", "two"} {
		ends(false)
		open(t, dial, terminal.AttachRequest{Terminal: name}).untilExit()
	}
	eventually(t, "the second end to be noted", func() bool {
		status, err := terminal.Ping(t.Context(), dial)
		return err == nil && status.ShellsEnd
	})

	for range 2 {
		write(home, ".bash_profile", "exit 1\n")
		if err := terminal.Mend(t.Context(), dial, terminal.RepairStartup, nil); err != nil {
			t.Fatal(err)
		}
	}
	ends(false)
	if got := []string{read(".bash_profile"), read(".bash_profile.saved"), read(".bash_profile.saved2"), read(".profile"), read(".profile.saved")}; strings.Join(got, "|") !=
		"(none)|exit 1\n|exit 1\n|PS1='all well: '\n|(none)" {
		t.Errorf("the home folder has %q", got)
	}
	open(t, dial, terminal.AttachRequest{Terminal: "three"}).untilOutput("all well: ")
}

// TestNamedPipeForStartup: a start-up file that nothing can be read from is put aside
// as any other.
func TestNamedPipeForStartup(t *testing.T) {
	skel, home := t.TempDir(), t.TempDir()
	dial := startAgent(t, agent.Options{Home: home, Skel: skel})
	profile := filepath.Join(home, ".profile")
	if err := errors.Join(os.WriteFile(filepath.Join(skel, ".profile"), nil, 0o644), syscall.Mkfifo(profile, 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // lets a read that waits go on
		for _, name := range []string{profile, profile + ".saved"} {
			if pipe, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				pipe.Close()
			}
		}
	})
	if err := terminal.Mend(t.Context(), dial, terminal.RepairStartup, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{profile: 0, profile + ".saved": fs.ModeNamedPipe} {
		if is, err := os.Lstat(name); err != nil || is.Mode().Type() != want {
			t.Errorf("%s: got %v, %v, want the type %v", name, is, err, want)
		}
	}
}

// TestKubeconfigRepair: each repair writes the kubeconfig that it is given, and keeps
// what was there, and in its folder's place, under a name of its own.
func TestKubeconfigRepair(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	path := func(name string) string { return filepath.Join(home, name) }
	for _, spoil := range []func() error{
		func() error { return nil }, // none is there
		func() error { return os.WriteFile(path(".kube/config"), []byte("first"), 0o644) },
		func() error { return os.WriteFile(path(".kube/config"), []byte("second"), 0o400) },
		func() error { return os.Chmod(path(".kube"), 0) },
		func() error {
			return errors.Join(os.Rename(path(".kube"), path("was")), os.WriteFile(path(".kube"), []byte("no folder"), 0o644))
		},
		func() error { return errors.Join(os.RemoveAll(path(".kube")), os.Symlink(os.TempDir(), path(".kube"))) },
		func() error { return errors.Join(os.RemoveAll(path(".kube")), os.Symlink("nowhere", path(".kube"))) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := terminal.Mend(t.Context(), dial, terminal.RepairKubeconfig, []byte("the lab's")); err != nil {
			t.Fatal(err)
		}
		is, err := os.Lstat(path(".kube/config"))
		if err != nil || is.Mode() != 0o600 {
			t.Fatalf("the kubeconfig: got %v, %v", is, err)
		}
		if got, err := os.ReadFile(path(".kube/config")); err != nil || string(got) != "the lab's" {
			t.Fatalf("the kubeconfig: got %q, %v", got, err)
		}
	}
	for name, want := range map[string]string{"was/config.saved": "first", "was/config.saved2": "second", "was/config.saved3": "the lab's", ".kube.saved": "no folder"} {
		if got, err := os.ReadFile(path(name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]string{".kube.saved2": os.TempDir(), ".kube.saved3": "nowhere"} {
		if got, err := os.Readlink(path(name)); err != nil || got != want {
			t.Errorf("%s: leads to %q, %v, want %q", name, got, err, want)
		}
	}
}

// TestUnknownRepair: what is no repair does nothing.
func TestUnknownRepair(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	err := terminal.Mend(t.Context(), dial, "everything", nil)
	if refusal, ok := errors.AsType[*terminal.Error](err); !ok || refusal.Code != terminal.CodeInvalid {
		t.Errorf("got %v, want %s", err, terminal.CodeInvalid)
	}
}
