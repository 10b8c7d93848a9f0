package host

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
)

// Supply is something of which this machine has a limited number, for clusters and
// all other programs together.
type Supply struct {
	Name  string // for people: "inotify instances"
	Limit int64  // how many there are
	Used  int64  // by all that is no cluster
	Ours  int64  // by clusters
	Each  int64  // what one cluster of one node takes, with a student at work
	Raise string // what to do to have more

	// Soft: a cluster for which nothing is left is slow, or makes others slow, but
	// comes up.
	Soft bool
}

// Clusters returns how many clusters there can be in all, and Left how many more.
func (s Supply) Clusters() int { return int(max(0, s.Limit-s.Used) / s.Each) }

// Left returns how many clusters more there can be.
func (s Supply) Left() int { return int(max(0, s.Limit-s.Used-s.Ours) / s.Each) }

// What one cluster of one node takes, measured with a student at work and rounded
// up. (With 128 inotify instances in use, containerd starts without its part for
// the kubelet, and a node never gets Ready.)
const (
	eachInstances = 27
	eachPTYs      = 16
	eachThreads   = 500
)

// Supplies reads what this machine has. proc is /proc, memory what one cluster
// takes in bytes, ours reports whether a user of the host is one of a cluster's;
// nil where that cannot be known, and then nothing counts as used. What the kernel
// does not tell is left out. Users other than root see their own processes only.
func Supplies(proc fs.FS, memory int64, ours func(uid uint32) bool) []Supply {
	var others, clusters usage
	if ours != nil {
		others, clusters = countProcesses(proc, ours)
	}
	instances := number(proc, "sys/fs/inotify/max_user_instances")
	ptys := number(proc, "sys/kernel/pty/max") - number(proc, "sys/kernel/pty/reserve")
	threads := min(number(proc, "sys/kernel/pid_max"), number(proc, "sys/kernel/threads-max"))
	supplies := []Supply{
		{Name: "inotify instances", Limit: instances, Used: others.instances, Ours: clusters.instances, Each: eachInstances,
			Raise: fmt.Sprintf("sudo sysctl %s=%d, and put it into /etc/sysctl.d/ to keep it", instanceSetting, max(2*instances, 8192))},
		{Name: "pseudo-terminals", Limit: ptys, Used: max(0, number(proc, "sys/kernel/pty/nr")-clusters.ptys), Ours: clusters.ptys, Each: eachPTYs,
			Raise: fmt.Sprintf("sudo sysctl kernel.pty.max=%d", 2*number(proc, "sys/kernel/pty/max"))},
		{Name: "processes and threads", Limit: threads, Used: others.threads, Ours: clusters.threads, Each: eachThreads,
			Raise: "sudo sysctl kernel.pid_max=4194304"},
	}
	total, available := memoryOf(proc)
	used := int64(0)
	if ours != nil {
		used = max(0, total-available-clusters.memory)
	}
	supplies = append(supplies, Supply{Name: "memory", Limit: total, Used: used, Ours: clusters.memory, Each: memory, Soft: true,
		Raise: "close other programs, or use a machine with more memory"})
	known := supplies[:0]
	for _, s := range supplies {
		if s.Limit > 0 {
			known = append(known, s)
		}
	}
	return known
}

// Scarcest returns the supply that ends first, counting the clusters that there can
// be (Supply.Clusters or Supply.Left); of an empty list, one that never ends.
func Scarcest(supplies []Supply, count func(Supply) int) Supply {
	scarcest := Supply{Limit: math.MaxInt32, Each: 1}
	for _, s := range supplies {
		if count(s) < count(scarcest) {
			scarcest = s
		}
	}
	return scarcest
}

// usage is what some processes use.
type usage struct{ instances, ptys, threads, memory int64 }

// countProcesses adds up what processes use, those of clusters apart.
func countProcesses(proc fs.FS, ours func(uid uint32) bool) (others, clusters usage) {
	entries, _ := fs.ReadDir(proc, ".") // nothing is used where nothing is shown
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		status, err := fs.ReadFile(proc, entry.Name()+"/status")
		if err != nil {
			continue // it has just ended
		}
		sum := &others
		if uid, ok := field(status, "Uid:"); ok && ours(uint32(uid)) {
			sum = &clusters
		}
		threads, _ := field(status, "Threads:")
		sum.threads += threads
		for _, kind := range []string{"RssAnon:", "RssShmem:"} {
			kilobytes, _ := field(status, kind)
			sum.memory += kilobytes << 10
		}
		files, _ := fs.ReadDir(proc, entry.Name()+"/fd")
		for _, file := range files {
			switch target, _ := fs.ReadLink(proc, entry.Name()+"/fd/"+file.Name()); {
			case target == "anon_inode:inotify":
				sum.instances++
			case strings.HasSuffix(target, "/ptmx"): // wherever its file system is mounted
				sum.ptys++
			}
		}
	}
	return others, clusters
}

// field returns the first number after what a line of a status file begins with.
func field(status []byte, begin string) (int64, bool) {
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, begin); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				n, err := strconv.ParseInt(words[0], 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}

// memoryOf returns how much memory there is, and how much programs may still
// take, in bytes.
func memoryOf(proc fs.FS) (total, available int64) {
	text, err := fs.ReadFile(proc, "meminfo")
	if err != nil {
		return 0, 0
	}
	total, _ = field(text, "MemTotal:")
	available, _ = field(text, "MemAvailable:")
	return total << 10, available << 10
}

// number reads a file that holds one: 0 where there is none.
func number(proc fs.FS, path string) int64 {
	text, err := fs.ReadFile(proc, path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
