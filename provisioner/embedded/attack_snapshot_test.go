package embedded_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// snapshot is what the host and the clusters that are not attacked from hold.
type snapshot struct {
	host     map[string]string            // by the file's path
	clusters map[string]map[string]string // by the root file system, then by the file's path in it
}

// snapshot reads all files of the folders that an attacker who gets out would reach
// first, and of everything that the nodes, the workstation and the Pods of the
// victim and the neighbour see.
func (a *arena) snapshot(t *testing.T) snapshot {
	t.Helper()
	s := snapshot{host: map[string]string{}, clusters: map[string]map[string]string{}}
	read := newReader()
	for _, dir := range []string{a.options.DataDir, a.options.RunDir, a.cache, filepath.Dir(a.secrets[len(a.secrets)-1])} {
		read.tree(dir, dir, func(path string) bool { return read.otherDevice(dir, path) }, s.host)
	}
	for _, c := range []struct {
		whose string
		*opened
	}{{"victim", a.victim}, {"neighbour", a.neighbour}} {
		for root, files := range c.roots(t, read) {
			s.clusters[c.whose+": "+root] = files
		}
	}
	read.digest(t)
	t.Logf("%d files of the host and %d root file systems; %d MiB were read", len(s.host), len(s.clusters), read.bytes>>20)
	return s
}

// roots lists the files of every root file system in the cluster, by the first words
// of the process that was started first in it.
func (c *opened) roots(t *testing.T, read *reader) map[string]map[string]string {
	t.Helper()
	type space struct{ dir, name string }
	var firsts []space
	seen := map[string]bool{}
	dirs := clusterProcesses(t, c.name)
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(started(a), started(b)) })
	for _, dir := range dirs {
		link, err := os.Readlink(dir + "/ns/mnt")
		command, err2 := os.ReadFile(dir + "/cmdline")
		if err != nil || err2 != nil || seen[link] {
			continue
		}
		seen[link] = true
		firsts = append(firsts, space{dir, string(bytes.ReplaceAll(bytes.Trim(command, "\x00"), []byte{0}, []byte(" ")))})
	}
	found := map[string]map[string]string{}
	for _, s := range firsts {
		name := s.name
		for n := 2; found[name] != nil; n++ {
			name = fmt.Sprintf("%s (%d)", s.name, n)
		}
		skip := map[string]bool{}
		for _, m := range mountsOf(s.dir) {
			skip[m.path] = m.path != "/" && seenElsewhere[m.fs]
		}
		found[name] = map[string]string{}
		read.ids = idsOf(s.dir)
		read.tree(s.dir+"/root", s.dir+"/root/", func(path string) bool { return skip[strings.TrimPrefix(path, s.dir+"/root")] }, found[name])
		read.ids = nil
	}
	return found
}

// seenElsewhere are types of file systems that are not looked into: the kernel's own,
// which hold no files, and other Pods' roots as a node sees them.
var seenElsewhere = map[string]bool{"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "devpts": true, "mqueue": true, "overlay": true}

// started is when a process was started, in ticks since the machine was.
func started(dir string) uint64 {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return 0
	}
	ticks, _ := strconv.ParseUint(fields[19], 10, 64)
	return ticks
}

// allowed is a difference that is none of an attacker's.
type allowed struct {
	where *regexp.Regexp // of "WHOSE: PATH"
	why   string
}

// testUnchanged compares the host and the other clusters with what they were, and a
// cluster that is made now with the victim.
func (a *arena) testUnchanged(t *testing.T, before snapshot) {
	fresh := a.newCluster(t)
	after := a.snapshot(t)
	t.Run("host", func(t *testing.T) { compare(t, "host", before.host, after.host, a.allowedOnHost(fresh.name)) })
	for _, root := range sortedKeys(before.clusters) {
		t.Run(root, func(t *testing.T) {
			if after.clusters[root] == nil {
				t.Errorf("%s is gone", root)
				return
			}
			compare(t, root, before.clusters[root], after.clusters[root], allowedInClusters)
		})
	}
	read := newReader()
	roots := fresh.roots(t, read)
	read.digest(t)
	compared := 0
	for _, root := range sortedKeys(roots) {
		old := before.clusters["victim: "+root]
		if old == nil || !comparedRoots.MatchString(root) {
			continue // named after something of its own, or configured
		}
		compared++
		t.Run("a new cluster: "+root, func(t *testing.T) { compare(t, root, withoutTimes(old), withoutTimes(roots[root]), allowedInNew) })
	}
	if compared < len(a.images(t)) {
		t.Errorf("only %d root file systems of a new cluster were compared: %q", compared, sortedKeys(roots))
	}
	for _, c := range []*opened{a.victim, a.neighbour, fresh} {
		if said, exit := c.Run(t, "kubectl exec images -c "+a.busybox(t)+" -- find / -xdev -name 'wheelhouse-attack-*'"); exit != 0 || said != "" {
			t.Errorf("a Pod of %s finds %s", c.name, said)
		}
	}
}

// comparedRoots are the root file systems that two clusters have alike: those of Pods
// without configuration, of nodes and of the workstation.
var comparedRoots = regexp.MustCompile(`^/tools/attack wait |^/pause|wheelhouse-agent|wheelhouse-machine init`)

var modified = regexp.MustCompile(` bytes of \d\d:\d\d:\d\d\.\d{9} `)

// withoutTimes leaves out when files were written: some are when a cluster is made.
func withoutTimes(files map[string]string) map[string]string {
	plain := map[string]string{}
	for path, text := range files {
		plain[path] = modified.ReplaceAllString(text, " bytes, ")
	}
	return plain
}

// busybox is the container, in the Pod of all images, that has a shell.
func (a *arena) busybox(t *testing.T) string {
	t.Helper()
	at := slices.IndexFunc(a.images(t), func(ref string) bool { return strings.Contains(ref, "busybox:1.36") })
	if at < 0 {
		t.Fatalf("there is no busybox among %q", a.images(t))
	}
	return fmt.Sprintf("c%d", at)
}
