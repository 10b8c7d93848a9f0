package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bound is a limit of the machine's that one cluster uses up.
type bound struct {
	name string
	most int // how many the attacker tries to take
	need int // how many others have to get meanwhile: a process of the host, and a Pod of another cluster

	// Where the kernel cannot divide it, why: what others get is only measured.
	undivided string
}

var bounds = []bound{
	{name: "inotify watches", most: 400_000, need: 1000}, // before there are no instances left to watch with
	{name: "inotify instances", most: 2000, need: 64},
	{name: "ptys", most: 5000, need: 64, undivided: "kernel.pty.max is one number for the whole machine, of which kernel.pty.reserve is kept for the first mount namespace; SECURITY.md says so"},
	{name: "keys", most: 2000, need: 64},
	{name: "open files", most: 100_000, need: 1000},
	{name: "user namespaces", most: 300, need: 16},
	{name: "mount namespaces", most: 2000, need: 64},
	{name: "net namespaces", most: 200, need: 16},
	{name: "connections", most: 300_000, need: 64},
	{name: "loop devices", most: 64, need: 0},
	{name: "processes", most: 9000, need: 64},
	{name: "disk", most: 2 << 10, need: 64}, // MiB; a file needs an inode, so this comes first
	{name: "inodes", most: 300_000, need: 1000},
}

// holdFor is more than it takes to look, in seconds; then the holders end by
// themselves.
const holdFor = 180

// testLimits has the attacker hold all that it can get of everything, and the host
// and the neighbour still get what they need. The disk comes last: a node without
// room for a file evicts the Pods that hold the rest.
func (a *arena) testLimits(t *testing.T) {
	host := hostProgram(t)
	for _, some := range [][]bound{bounds[:len(bounds)-2], bounds[len(bounds)-2:]} {
		a.testHeld(t, host, some)
		a.endHolders(t)
	}
}

// testHeld has the attacker hold some limits at the same time.
func (a *arena) testHeld(t *testing.T, host string, some []bound) {
	a.testHeldBy(t, host, some)
	t.Run("a new Pod of the neighbour", func(t *testing.T) {
		if _, err := a.neighbour.run(t.Context(), 2*time.Minute, `kubectl run another --image=busybox:1.36 --restart=Never -- sleep 600 &&
			kubectl wait --for=condition=Ready pod/another --timeout=90s && kubectl delete pod another --force --grace-period=0`); err != nil {
			t.Error(err)
		}
	})
}

// testHeldBy is testHeld without a new Pod meanwhile.
func (a *arena) testHeldBy(t *testing.T, host string, some []bound) {
	before := map[string]int{}
	for _, b := range some {
		before[b.name] = takeOnHost(t, host, b)
	}
	args := []string{"hold", strconv.Itoa(holdFor)}
	for _, b := range some {
		args = append(args, fmt.Sprintf("%s=%d", b.name, b.most))
	}
	held := byWay(t, a.attacker, nodes[1], args)
	args = []string{"hold", "0"}
	for _, b := range some {
		if b.need > 0 {
			args = append(args, fmt.Sprintf("%s=%d", b.name, b.need))
		}
	}
	neighbours := byWay(t, a.neighbour, nodes[0], args)
	for _, b := range some {
		t.Run(b.name, func(t *testing.T) {
			r := held[b.name]
			t.Logf("the attacker holds %d of %d; refused: %v", r.Count, b.most, r.Refused)
			if b.need == 0 { // others have none of it; the host's stay its own
				if r.Count > 0 {
					t.Errorf("the attacker got %d", r.Count)
				}
				return
			}
			if r.Count == 0 {
				t.Errorf("the attacker got none: %v", r.Refused)
			}
			if before[b.name] < b.need {
				t.Errorf("the host had only %d of %d before", before[b.name], b.need)
			}
			if got := takeOnHost(t, host, b); got < min(b.need, before[b.name]) {
				b.fail(t, "the host gets %d, want %d", got, b.need)
			}
			if r := neighbours[b.name]; r.Count < b.need {
				b.fail(t, "the neighbour gets %d, want %d: %v", r.Count, b.need, r.Refused)
			}
		})
	}
}

// byWay attacks from the node's Pod, and returns the results by their ways.
func byWay(t *testing.T, c *opened, node string, args []string) map[string]result {
	t.Helper()
	results, err := c.attack(t.Context(), node, args...)
	if err != nil {
		t.Fatal(err)
	}
	ways := map[string]result{}
	for _, r := range results {
		ways[r.Way] = r
	}
	return ways
}

// fail fails the test, unless the limit cannot be divided.
func (b bound) fail(t *testing.T, format string, args ...any) {
	t.Helper()
	if b.undivided != "" {
		t.Logf(format+": "+b.undivided, args...)
		return
	}
	t.Errorf(format, args...)
}

// hostProgram is the program that attacks as a file on the host.
func hostProgram(t *testing.T) string {
	t.Helper()
	text, err := attackProgram()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "attack")
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// takeOnHost returns how many a process of the host gets, up to what it needs.
func takeOnHost(t *testing.T, program string, b bound) int {
	t.Helper()
	if b.need == 0 {
		return 0
	}
	out, err := exec.Command(program, "hold", "0", fmt.Sprintf("%s=%d", b.name, b.need)).Output()
	if err != nil {
		t.Fatalf("%s on the host: %v", b.name, err)
	}
	results, err := decode(out)
	if err != nil || len(results) != 1 {
		t.Fatalf("%s on the host: got %v, %v", b.name, results, err)
	}
	return results[0].Count
}

// endHolders ends what holds limits, and waits until the nodes are as they were.
func (a *arena) endHolders(t *testing.T) {
	t.Helper()
	a.killHolders(t)
	// A Pod that was evicted leaves its files, and with them its node full.
	for _, dir := range processesWith(t, a.attacker.name, "kubelet", nodes[1]) {
		files, err := filepath.Glob(dir + "/root/var/lib/kubelet/wheelhouse-attack-*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.RemoveAll(file); err != nil {
				t.Error(err)
			}
		}
	}
	for _, node := range nodes {
		a.awaitNode(t, node)
	}
}

// processesWith lists the folders in /proc of the cluster's processes whose command
// lines have all of the words.
func processesWith(t *testing.T, name string, words ...string) []string {
	t.Helper()
	return slices.DeleteFunc(clusterProcesses(t, name), func(dir string) bool {
		command, err := os.ReadFile(dir + "/cmdline")
		return err != nil || slices.ContainsFunc(words, func(word string) bool {
			return !strings.Contains("\x00"+string(command), "\x00"+word+"\x00")
		})
	})
}
