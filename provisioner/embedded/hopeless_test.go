package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// hopelessWithin is how long a creation may take to see that it has no hope. Its time
// limit is much longer.
const hopelessWithin = time.Minute

// TestHopelessInotify: a cluster that has no inotify instances is given up at once,
// and the message says so.
func TestHopelessInotify(t *testing.T) {
	provisionertest.NeedsPack(t)
	t.Parallel()
	dir := t.TempDir()
	p := newProvider(t, optionsAt(t, dir))
	deleteCluster(t, p, newCluster(t, p, dir, 0)) // with the seed
	name := newName()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	taken := make(chan error, 1)
	go func() { taken <- takeInotify(ctx, t, name) }()
	wantHopeless(t, p, name, "inotify")
	cancel()
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, dir, name); len(left) > 0 {
		t.Errorf("left behind of %s: %q", name, left)
	}
}

// takeInotify leaves the cluster name no inotify instances until ctx ends: again and
// again, because the cluster's first process sets a limit of its own.
func takeInotify(ctx context.Context, t *testing.T, name string) error {
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("the cluster never had a process")
	for {
		for _, process := range clusterProcesses(t, name) {
			if its, err := os.Readlink(process + "/ns/user"); err != nil || its == own {
				continue
			}
			cmd := exec.CommandContext(ctx, "nsenter", "--user", "--target", filepath.Base(process), "--setuid", "0", "--setgid", "0",
				"sh", "-c", "echo 0 >/proc/sys/user/max_inotify_instances")
			out, err := cmd.CombinedOutput()
			if err == nil {
				last = nil
				break
			}
			if last != nil { // else it has just ended
				last = fmt.Errorf("take the inotify instances of %s: %w: %s", process, err, out)
			}
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// TestHopelessDisk: a cluster for which the machine's disk has no room is given up at
// once, and the message says so; however far it came.
func TestHopelessDisk(t *testing.T) {
	provisionertest.NeedsPack(t)
	t.Parallel()
	for _, megabytes := range []int{8, 48} {
		t.Run(fmt.Sprintf("%d MB", megabytes), func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(dir, 0); err != nil {
					t.Error(err)
				}
			})
			wantHopeless(t, newProvider(t, optionsAt(t, dir)), newName(), "disk is full")
		})
	}
}

// wantHopeless makes the cluster name, which has to fail soon, with words in the
// message for people.
func wantHopeless(t *testing.T, p *embedded.Provider, name, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	began := time.Now()
	_, err := p.Create(ctx, name, provisioner.Spec{}, nil)
	took := time.Since(began)
	var problem *provisioner.Error
	switch {
	case err == nil:
		deleteCluster(t, p, name)
		t.Fatal("a cluster is ready that cannot be")
	case !errors.As(err, &problem) || problem.Reason != provisioner.CreateFailed || !strings.Contains(problem.Message, words):
		t.Errorf("got %v, want a message with %q", err, words)
	case took > hopelessWithin:
		t.Errorf("it took %s to see that there is no hope", took)
	}
	t.Logf("after %s: %v", took.Round(time.Millisecond), err)
}
