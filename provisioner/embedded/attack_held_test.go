package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// quickBounds are limits that are tried by themselves, since they cost no time. Those
// that are tried together are bounds.
var quickBounds = []bound{
	{name: "aio requests", most: 65_536, need: 0},
}

// testQuickLimits has the attacker try to take some limits.
func (a *arena) testQuickLimits(t *testing.T) {
	a.testHeldBy(t, hostProgram(t), quickBounds)
	a.killHolders(t)
}

// testKernelMemory measures how much memory the kernel uses for a Pod's locks on files,
// and how much of it is charged to the cluster. Today's kernels charge none, and
// SECURITY.md says so; one that charges it is no error. The attacker takes a part of what
// it could.
func (a *arena) testKernelMemory(t *testing.T) {
	const locks = 300_000
	charged, all := a.clusterMemory(t), kernelMemory(t)
	r := byWay(t, a.attacker, nodes[1], []string{"hold", strconv.Itoa(holdFor), fmt.Sprintf("file locks=%d", locks)})["file locks"]
	grown, grownAll := a.clusterMemory(t)-charged, kernelMemory(t)-all
	a.killHolders(t)
	t.Logf("%d locks (refused: %v): the cluster's memory has grown by %d MiB, the kernel's by %d MiB", r.Count, r.Refused, grown>>20, grownAll>>20)
	if r.Count == 0 {
		t.Errorf("the attacker got no lock: %v", r.Refused)
	}
}

// clusterMemory is what the attacker's cluster is charged with of the kernel's memory,
// in bytes.
func (a *arena) clusterMemory(t *testing.T) int64 {
	t.Helper()
	for _, group := range groupsOf(t, a.attacker.name) {
		text, err := os.ReadFile(filepath.Join(group, "memory.kmem.usage_in_bytes")) // version 1
		if err != nil {
			stat, err := os.ReadFile(filepath.Join(group, "memory.stat"))
			if err != nil {
				continue
			}
			text = []byte(strings.Join(line(stat, "slab "), ""))
		}
		bytes, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	t.Fatal("the cluster has no control group that counts the kernel's memory")
	return 0
}

// kernelMemory is what the kernel uses by itself and cannot give back, in bytes.
func kernelMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	fields := line(text, "SUnreclaim:")
	if len(fields) == 0 {
		t.Fatal("/proc/meminfo has no SUnreclaim")
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// killHolders ends what holds limits, from outside, since the cluster may have no
// process left for it.
func (a *arena) killHolders(t *testing.T) {
	t.Helper()
	held := func() []string { return processesWith(t, a.attacker.name, "holder") }
	for _, dir := range held() {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may just have ended
		}
	}
	await(t, "holders live on", func() bool { return len(held()) == 0 })
}
