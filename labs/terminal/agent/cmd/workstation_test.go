package main_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

func TestWorkstation(t *testing.T) {
	w := startWorkstation(t)

	t.Run("student", func(t *testing.T) {
		for script, want := range map[string]string{
			"id":                   "uid=1000(student) gid=1000(student) groups=1000(student)",
			"pwd":                  "/home/student",
			"stat -c '%U %a' .":    "student 750",
			"stat -c '%U' .bashrc": "student",
			"cmp .bashrc /etc/skel/.bashrc && echo same":                                       "same",
			"echo ${SECRET_OF_THE_AGENT-unset}":                                                "unset",
			"ls /proc/self/fd | tr '\\n' ' '":                                                  "0 1 2 3", // 3 is ls's own
			"grep CapEff /proc/self/status":                                                    "CapEff:\t0000000000000000",
			"kill -9 1 2>/dev/null || echo refused":                                            "refused",
			"cat /proc/1/environ 2>/dev/null || echo refused":                                  "refused",
			"curl -s --unix-socket /run/wheelhouse/agent.sock http://x/status || echo refused": "refused",
			"touch /usr/x 2>/dev/null || echo refused":                                         "refused",
			"umask": "0022",
		} {
			if got := w.sh(true, script); got != want {
				t.Errorf("%s: got %q, want %q", script, got, want)
			}
		}
		if got := w.sh(false, "id -u"); got != "0" {
			t.Errorf("root is %s", got)
		}
	})

	t.Run("files", func(t *testing.T) {
		if err := terminal.WriteFile(t.Context(), w.dial, "/home/student/.kube/config", 0o600, []byte("secret")); err != nil {
			t.Fatal(err)
		}
		if got, want := w.sh(true, "stat -c '%U:%G %a' .kube .kube/config; cat .kube/config"), "student:student 755\nstudent:student 600\nsecret"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		w.sh(true, "ln -s /tmp out; ln -s / root")
		for _, path := range []string{"out/x", "root/tmp/x", "/tmp/x", "../../tmp/x"} {
			if err := terminal.WriteFile(t.Context(), w.dial, path, 0o600, nil); err == nil {
				t.Errorf("%s could be written", path)
			}
		}
		full := terminal.WriteFile(t.Context(), w.dial, "big", 0o600, make([]byte, terminal.MaxFile))
		for i := 0; full == nil && i < 20; i++ {
			full = terminal.WriteFile(t.Context(), w.dial, fmt.Sprint("big", i), 0o600, make([]byte, terminal.MaxFile))
		}
		if full == nil || !strings.Contains(full.Error(), "full") {
			t.Errorf("a full home folder: %v", full)
		}
		w.sh(true, "rm big*")
	})

	t.Run("orphans", func(t *testing.T) {
		w.sh(true, "for i in {1..50}; do (setsid sleep 0.1 &); done")
		w.eventually("the end of 50 orphans", func() error {
			if left := w.sh(false, "grep -l '^State:.*[ZS] .*' /proc/[0-9]*/status | xargs grep -h '^Name:.*sleep' || true"); left != "" {
				return fmt.Errorf("%d are left", strings.Count(left, "sleep"))
			}
			return nil
		})
	})

	t.Run("terminal", func(t *testing.T) {
		for name, dial := range map[string]terminal.Dialer{"socket": w.dial, "exec": w.dialExec} {
			s := attach(t, dial, terminal.AttachRequest{Terminal: name, Cols: 90, Rows: 20})
			s.say("echo tty-is-$(stat -c %U $(tty)) $(stty size)", "tty-is-student 20 90")
			s.say("echo files $(ls /proc/self/fd)", "files 0 1 2 3\r\n")
			s.conn.Close()
			again := attach(t, dial, terminal.AttachRequest{Terminal: name, Epoch: s.epoch, Offset: s.next})
			if again.epoch != s.epoch || again.lost != 0 {
				t.Errorf("%s: came back to epoch %s with %d bytes lost, want %s", name, again.epoch, again.lost, s.epoch)
			}
			again.say("exit 3", `"exitCode":3`)
			again.conn.Close()
		}
		w.eventually("the end of every bridge", func() error {
			if left := w.sh(false, "grep -lz '^dial' /proc/[0-9]*/cmdline || true"); left != "" {
				return fmt.Errorf("%s is left", left)
			}
			return nil
		})
	})

	t.Run("no room for a process", func(t *testing.T) {
		boot := w.untilUp().Boot
		bomb := attach(t, w.dial, terminal.AttachRequest{Terminal: "bomb"})
		other := attach(t, w.dial, terminal.AttachRequest{Terminal: "other"})
		other.say("echo $((40+2))", "42")
		bomb.typeIn("for i in {1..2000}; do sleep 1000 & done\n")
		w.eventually("a refusal", func() error {
			_, err := terminal.Run(t.Context(), w.dial, terminal.RunRequest{Command: []string{"true"}, Timeout: patience})
			if err == nil {
				return fmt.Errorf("there is still room")
			}
			if !strings.Contains(err.Error(), "no room for another process") {
				t.Errorf("a process was refused with %v", err)
			}
			return nil
		})
		// What is there goes on, and the agent needs no more threads than it has.
		other.say("echo $((43+2))", "45")
		var busy sync.WaitGroup
		for i := range 50 {
			busy.Go(func() {
				if err := terminal.WriteFile(t.Context(), w.dial, fmt.Sprint("file", i), 0o600, make([]byte, 1<<20)); err != nil {
					t.Error(err)
				}
			})
		}
		busy.Wait()
		if _, err := terminal.Attach(t.Context(), w.dial, terminal.AttachRequest{Terminal: "third"}); err == nil {
			t.Error("a shell started without room for it")
		}
		if now := w.untilUp().Boot; now != boot {
			t.Errorf("the workstation started anew: boot %s became %s", boot, now)
		}
		bomb.conn.Close()
	})

	t.Run("restart", func(t *testing.T) {
		boot := w.untilUp().Boot
		begun := time.Now()
		run(t, exec.Command("docker", "restart", w.name))
		if took := time.Since(begun); took > 8*time.Second {
			t.Errorf("it took %s, so the agent was killed rather than ended", took)
		}
		if now := w.untilUp().Boot; now == boot {
			t.Errorf("the boot is still %s", boot)
		}
		if got := w.sh(true, "stat -c '%U' .bashrc; ls -A | wc -l"); got != "student\n3" {
			t.Errorf("the home folder after a restart: %q", got)
		}
		s := attach(t, w.dial, terminal.AttachRequest{Terminal: "socket"})
		s.say("echo $((40+2))", "42")
	})

	t.Run("memory", func(t *testing.T) {
		boot := w.untilUp().Boot
		s := attach(t, w.dial, terminal.AttachRequest{Terminal: "hog"})
		s.say("tail /dev/zero; echo ended-with-$?", "ended-with-137")
		if now := w.untilUp().Boot; now != boot {
			t.Errorf("the workstation started anew: boot %s became %s", boot, now)
		}
	})
}

// shell is a viewer that types and waits.
type shell struct {
	t     testing.TB
	conn  *terminal.Conn
	epoch string
	lost  int64
	next  int64
	seen  bytes.Buffer
}

func attach(t testing.TB, dial terminal.Dialer, request terminal.AttachRequest) *shell {
	t.Helper()
	conn, err := terminal.Attach(t.Context(), dial, request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &shell{t: t, conn: conn}
	s.step()
	return s
}

func (s *shell) typeIn(text string) {
	s.t.Helper()
	if err := s.conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(text)}); err != nil {
		s.t.Fatal(err)
	}
}

// say types a line and waits for what follows from it. Lines are written so that
// their echo is not it.
func (s *shell) say(line, want string) {
	s.t.Helper()
	s.typeIn(line + "\n")
	for !bytes.Contains(s.seen.Bytes(), []byte(want)) {
		s.step()
	}
	s.seen.Reset()
}

// step handles one frame.
func (s *shell) step() {
	s.t.Helper()
	alarm := time.AfterFunc(patience, func() { s.conn.Close() })
	defer alarm.Stop()
	frame, err := s.conn.Read()
	if err != nil {
		s.t.Fatalf("%v after %q", err, s.seen.String())
	}
	s.seen.Write(frame.Payload)
	if frame.Kind == terminal.FrameOutput {
		s.next += int64(len(frame.Payload))
		_ = s.conn.Ack(s.next)
		return
	}
	if control, err := frame.Control(); err == nil && control.Type == "attached" {
		s.epoch, s.next, s.lost = control.Epoch, control.Offset, control.Lost
	}
}
