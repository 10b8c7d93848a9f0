package embedded_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// manyVariable is how often TestMany makes and deletes a cluster; 3 without it.
const manyVariable = "WHEELHOUSE_TEST_MANY"

// TestMany: after clusters were made and deleted, the machine is as before.
func TestMany(t *testing.T) {
	provisionertest.NeedsPack(t)
	times := 3
	if text := os.Getenv(manyVariable); text != "" {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", manyVariable, err)
		}
	}
	dir := t.TempDir()
	p := newProvider(t, optionsAt(t, dir))
	var names []string
	once := func() {
		name := newName()
		names = append(names, name)
		ctx, cancel := context.WithTimeout(t.Context(), createWithin)
		defer cancel()
		defer deleteCluster(t, p, name)
		if _, err := p.Create(ctx, name, provisioner.Spec{}, nil); err != nil {
			t.Fatalf("create %s: %v", name, err)
		}
		if len(names)%2 == 0 { // what rests is deleted, too
			if err := p.Freeze(ctx, name); err != nil {
				t.Errorf("freeze %s: %v", name, err)
			}
		}
	}
	once() // makes the seed, and whatever else stays
	before := traces(t, dir)
	for range times {
		once()
	}
	var differences []string
	// What ended a moment ago may still be on its way out; others make networks, too.
	await(t, "the machine is not as before", func() bool {
		differences = nil
		after := traces(t, dir)
		for _, what := range slices.Sorted(maps.Keys(after)) {
			if after[what] > before[what] {
				differences = append(differences, fmt.Sprintf("%s: %d, before %d", what, after[what], before[what]))
			}
		}
		return len(differences) == 0
	})
	for _, name := range names {
		if left := leftovers(t, dir, name); len(left) > 0 {
			t.Errorf("left behind of %s: %q", name, left)
		}
	}
}

// traces counts what a cluster could leave on this machine.
func traces(t *testing.T, dataDir string) map[string]int {
	t.Helper()
	count := func(pattern string) int {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	spaces := map[string]bool{}
	processes, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range processes {
		if space, err := os.Readlink(link); err == nil {
			spaces[space] = true
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, look := range [][]string{{"nft", "list", "ruleset"}, {"iptables-save"}} {
		if _, err := exec.LookPath(look[0]); err != nil {
			continue // a machine without it has none of its rules
		}
		out, err := exec.Command(look[0], look[1:]...).Output()
		if err != nil {
			t.Logf("%v: %v", look, err)
		}
		rules += strings.Count(string(out), "\n")
	}
	return map[string]int{
		"mounts":             strings.Count(string(mounts), "\n"),
		"links":              count("/sys/class/net/*"),
		"lines of rules":     rules,
		"control groups":     len(groupsOf(t, "")),
		"ids":                count("/run/wheelhouse/ids/*"),
		"containers":         count("/run/wheelhouse/runc/*"),
		"folders":            count(filepath.Join(dataDir, "embedded", "*")),
		"network namespaces": len(spaces),
		"goroutines":         runtime.NumGoroutine(),
		"open files":         count("/proc/self/fd/*"),
	}
}
