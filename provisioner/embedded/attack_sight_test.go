package embedded_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sight is a part of a file system that a node, the workstation or a Pod sees, and
// that is not its own alone.
type sight struct {
	whose string // its file, its device, or what the outermost container has it for
	root  string // what of it is seen
}

// sights lists, from outside, what the attacker's nodes, workstation and Pods have
// mounted that the host or the outermost container have, too.
func (a *arena) sights(t *testing.T) map[sight]bool {
	t.Helper()
	outermost, inner := processesByDepth(t, a.attacker.name)
	host, outer := map[string]bool{}, map[string]bool{}
	for _, m := range mountsOf("/proc/self") {
		host[m.device] = true
	}
	for _, dir := range outermost {
		if makesContainer(dir) {
			continue
		}
		for _, m := range mountsOf(dir) {
			outer[m.device] = true
		}
	}
	seen, spaces := map[sight]bool{}, map[string]bool{}
	for _, dir := range inner {
		space, err := os.Readlink(dir + "/ns/mnt")
		if err != nil || spaces[space] || makesContainer(dir) {
			continue
		}
		spaces[space] = true
		for _, m := range mountsOf(dir) {
			switch file := backingOf(m.device); {
			case file != "": // its number may change
				seen[sight{file, m.root}] = true
			case host[m.device]:
				seen[sight{m.fs + " " + m.device, m.root}] = true
			case outer[m.device]:
				seen[sight{"the outermost container's " + m.fs, m.root}] = true
			}
		}
	}
	return seen
}

// makesContainer reports whether a process is runc's, which makes a container and still
// sees what it was started in. What runs in the container does not see that process.
func makesContainer(dir string) bool {
	comm, _ := os.ReadFile(dir + "/comm") // of one that has just ended there is none
	program, _ := os.Readlink(dir + "/exe")
	return strings.HasPrefix(string(comm), "runc") || strings.Contains(program, "runc")
}

// newSights are those that are more than before the first attack. Of the cluster's
// own disk, and of its control groups, what lies below something is no more.
func (a *arena) newSights(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, s := range slices.SortedFunc(maps.Keys(a.sights(t)), func(a, b sight) int { return strings.Compare(a.whose+a.root, b.whose+b.root) }) {
		if a.baseline[s] {
			continue
		}
		own := strings.HasPrefix(s.whose, "cgroup") || strings.HasPrefix(s.whose, filepath.Join(a.options.DataDir, "embedded", a.attacker.name)+"/")
		known := false
		for b := range a.baseline {
			known = known || own && b.whose == s.whose && (s.root == b.root || strings.HasPrefix(s.root, strings.TrimSuffix(b.root, "/")+"/"))
		}
		if !known {
			found = append(found, fmt.Sprintf("%s of %s", s.root, s.whose))
		}
	}
	return found
}

// wantNothingInSight fails if the attacker sees more of the outside than it did, or
// one of the secrets; after what says since when.
func (a *arena) wantNothingInSight(t *testing.T, after string) {
	t.Helper()
	for _, s := range a.newSights(t) {
		t.Errorf("%s, the cluster sees %s", after, s)
	}
	_, inner := processesByDepth(t, a.attacker.name)
	told := map[string]bool{}
	for _, dir := range inner {
		for _, secret := range a.secrets {
			for _, link := range []string{"/root", "/cwd"} {
				if _, err := os.Lstat(dir + link + secret); err == nil && !told[secret] {
					told[secret] = true
					comm, _ := os.ReadFile(dir + "/comm")
					t.Errorf("%s, %s sees %s", after, strings.TrimSpace(string(comm)), secret)
				}
			}
		}
	}
}
