package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// BenchmarkColdCreate makes clusters of one node: until the API server, the node
// and DNS are ready and the workstation can be dialled. kind's benchmark of the
// same name measures `kind create cluster` on the same machine.
func BenchmarkColdCreate(b *testing.B) {
	provisionertest.NeedsPack(b)
	p := newProvider(b, optionsAt(b, b.TempDir()))
	warmUp(b, p) // the first one makes the seed
	var took []time.Duration
	for b.Loop() {
		name := newName()
		began := time.Now()
		create(b, p, name)
		took = append(took, time.Since(began))
		b.StopTimer()
		deleteCluster(b, p, name)
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/median")
	b.ReportMetric(0, "ns/op") // with what is between the clusters, it says nothing
}

// BenchmarkIdle reports what a cluster of one node takes that nobody uses: its
// anonymous memory, and the share of one processor.
func BenchmarkIdle(b *testing.B) {
	provisionertest.NeedsPack(b)
	p := newProvider(b, optionsAt(b, b.TempDir()))
	name := newName()
	create(b, p, name)
	b.Cleanup(func() { deleteCluster(b, p, name) })
	<-time.After(2 * time.Minute) // it settles
	for b.Loop() {
		const watched = 30 * time.Second
		before := processorTime(b, name)
		<-time.After(watched)
		used := processorTime(b, name) - before
		b.ReportMetric(100*used.Seconds()/watched.Seconds(), "%cpu")
		b.ReportMetric(float64(anonymousMemory(b, name))/1e6, "MB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkThaw measures how soon a frozen cluster answers again.
func BenchmarkThaw(b *testing.B) {
	provisionertest.NeedsPack(b)
	p := newProvider(b, optionsAt(b, b.TempDir()))
	name := newName()
	create(b, p, name)
	b.Cleanup(func() { deleteCluster(b, p, name) })
	access, err := p.Access(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	health, err := provisioner.NewHealth(access)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := p.Freeze(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := p.Thaw(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		if err := health.AwaitAPI(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func warmUp(b *testing.B, p *embedded.Provider) {
	b.Helper()
	name := newName()
	create(b, p, name)
	deleteCluster(b, p, name)
}

func create(b *testing.B, p *embedded.Provider, name string) {
	b.Helper()
	if _, err := p.Create(b.Context(), name, provisioner.Spec{}, nil); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what all processes of the cluster have used so far.
func processorTime(b testing.TB, name string) time.Duration {
	b.Helper()
	for _, group := range groupsOf(b, name) {
		if strings.HasPrefix(group, "/sys/fs/cgroup/cpuacct/") { // version 1
			return time.Duration(number(b, filepath.Join(group, "cpuacct.usage"), "")) // nanoseconds
		}
		if _, err := os.Stat(filepath.Join(group, "memory.max")); err == nil { // version 2
			return time.Duration(number(b, filepath.Join(group, "cpu.stat"), "usage_usec")) * time.Microsecond
		}
	}
	b.Fatalf("cluster %s has no control group that counts processor time", name)
	return 0
}

// number reads the number behind key in a file, or the only one.
func number(b testing.TB, file, key string) int64 {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), key); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s holds no %s", file, key)
	return 0
}

// anonymousMemory adds up RssAnon of all processes of the cluster, in bytes.
func anonymousMemory(b *testing.B, name string) int64 {
	b.Helper()
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		b.Fatal(err)
	}
	var sum int64
	for _, group := range groups {
		text, err := os.ReadFile(group)
		if err != nil || !isOf(text, name) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(group), "status"))
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(status)) {
			var kilobytes int64
			if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kilobytes); err == nil {
				sum += kilobytes << 10
			}
		}
	}
	return sum
}
