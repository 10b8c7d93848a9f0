package embedded_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mounted is a mount of a process: a line of mountinfo, as proc_pid_mountinfo(5) has it.
type mounted struct {
	device, root, path, fs string
}

// mountsOf lists the mounts that a process sees, from its folder in /proc; none of
// one that has ended.
func mountsOf(dir string) []mounted {
	text, err := os.ReadFile(filepath.Join(dir, "mountinfo"))
	if err != nil {
		return nil
	}
	var all []mounted
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		if f, g := strings.Fields(before), strings.Fields(after); len(f) > 4 && len(g) > 0 {
			all = append(all, mounted{f[2], f[3], f[4], g[0]})
		}
	}
	return all
}

// backingOf returns the file behind a loop device, MAJOR:MINOR; "" where it is none.
func backingOf(device string) string {
	text, err := os.ReadFile("/sys/dev/block/" + device + "/loop/backing_file")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ownDisk reports whether the device is a disk of the attacker's.
func (a *arena) ownDisk(device string) bool {
	return strings.HasPrefix(backingOf(device), filepath.Join(a.options.DataDir, "embedded", a.attacker.name)+"/")
}

// outermost lists the processes of a cluster's outermost container, and inner those
// of its nodes, workstation and Pods: they have more process ids, one for each PID
// namespace.
func processesByDepth(t *testing.T, name string) (outermost, inner []string) {
	t.Helper()
	depths := map[string]int{}
	for _, dir := range clusterProcesses(t, name) {
		if text, err := os.ReadFile(dir + "/status"); err == nil {
			depths[dir] = len(line(text, "NSpid:"))
		}
	}
	if len(depths) == 0 {
		return nil, nil
	}
	least := slices.Min(slices.Collect(maps.Values(depths)))
	for dir, depth := range depths {
		if depth == least {
			outermost = append(outermost, dir)
		} else {
			inner = append(inner, dir)
		}
	}
	return outermost, inner
}

// foreignDevices are those of the file systems that are not the attacker's to write:
// what the host has mounted, all other loop devices, and what only the attacker's
// outermost container has. The values say whose they are. Control groups are left
// out: the host's hierarchies are everybody's, each with a part of its own.
func (a *arena) foreignDevices(t *testing.T) map[string]string {
	t.Helper()
	foreign := map[string]string{}
	outermost, inner := processesByDepth(t, a.attacker.name)
	shared := map[string]bool{}
	for _, dir := range inner {
		for _, m := range mountsOf(dir) {
			shared[m.device] = true
		}
	}
	for _, dir := range outermost {
		for _, m := range mountsOf(dir) {
			if !shared[m.device] {
				foreign[m.device] = "the outermost container's " + m.path
			}
		}
	}
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range loops {
		device, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(file)), "dev"))
		if err == nil {
			foreign[strings.TrimSpace(string(device))] = "the file system in " + backingOf(strings.TrimSpace(string(device)))
		}
	}
	for _, m := range mountsOf("/proc/self") {
		if whose := "the host's " + m.path; foreign[m.device] == "" || len(whose) < len(foreign[m.device]) {
			foreign[m.device] = whose
		}
	}
	maps.DeleteFunc(foreign, func(device, _ string) bool { return a.ownDisk(device) })
	for _, m := range mountsOf("/proc/self") {
		if strings.HasPrefix(m.fs, "cgroup") {
			delete(foreign, m.device)
		}
	}
	return foreign
}

// wantHarmless fails for each result that changed something foreign, by the way that
// it was done.
func wantHarmless(t *testing.T, results []result, foreign map[string]string) {
	t.Helper()
	const most = 3 // what one way is told to have done
	ways := map[string][]result{}
	for _, r := range results {
		way := cmp.Or(r.Way, "in all")
		ways[way] = append(ways[way], r)
	}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		t.Run(way, func(t *testing.T) {
			damage, tried := 0, 0
			refused := map[string]int{}
			for _, r := range ways[way] {
				tried += r.Count
				for name, n := range r.Refused {
					refused[name] += n
				}
				if whose, ok := foreign[r.Device]; ok && len(r.Done) > 0 {
					if damage++; damage <= most {
						t.Errorf("%s: %s %s of %s: %s", r.Where, r.FS, r.Root, whose, strings.Join(r.Done, ", "))
					}
				}
			}
			if damage > most {
				t.Errorf("and %d more", damage-most)
			}
			t.Logf("%d tried; refused: %v", tried, refused)
		})
	}
}

// count is the number that an attack of the name has tried.
func count(results []result, attack string) int {
	n := 0
	for _, r := range results {
		if r.Attack == attack {
			n += r.Count
		}
	}
	return n
}

// only returns the results of an attack.
func only(results []result, attack string) []result {
	return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Attack != attack })
}

func (r result) String() string {
	return fmt.Sprintf("%s %s: %s %s %v", r.Where, r.Way, r.Note, r.Device, r.Done)
}
