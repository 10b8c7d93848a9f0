package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

const patience = 20 * time.Second

// asInit is set for the process that TestInit starts of this test's own binary.
const asInit = "WHEELHOUSE_TEST_AS_INIT"

func TestMain(m *testing.M) {
	if socket := os.Getenv(asInit); socket != "" {
		if err := serveAsInit(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveAsInit serves as the process that inherits orphans, as the first one of a
// container does.
func serveAsInit(socket string) error {
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return errno
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	return agent.Serve(context.Background(), listener, agent.Options{Home: filepath.Dir(socket), Init: true})
}

func TestInit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: only Linux lets an ordinary process inherit orphans")
	}
	socket := filepath.Join(t.TempDir(), "agent.sock")
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), asInit+"="+socket)
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Process.Kill()
		process.Wait()
	})
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	eventually(t, "the agent", func() bool { _, err := terminal.Ping(t.Context(), dial); return err == nil })

	// Orphans end all the time, while exit codes have to arrive.
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for j := range 25 {
				want := (i*25 + j) % 256
				got, err := terminal.Run(t.Context(), dial, terminal.RunRequest{
					Command: []string{"sh", "-c", "for i in 1 2 3 4 5; do (setsid sleep 0.0$i &); done; exit " + strconv.Itoa(want)},
					Timeout: patience,
				})
				if err != nil || got.ExitCode != want {
					t.Errorf("got exit code %d and %v, want %d", got.ExitCode, err, want)
				}
			}
		})
	}
	running.Wait()
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", process.Process.Pid)
	if _, err := os.Stat(children); err != nil {
		t.Fatalf("this kernel does not tell children: %v", err)
	}
	eventually(t, "the end of all orphans", func() bool {
		left, err := os.ReadFile(children)
		return err == nil && strings.TrimSpace(string(left)) == ""
	})
}

func TestSkel(t *testing.T) {
	skel, home := t.TempDir(), t.TempDir()
	write := func(dir, name, content string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write(skel, ".bashrc", "of the skeleton", 0o644)
	write(skel, ".config/tool/rc", "deep", 0o600)
	write(skel, "bin/run", "#!/bin/sh", 0o755)
	if err := os.Symlink("bin/run", filepath.Join(skel, "link")); err != nil {
		t.Fatal(err)
	}
	write(home, ".bashrc", "of the student", 0o600)

	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := agent.Serve(ctx, listener, agent.Options{Home: home, Skel: skel}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		".bashrc":         "-rw------- of the student",
		".config/tool/rc": "-rw------- deep",
		"bin/run":         "-rwxr-xr-x #!/bin/sh",
		"link":            "-rwxr-xr-x #!/bin/sh",
	} {
		content, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			t.Error(err)
			continue
		}
		stat, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := stat.Mode().String() + " " + string(content); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if target, err := os.Readlink(filepath.Join(home, "link")); err != nil || target != "bin/run" {
		t.Errorf("link leads to %q, %v", target, err)
	}
	if stat, err := os.Stat(home); err != nil || stat.Mode().Perm() != 0o750 {
		t.Errorf("home folder: %v, %v", stat, err)
	}
}

func TestServeFails(t *testing.T) {
	for name, options := range map[string]agent.Options{
		"no such user":     {User: "nosuchuser"},
		"no such home":     {Home: "/no/such/home", Skel: t.TempDir()},
		"no such skeleton": {Home: t.TempDir(), Skel: "/no/such/skeleton"},
		"relative home":    {Home: "home"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "agent.sock"))
			if err != nil {
				t.Fatal(err)
			}
			if err := agent.Serve(t.Context(), listener, options); err == nil {
				t.Error("Serve returned no error")
			}
			if _, err := listener.Accept(); err == nil {
				t.Error("the listener is still open")
			}
		})
	}
}

// eventually waits for something that nothing announces.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}
