package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

func sh(script string) terminal.RunRequest {
	return terminal.RunRequest{Command: []string{"bash", "-c", script}, User: true, Timeout: patience}
}

func TestRun(t *testing.T) {
	home := t.TempDir()
	t.Setenv("SECRET_OF_THE_AGENT", "leaked")
	dial := startAgent(t, agent.Options{Home: home})
	for name, test := range map[string]struct {
		request terminal.RunRequest
		stdout  string
		stderr  string
		code    int
	}{
		"output":      {request: sh("echo out; echo err >&2; exit 3"), stdout: "out\n", stderr: "err\n", code: 3},
		"signal":      {request: sh("kill -TERM $$"), code: 128 + 15},
		"home":        {request: sh("pwd; echo $HOME"), stdout: home + "\n" + home + "\n"},
		"environment": {request: sh("echo ${SECRET_OF_THE_AGENT-unset} $LANG"), stdout: "unset C.UTF-8\n"},
		"binary":      {request: sh(`printf '\x00\xff\r\n'`), stdout: "\x00\xff\r\n"},
		"no stdin":    {request: sh("cat; echo end"), stdout: "end\n"},
		"as root": {
			request: terminal.RunRequest{Command: []string{"pwd"}, Timeout: patience},
			stdout:  home + "\n",
		},
		"everything": {
			request: terminal.RunRequest{
				Command: []string{"sh", "-c", `pwd; echo "$A"; cat; echo "$1"`, "sh", "a b"},
				User:    true, Env: []string{"A=x=y z"}, Dir: "/", Stdin: []byte("typed\n"), Timeout: patience,
			},
			stdout: "/\nx=y z\ntyped\na b\n",
		},
		"unread stdin": {
			request: terminal.RunRequest{Command: []string{"true"}, Stdin: make([]byte, terminal.MaxStdin), Timeout: patience},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := terminal.Run(t.Context(), dial, test.request)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Stdout) != test.stdout || string(got.Stderr) != test.stderr || got.ExitCode != test.code || got.Truncated {
				t.Errorf("got %q, %q, %d, truncated %t; want %q, %q, %d", got.Stdout, got.Stderr, got.ExitCode, got.Truncated, test.stdout, test.stderr, test.code)
			}
		})
	}
}

func TestRunRefused(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	for name, request := range map[string]terminal.RunRequest{
		"nothing":         {Timeout: patience},
		"no time":         {Command: []string{"true"}},
		"too much time":   {Command: []string{"true"}, Timeout: terminal.MaxRun + time.Second},
		"too much input":  {Command: []string{"cat"}, Timeout: patience, Stdin: make([]byte, terminal.MaxStdin+1)},
		"way too much":    {Command: []string{"cat"}, Timeout: patience, Stdin: make([]byte, 16<<20)},
		"no such program": {Command: []string{"nosuchprogram"}, Timeout: patience},
		"no such path":    {Command: []string{"/no/such/program"}, Timeout: patience},
		"no such folder":  {Command: []string{"true"}, Dir: "/no/such/folder", Timeout: patience},
		"no variable":     {Command: []string{"true"}, Env: []string{"novalue"}, Timeout: patience},
		"null byte":       {Command: []string{"true", "a\x00b"}, Timeout: patience},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := terminal.Run(t.Context(), dial, request); !hasCode(err, terminal.CodeInvalid) {
				t.Errorf("got %v, want a refusal of code %s", err, terminal.CodeInvalid)
			}
		})
	}
}

func TestRunTimeout(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	request := sh("trap '' TERM HUP INT; (echo $BASHPID > pid; exec sleep 60) & echo partial; wait")
	request.Timeout = 500 * time.Millisecond
	got, err := terminal.Run(t.Context(), dial, request)
	if !errors.Is(err, context.DeadlineExceeded) || string(got.Stdout) != "partial\n" || got.ExitCode != 128+9 {
		t.Errorf("got %q, exit code %d and %v; want what was printed and %v", got.Stdout, got.ExitCode, err, context.DeadlineExceeded)
	}
	child := pidIn(t, filepath.Join(home, "pid"))
	eventually(t, "the end of the command's child", func() bool { return gone(child) })
}

func TestRunEndsWithItsCaller(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := terminal.Run(ctx, dial, sh("(echo $BASHPID > pid; exec sleep 60)"))
		ended <- err
	}()
	child := pidIn(t, filepath.Join(home, "pid"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	eventually(t, "the end of the command", func() bool { return gone(child) })
}

func TestRunKillsWhatItLeaves(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	begun := time.Now()
	got, err := terminal.Run(t.Context(), dial, sh(`
		(echo $BASHPID > group; exec sleep 60) &
		setsid bash -c 'echo $$ > stays; exec sleep 60' &
		until test -s group -a -s stays; do :; done; echo done`))
	if err != nil || string(got.Stdout) != "done\n" {
		t.Errorf("got %q and %v", got.Stdout, err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("a process that holds the streams open held the answer up for %s", took)
	}
	group := pidIn(t, filepath.Join(home, "group"))
	eventually(t, "the end of the process group", func() bool { return gone(group) })
	stays := pidIn(t, filepath.Join(home, "stays"))
	if gone(stays) {
		t.Error("a process in a session of its own was killed")
	}
	_ = syscall.Kill(stays, syscall.SIGKILL)
}

func TestRunOutputIsCapped(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	got, err := terminal.Run(t.Context(), dial, sh("head -c 50000000 /dev/zero; head -c 2000000 /dev/zero >&2"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Stdout) != terminal.MaxStdout || len(got.Stderr) != terminal.MaxStdout || !got.Truncated || got.ExitCode != 0 {
		t.Errorf("got %d and %d bytes, truncated %t, exit code %d", len(got.Stdout), len(got.Stderr), got.Truncated, got.ExitCode)
	}
}

func TestRunLimit(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home, Runs: 2})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, name := range []string{"one", "two"} {
		running.Go(func() { terminal.Run(ctx, dial, sh("touch "+name+"; sleep 60")) })
		eventually(t, "command "+name, func() bool { _, err := os.Stat(filepath.Join(home, name)); return err == nil })
	}
	if _, err := terminal.Run(ctx, dial, sh("true")); !hasCode(err, terminal.CodeLimited) {
		t.Errorf("got %v for a third command, want %s", err, terminal.CodeLimited)
	}
}

func TestWriteFile(t *testing.T) {
	home, outside := t.TempDir(), t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	for from, to := range map[string]string{
		"out": outside, "up": "..", "secret": filepath.Join(outside, "secret"), "inside": ".kube",
	} {
		if err := os.Symlink(to, filepath.Join(home, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, at string // at is where it has to be, "" for a refusal
	}{
		{".kube/config", ".kube/config"},
		{home + "/a/b/c", "a/b/c"},
		{"./a/./b/../d", "a/d"},
		{"inside/other", ".kube/other"},
		{"secret", "secret"}, // the link itself is replaced
		{".kube/config", ".kube/config"},
		{"", ""},
		{".", ""},
		{"..", ""},
		{"../x", ""},
		{"a/../../x", ""},
		{"/etc/passwd", ""},
		{home, ""},
		{home + "x/y", ""},
		{home + "/../x", ""},
		{"a/", ""},
		{"out/x", ""},
		{"out/secret", ""},
		{"up/x", ""},
		{"a", ""}, // a folder
		{".kube/config/x", ""},
		{"nul\x00l", ""},
	} {
		content := []byte("content for " + test.path)
		err := terminal.WriteFile(t.Context(), dial, test.path, 0o640, content)
		if test.at == "" {
			if _, refused := errors.AsType[*terminal.Error](err); !refused {
				t.Errorf("%q: got %v, want a refusal", test.path, err)
			}
			continue
		}
		at := filepath.Join(home, test.at)
		got, readErr := os.ReadFile(at)
		stat, statErr := os.Lstat(at)
		if err := errors.Join(err, readErr, statErr); err != nil || !bytes.Equal(got, content) || stat.Mode() != 0o640 {
			t.Errorf("%q: got %q, %v and %v", test.path, got, stat, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(got) != "untouched" {
		t.Errorf("the file outside holds %q, %v", got, err)
	}
	for _, dir := range []string{outside, home, filepath.Dir(home)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() == "x" || strings.HasSuffix(entry.Name(), ".part") {
				t.Errorf("%s is in %s", entry.Name(), dir)
			}
		}
	}
	if err := terminal.WriteFile(t.Context(), dial, "big", 0o600, make([]byte, terminal.MaxFile+1)); !hasCode(err, terminal.CodeLimited) {
		t.Errorf("too large a file: got %v", err)
	}
	if err := terminal.WriteFile(t.Context(), dial, "big", 0o600, make([]byte, terminal.MaxFile)); err != nil {
		t.Errorf("the largest file: %v", err)
	}
}

// Who reads while a file is replaced sees the old or the new one.
func TestWriteFileIsAtomic(t *testing.T) {
	home := t.TempDir()
	dial := startAgent(t, agent.Options{Home: home})
	write := func(i int) {
		content := bytes.Repeat([]byte{byte('a' + i%26)}, 200_000)
		if err := terminal.WriteFile(t.Context(), dial, "file", 0o600, content); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	done := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			got, err := os.ReadFile(filepath.Join(home, "file"))
			if err != nil || len(got) != 200_000 || len(bytes.Trim(got, string(got[:1]))) != 0 {
				t.Errorf("read %d bytes, %v, not all of them the same", len(got), err)
				return
			}
		}
	})
	for i := range 100 {
		write(i)
	}
	close(done)
	reading.Wait()
}

func TestPing(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	first, err := terminal.Ping(t.Context(), dial)
	if err != nil || len(first.Boot) != 16 {
		t.Fatalf("got %+v and %v", first, err)
	}
	second, err := terminal.Ping(t.Context(), dial)
	if err != nil || first.Boot != second.Boot {
		t.Errorf("got %+v, %v, and %+v before", second, err, first)
	}
	other, err := terminal.Ping(t.Context(), startAgent(t, agent.Options{}))
	if err != nil || other.Boot == first.Boot {
		t.Errorf("another agent answered %+v, %v", other, err)
	}
}

func ExampleRun() {
	var dial terminal.Dialer // of a provisioner.Access
	if dial == nil {
		fmt.Println("no workstation in this example")
		return
	}
	result, err := terminal.Run(context.Background(), dial, terminal.RunRequest{
		Command: []string{"bash", "-l", "/home/student/setup.sh"},
		User:    true,
		Timeout: time.Minute,
	})
	if err != nil {
		fmt.Println("set-up:", err)
		return
	}
	fmt.Printf("set-up ended with %d: %s\n", result.ExitCode, result.Stderr)
	// Output: no workstation in this example
}

// TestStudent: what a check runs has a kubeconfig that no process can change, and no
// settings of the student's, unless it asks for those.
func TestStudent(t *testing.T) {
	home := t.TempDir()
	run := terminal.Student(startAgent(t, agent.Options{Home: home}), []byte("the server's\n"))
	const script = `pwd; case $HOME in $PWD) echo own;; *) ls -A $HOME;; esac; [ -z "$KUBECONFIG" ] && exit; { echo forged >$KUBECONFIG; echo forged >>$KUBECONFIG; } 2>/dev/null
cat $KUBECONFIG; exec 3</dev/null; bash -c 'cat $KUBECONFIG'; (cat $KUBECONFIG)`
	for _, test := range []struct {
		studentHome bool
		want        string
	}{
		{false, home + "\n.curlrc\nthe server's\nthe server's\nthe server's\n"},
		{true, home + "\nown\n"},
	} {
		stdout, stderr, exitCode, err := run(t.Context(), []string{"bash", "-c", script}, nil, patience, test.studentHome)
		if string(stdout) != test.want || exitCode != 0 || err != nil {
			t.Errorf("with the student's home %t: got %q, exit code %d, %v, want %q: %s", test.studentHome, stdout, exitCode, err, test.want, stderr)
		}
	}
}
