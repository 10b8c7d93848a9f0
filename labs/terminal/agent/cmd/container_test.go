package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner/provisionertest"
)

// patience is for how long a test waits for what should happen at once.
const patience = time.Minute

// workstation is a container that runs the agent as its first process, with the
// limits of a real workstation. Its image is a node's, which has all it takes.
type workstation struct {
	t    testing.TB
	name string
	dir  string // where the socket is
}

// startWorkstation builds the agent and starts a workstation, which is removed
// when the test ends.
func startWorkstation(t testing.TB) *workstation {
	t.Helper()
	image := nodeImage(t)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "wheelhouse-agent"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	run(t, build)
	w := &workstation{t: t, name: "wheelhouse-agent-test-" + strings.ToLower(filepath.Base(filepath.Dir(dir))), dir: dir}
	for name, line := range map[string]string{
		"passwd": "student:x:1000:1000::/home/student:/bin/bash",
		"group":  "student:x:1000:",
	} {
		content := run(t, exec.Command("docker", "run", "--rm", "--entrypoint", "cat", image, "/etc/"+name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content+line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"run", "--detach", "--name", w.name, "--network", "none", "--read-only",
		"--tmpfs", "/home/student:size=256m", "--tmpfs", "/tmp",
		"--volume", filepath.Join(dir, "run") + ":/run/wheelhouse",
		"--volume", filepath.Join(dir, "passwd") + ":/etc/passwd:ro",
		"--volume", filepath.Join(dir, "group") + ":/etc/group:ro",
		"--volume", filepath.Join(dir, "wheelhouse-agent") + ":/usr/local/bin/wheelhouse-agent:ro",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--pids-limit", "512", "--memory", "768m", "--cpus", "1", "--hostname", "workstation",
		"--env", "SECRET_OF_THE_AGENT=leaked", "--restart", "unless-stopped", "--entrypoint", "/usr/local/bin/wheelhouse-agent"}
	for _, capability := range []string{"SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER"} {
		args = append(args, "--cap-add", capability)
	}
	t.Cleanup(func() { run(t, exec.Command("docker", "rm", "--force", "--volumes", w.name)) })
	run(t, exec.Command("docker", append(args, image, "serve", "--socket", "/run/wheelhouse/agent.sock", "--user", "student")...))
	w.untilUp()
	return w
}

// nodeImage names a local node image, or skips the test.
func nodeImage(t testing.TB) string {
	t.Helper()
	provisionertest.NeedsEngine(t)
	images, err := exec.Command("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").Output()
	if err != nil {
		t.Fatalf("list the engine's images: %v", err)
	}
	for _, image := range strings.Fields(string(images)) {
		if strings.HasPrefix(image, "wheelhouse/node:") || strings.HasPrefix(image, "kindest/node:v") {
			return image
		}
	}
	t.Skip("NOT TESTED: the agent as a container's first process, because there is no local kind node image")
	return ""
}

// run returns what a command printed, or fails the test.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v: %s", cmd.Args, err, stderr.String())
	}
	return string(out)
}

// dial reaches the agent through its socket. Its path is longer than the kernel
// takes, so the way there is an open folder.
func (w *workstation) dial(ctx context.Context) (net.Conn, error) {
	dir, err := os.Open(filepath.Join(w.dir, "run"))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return (&net.Dialer{}).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/agent.sock", dir.Fd()))
}

// dialExec reaches the agent through the container engine.
func (w *workstation) dialExec(context.Context) (net.Conn, error) {
	cmd := exec.Command("docker", "exec", "-i", w.name, "wheelhouse-agent", "dial", "--socket", "/run/wheelhouse/agent.sock")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &execConn{in: in, out: out, cmd: cmd}, cmd.Start()
}

// execConn is a connection without deadlines, as some are.
type execConn struct {
	net.Conn
	in  io.WriteCloser
	out io.ReadCloser
	cmd *exec.Cmd
}

func (c *execConn) Read(p []byte) (int, error)  { return c.out.Read(p) }
func (c *execConn) Write(p []byte) (int, error) { return c.in.Write(p) }
func (c *execConn) Close() error {
	return errors.Join(c.in.Close(), c.cmd.Process.Kill(), c.cmd.Wait())
}

// untilUp waits for the agent.
func (w *workstation) untilUp() terminal.Status {
	w.t.Helper()
	var status terminal.Status
	w.eventually("the agent's answer", func() (err error) {
		status, err = terminal.Ping(w.t.Context(), w.dial)
		return err
	})
	return status
}

// eventually tries until there is no error any more.
func (w *workstation) eventually(what string, try func() error) {
	w.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			logs, _ := exec.Command("docker", "logs", w.name).CombinedOutput()
			w.t.Fatalf("waited %s for %s: %v; the agent's log:\n%s", patience, what, err, logs)
		}
	}
}

// sh runs a script and returns what it printed.
func (w *workstation) sh(user bool, script string) string {
	w.t.Helper()
	got, err := terminal.Run(w.t.Context(), w.dial, terminal.RunRequest{
		Command: []string{"bash", "-lc", script}, User: user, Timeout: patience,
	})
	if err != nil || got.ExitCode != 0 {
		w.t.Fatalf("%s: exit code %d, %v, %s%s", script, got.ExitCode, err, got.Stdout, got.Stderr)
	}
	return strings.TrimSpace(string(got.Stdout))
}
