package embedded_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wheelhouse/provisioner/embedded"
)

// resistance is what a student does so that their cluster cannot be suspended, stopped or
// deleted; bound.most of each, by the attack's program.
var resistance = []bound{
	{name: "deaf processes", most: 50},
	{name: "stopped processes", most: 50},
	{name: "traced processes", most: 20},
	{name: "frozen processes", most: 20},
	{name: "control groups", most: 1500},
	{name: "mounts", most: 2000},
	{name: "open files", most: 20_000},
	{name: "hydras", most: 40}, // they take processors
}

// full is a disk with no room left, which a stopped cluster would not start with.
var full = bound{name: "disk", most: 4 << 10} // MiB; as many as there are

// endWithin is how long a cluster that resists may take to be suspended, and to be
// deleted; to stop, it has stopWithin of the product's more.
const endWithin = 30 * time.Second

// TestAttackEnd is a student whose processes resist: their cluster is suspended, resumed,
// stopped and deleted all the same, each within its time, and leaves nothing.
func TestAttackEnd(t *testing.T) {
	options := optionsAt(t, t.TempDir())
	options.Limits.Disk = 1 << 30 // so that it can be filled
	p := newProvider(t, options)
	name := newCluster(t, p, options.DataDir, 0)
	c := &opened{name: name, Workstation: openWorkstation(t, p, name)}
	resist := func(all ...bound) {
		t.Helper()
		if err := c.startAttackPod(t.Context(), nodes[0]); err != nil {
			t.Fatal(err)
		}
		args := []string{"hold", "3600"}
		for _, b := range all {
			args = append(args, fmt.Sprintf("%s=%d", b.name, b.most))
		}
		held := byWay(t, c, nodes[0], args)
		for _, b := range all {
			if r := held[b.name]; r.Count == 0 || r.Count < b.most && b != full {
				t.Errorf("%s: got %d of %d: %v", b.name, r.Count, b.most, r.Refused)
			}
		}
	}
	within := func(what string, limit time.Duration, do func(context.Context, string) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		began := time.Now()
		if err := do(ctx, name); err != nil {
			t.Fatalf("%s after %s: %v", what, time.Since(began).Round(time.Millisecond), err)
		}
		t.Logf("%s took %s", what, time.Since(began).Round(time.Millisecond))
	}
	t.Cleanup(func() { thawGroups(t, name) }) // so that a test that fails leaves nothing

	resist(resistance...)
	within("suspending", endWithin, p.Freeze)
	wantNoTime(t, name)
	within("resuming", endWithin, p.Thaw)
	within("stopping", endWithin+embedded.StopWithin, p.Stop)
	if left := livingProcesses(t, name); len(left) > 0 {
		t.Errorf("stopped, it has the processes %q", left)
	}
	if left := groupsOf(t, name); len(left) > 0 {
		t.Errorf("stopped, it has the control groups %q", left)
	}
	within("starting", createWithin, p.Start)

	c.Workstation = awaitWorkstation(t, p, name)
	resist(append(resistance, full)...)
	within("suspending", endWithin, p.Freeze)
	within("deleting what is suspended", endWithin, p.Delete)
	if left := leftovers(t, options.DataDir, name); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// wantNoTime fails if the cluster, which is suspended, takes processor time.
func wantNoTime(t *testing.T, name string) {
	t.Helper()
	before := processorTime(t, name)
	<-time.After(2 * time.Second) // what is measured
	if after := processorTime(t, name); after != before {
		t.Errorf("suspended, it took %s of processor time", after-before)
	}
}

// thawGroups resumes what a cluster has frozen of its own with version 1 of control groups.
func thawGroups(t *testing.T, name string) {
	t.Helper()
	for _, group := range groupsOf(t, name) {
		_ = filepath.WalkDir(group, func(path string, _ os.DirEntry, err error) error {
			if err == nil && filepath.Base(path) == "freezer.state" {
				_ = os.WriteFile(path, []byte("THAWED"), 0) // it may just have gone
			}
			return nil
		})
	}
}
