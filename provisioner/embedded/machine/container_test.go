package machine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"wheelhouse/provisioner/embedded/machine"
)

// full is a log on a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (full) Close() error              { return nil }

// TestLastLine: what a container said last is kept, however much it said and whether
// or not its log can be written.
func TestLastLine(t *testing.T) {
	w, last := machine.LastLine(full{})
	if got := last(); got != "" {
		t.Errorf("before anything was said: got %q", got)
	}
	for i := range 10_000 {
		if n, err := fmt.Fprintf(w, "line %d\n", i); err != nil || n == 0 {
			t.Fatalf("got %d, %v", n, err)
		}
	}
	if got := last(); got != "line 9999" {
		t.Errorf("got %q", got)
	}
	if _, err := fmt.Fprint(w, strings.Repeat("x", 1<<20)); err != nil {
		t.Fatal(err)
	}
	if got := last(); len(got) > 1024 || strings.Trim(got, "x") != "" {
		t.Errorf("got %d bytes of a line without end", len(got))
	}
}

// TestUserLimits: a larger cluster has more of everything, and every cluster has more
// than its own components take.
func TestUserLimits(t *testing.T) {
	one, three := machine.UserLimits(1), machine.UserLimits(3)
	for name, limit := range one {
		if limit <= 0 || three[name] < limit {
			t.Errorf("%s: %d for a cluster of one node, %d for one of three", name, limit, three[name])
		}
	}
	// 27 of a node with the control plane, and 11 of each other node.
	if got := machine.InotifyInstances(1); got < 2*27 {
		t.Errorf("a cluster of one node may have %d inotify instances", got)
	}
	if got := machine.InotifyInstances(3); got < 2*(27+2*11) {
		t.Errorf("a cluster of three nodes may have %d inotify instances", got)
	}
}
