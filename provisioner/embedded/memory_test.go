package embedded_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// TestMemory: nodes report what the cluster has and no more, and a Pod that takes
// all it can get is ended, alone: neither a component of the cluster, nor the
// workstation, nor a Pod with a better quality of service.
func TestMemory(t *testing.T) {
	provisionertest.NeedsPack(t)
	t.Parallel()
	const limit, cpus = 3 << 30, 1
	dir := t.TempDir()
	options := optionsAt(t, dir)
	options.Limits = embedded.Limits{Memory: limit, CPUs: cpus}
	p := newProvider(t, options)
	name := newCluster(t, p, dir, 1)
	w := openWorkstation(t, p, name)

	t.Run("swap", func(t *testing.T) { testSwap(t, name, limit) })
	t.Run("capacity", func(t *testing.T) {
		said, exit := w.Run(t, `kubectl get nodes -o jsonpath='{range .items[*]}{.status.capacity.memory} {.status.allocatable.memory} {.status.capacity.cpu}{"\n"}{end}'`)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		if exit != 0 || len(lines) != 2 {
			t.Fatalf("exit code %d: %s", exit, said)
		}
		var sum int64
		for _, line := range lines {
			fields := strings.Fields(line)
			capacity, allocatable := bytesOf(t, fields[0]), bytesOf(t, fields[1])
			if allocatable >= capacity || allocatable < 128<<20 {
				t.Errorf("a node has %d bytes, of which pods may ask for %d", capacity, allocatable)
			}
			if fields[2] != strconv.Itoa(cpus) {
				t.Errorf("a node has %s processors, want %d", fields[2], cpus)
			}
			sum += capacity
		}
		if sum >= limit || sum < limit/2 {
			t.Errorf("the nodes have %d bytes in a cluster of %d", sum, int64(limit))
		}
	})
	for _, hog := range []struct{ name, script, command string }{
		// What a volume in memory holds stays when its writer is killed.
		{"a volume in memory", "cat /dev/zero >/memory/file", `try 120 shows Evicted kubectl get pod hog -o jsonpath='{.status.reason}'
			try 60 kubectl get events -A --field-selector reason=EvictionThresholdMet -o name; echo evicted`},
		{"memory of its own", "tail /dev/zero", `try 120 shows 'OOMKilled|Evicted' kubectl get pod hog -o jsonpath='{.status.reason} {.status.containerStatuses[0].state.terminated.reason}'; echo killed`},
	} {
		t.Run(hog.name, func(t *testing.T) {
			before := components(t, name)
			said, exit := w.Run(t, prelude+pods(t, "modest.yaml", "")+pods(t, "hog.yaml", hog.script)+`
				try 20 kubectl get serviceaccount default >/dev/null 2>&1
				kubectl wait --for=condition=MemoryPressure=False node --all --timeout=90s >/dev/null
				kubectl apply -f modest.yaml >/dev/null
				kubectl wait --for=condition=Ready pod/modest --timeout=90s >/dev/null
				kubectl apply -f hog.yaml >/dev/null
				`+hog.command+`
				kubectl get pod modest -o jsonpath='{.status.phase} {.status.containerStatuses[0].restartCount}{"\n"}'
				kubectl get nodes >/dev/null; kubectl delete -f modest.yaml -f hog.yaml --now >/dev/null`)
			if exit != 0 || !strings.Contains(said, "Running 0") {
				more, _ := w.Run(t, `kubectl describe nodes; kubectl get pods -A -o wide; kubectl describe pods; kubectl get events -A | tail -n 40`)
				t.Errorf("exit code %d: %q\n%s", exit, said, more)
			}
			if after := components(t, name); !slices.Equal(after, before) {
				t.Errorf("the cluster's processes: got %q, want those of before, %q", after, before)
			}
		})
	}
	t.Run("kubectl top", func(t *testing.T) {
		said, exit := w.Run(t, prelude+`try 150 kubectl top nodes --no-headers >top 2>/dev/null; awk '{ print $1, $4, $5 }' top`)
		if exit != 0 {
			t.Fatalf("exit code %d: %s", exit, said)
		}
		for line := range strings.Lines(said) {
			// NAME MEMORY MEMORY%, of what pods may ask for.
			fields := strings.Fields(line)
			percent, err := strconv.Atoi(strings.TrimSuffix(fields[2], "%"))
			if err != nil || percent < 5 {
				t.Errorf("an idle node uses %s, want more than 5 %% of what it has", line)
			}
		}
	})
}

// pods returns a script that writes a file of testdata/memory, with command in the
// place of SCRIPT.
func pods(t *testing.T, file, command string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/memory/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return "cat >" + file + " <<'END'\n" + strings.ReplaceAll(string(text), "SCRIPT", command) + "END\n"
}

// testSwap: memory and swap together have the limit of memory.
func testSwap(t *testing.T, name string, limit int64) {
	for _, group := range groupsOf(t, name) {
		for file, want := range map[string]int64{"memory.memsw.limit_in_bytes": limit, "memory.swap.max": 0} { // of version 1, which counts both, and 2
			path := filepath.Join(group, file)
			if _, err := os.Stat(path); err != nil {
				continue
			}
			if got := number(t, path, ""); got != want {
				t.Errorf("%s: got %d bytes, want %d", path, got, want)
			}
			return
		}
	}
	t.Fatal("no control group of the cluster bounds its swap")
}

// bytesOf reads a quantity as the API server writes it.
func bytesOf(t *testing.T, quantity string) int64 {
	t.Helper()
	q, err := resource.ParseQuantity(quantity)
	if err != nil {
		t.Fatalf("the quantity %q: %v", quantity, err)
	}
	return q.Value()
}

// components lists the processes of the cluster that are no pod's: their numbers and
// first words.
func components(t *testing.T, name string) []string {
	t.Helper()
	var found []string
	for _, dir := range clusterProcesses(t, name) {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		words := strings.Split(string(line), "\x00")
		switch filepath.Base(words[0]) {
		case "kubernetes", "containerd", "wheelhouse-machine", "wheelhouse-agent":
			found = append(found, filepath.Base(dir)+" "+strings.Join(words[:min(2, len(words))], " "))
		}
	}
	slices.Sort(found)
	return found
}
