package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"testing"
	"time"
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
			removeDeep(t, group)
		}
	})
	const within = 30 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := a.provider.Delete(ctx, a.neighbour.name); err != nil {
		t.Errorf("delete a cluster with deep control groups: %v", err)
	}
}

// removeDeep removes the groups below a control group, however deep they lie.
func removeDeep(t *testing.T, group string) {
	t.Helper()
	root, err := os.OpenRoot(group)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer root.Close()
	if err := removeBelow(root); err != nil {
		t.Error(err)
	}
}

func removeBelow(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var failed []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		below, err := root.OpenRoot(entry.Name())
		if err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, removeBelow(below), below.Close(), root.Remove(entry.Name()))
	}
	return errors.Join(failed...)
}
