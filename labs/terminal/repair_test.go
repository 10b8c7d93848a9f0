package terminal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	if err := terminal.Mend(t.Context(), dial, terminal.RepairHome); err != nil || fault() != "" {
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

	if err := terminal.Mend(t.Context(), dial, terminal.RepairHome); err != nil {
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
		if err := terminal.Mend(t.Context(), dial, terminal.RepairStartup); err != nil {
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

// TestUnknownRepair: what is no repair does nothing.
func TestUnknownRepair(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	err := terminal.Mend(t.Context(), dial, "everything")
	if refusal, ok := errors.AsType[*terminal.Error](err); !ok || refusal.Code != terminal.CodeInvalid {
		t.Errorf("got %v, want %s", err, terminal.CodeInvalid)
	}
}
