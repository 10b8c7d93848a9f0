package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
	{name: "ptys", most: 5000, need: 64},
	{name: "keys", most: 2000, need: 64},
	{name: "open files", most: 100_000, need: 1000},
	{name: "user namespaces", most: 300, need: 16},
	{name: "mount namespaces", most: 2000, need: 64},
	{name: "net namespaces", most: 200, need: 16},
	{name: "connections", most: 300_000, need: 64},
	{name: "loop devices", most: 64, need: 0},
	{name: "inodes", most: 300_000, need: 1000},
	{name: "disk", most: 8 << 10, need: 64}, // MiB
	{name: "processes", most: 9000, need: 64},
}

// holdFor is more than it takes to look, in seconds; then the holders end by
// themselves.
const holdFor = 90

// testLimits has the attacker hold all that it can get of everything, and the host
// and the neighbour still get what they need.
func (a *arena) testLimits(t *testing.T) {
	host := hostProgram(t)
	ctx := t.Context()
	before := map[string]int{}
	for _, b := range bounds {
		before[b.name] = takeOnHost(t, host, b)
	}
	held := map[string]result{}
	for _, b := range bounds {
		results, err := a.attacker.attack(ctx, nodes[1], "hold", b.name, strconv.Itoa(b.most), strconv.Itoa(holdFor))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range only(results, "hold") {
			held[b.name] = r
		}
	}
	defer a.endHolders(t)
	var ready sync.WaitGroup
	var podErr error
	ready.Go(func() {
		_, podErr = a.neighbour.run(ctx, 2*time.Minute, `kubectl run another --image=busybox:1.36 --restart=Never -- sleep 600 && kubectl wait --for=condition=Ready pod/another --timeout=60s`)
	})
	for _, b := range bounds {
		t.Run(b.name, func(t *testing.T) {
			r := held[b.name]
			t.Logf("the attacker holds %d of %d; refused: %v", r.Count, b.most, r.Refused)
			if r.Count == 0 && b.need > 0 {
				t.Errorf("the attacker got none: %v", r.Refused)
			}
			if b.need == 0 { // others have none of it; the host's stay its own
				if r.Count > 0 {
					t.Errorf("the attacker got %d", r.Count)
				}
				return
			}
			want := min(b.need, before[b.name])
			if want < b.need {
				t.Errorf("the host had only %d of %d before", before[b.name], b.need)
			}
			if got := takeOnHost(t, host, b); got < want {
				b.fail(t, "the host gets %d, want %d", got, want)
			}
			results, err := a.neighbour.attack(ctx, nodes[0], "hold", b.name, strconv.Itoa(b.need))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range only(results, "hold") {
				if r.Count < b.need {
					b.fail(t, "the neighbour gets %d, want %d: %v", r.Count, b.need, r.Refused)
				}
			}
		})
	}
	t.Run("a new Pod of the neighbour", func(t *testing.T) {
		ready.Wait()
		if podErr != nil {
			t.Error(podErr)
		}
	})
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
	out, err := exec.Command(program, "hold", b.name, strconv.Itoa(b.need)).Output()
	if err != nil {
		t.Fatalf("%s on the host: %v", b.name, err)
	}
	results, err := decode(out)
	if err != nil || len(results) != 1 {
		t.Fatalf("%s on the host: got %v, %v", b.name, results, err)
	}
	return results[0].Count
}

// endHolders ends what holds limits, from outside, since the cluster may have no
// process left for it.
func (a *arena) endHolders(t *testing.T) {
	t.Helper()
	held := func() []string { return processesWith(a.attacker.name, "holder") }
	for _, dir := range held() {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	await(t, "holders live on", func() bool { return len(held()) == 0 })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if _, err := a.attacker.run(ctx, time.Minute, fmt.Sprintf("kubectl exec %s -- sh -c 'rm -rf /node/var/lib/kubelet/wheelhouse-attack* /dev/shm/wheelhouse-attack* /tmp/wheelhouse-attack*'", podOn(nodes[1]))); err != nil {
		t.Log(err) // it may have been evicted
	}
	for _, node := range nodes {
		a.awaitNode(t, node)
	}
}

// processesWith lists the folders in /proc of the cluster's processes whose command
// lines have all of the words.
func processesWith(name string, words ...string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup") // the pattern is well formed
	var found []string
	for _, file := range files {
		dir := filepath.Dir(file)
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte("/wheelhouse/"+name+"-")) {
			continue
		}
		command, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		all := true
		for _, word := range words {
			all = all && strings.Contains("\x00"+string(command), "\x00"+word+"\x00")
		}
		if all {
			found = append(found, dir)
		}
	}
	return found
}
