//go:build linux

package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/host"
)

// TestCheckInstances: where other programs have taken the inotify instances, that
// is found. It takes those of a user that no program runs as.
func TestCheckInstances(t *testing.T) {
	if os.Getenv("WHEELHOUSE_TEST_TAKE_INSTANCES") != "" {
		for {
			if _, err := unix.InotifyInit1(unix.IN_CLOEXEC); err != nil {
				break
			}
		}
		fmt.Println("found: ", host.CheckInstances())
		return
	}
	if got := host.CheckInstances(); got.Status == host.Warning {
		t.Errorf("got %+v", got)
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can run a program as another user, so that a limit was reached is not tried")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestCheckInstances$", "-test.v")
	cmd.Env = append(os.Environ(), "WHEELHOUSE_TEST_TAKE_INSTANCES=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1879048191, Gid: 1879048191}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "This machine has 0 left") {
		t.Errorf("with none left: %v: %s", err, out)
	}
}

// TestSuppliesHere: an inotify instance of this very program is seen.
func TestSuppliesHere(t *testing.T) {
	used := func() int64 {
		for _, s := range host.Supplies(os.DirFS("/proc"), 1, func(uid uint32) bool { return int(uid) == os.Getuid() }) {
			if s.Name == "inotify instances" {
				return s.Ours
			}
		}
		t.Fatal("inotify instances are not counted")
		return 0
	}
	const many = 20 // more than other programs are likely to open or close meanwhile
	before := used()
	for range many {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	if got := used() - before; got < many/2 || got > 2*many {
		t.Errorf("got %d more instances, want %d", got, many)
	}
}
