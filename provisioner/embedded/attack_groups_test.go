package embedded_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"wheelhouse/provisioner/embedded"
)

// testDeepGroups: a cluster whose control groups lie deeper than a path is long can be
// deleted. It is the neighbour, which still runs after all other attacks.
func (a *arena) testDeepGroups(t *testing.T) {
	folder := "/node/sys/fs/cgroup"
	if _, err := os.Stat("/sys/fs/cgroup/pids"); err == nil {
		folder += "/pids" // version 1
	}
	const levels = 40 // of more than 200 bytes each, and a path has 4096 at most
	if _, err := a.neighbour.attack(t.Context(), nodes[0], "deepen", folder, strconv.Itoa(levels)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what the test's own clean-up then deletes
		for _, group := range groupsOf(t, a.neighbour.name) {
			if err := embedded.RemoveGroupsBelow(group); err != nil {
				t.Error(err)
			}
		}
	})
	const within = 30 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := a.provider.Delete(ctx, a.neighbour.name); err != nil {
		t.Errorf("delete a cluster with deep control groups: %v", err)
	}
}
