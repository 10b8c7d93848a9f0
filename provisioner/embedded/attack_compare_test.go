package embedded_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// compare fails for each file that is not as it was, but for what is allowed.
func compare(t *testing.T, whose string, before, after map[string]string, allow []allowed) {
	t.Helper()
	const most = 20
	differences := 0
	differ := func(path, how string) {
		for _, a := range allow {
			if a.where.MatchString(path) {
				return
			}
		}
		if differences++; differences <= most {
			t.Errorf("%s: %s", path, how)
		}
	}
	for _, path := range sortedKeys(before) {
		switch now, ok := after[path]; {
		case !ok:
			differ(path, "gone")
		case now != before[path]:
			differ(path, "was "+before[path]+", is "+now)
		}
	}
	for _, path := range sortedKeys(after) {
		if _, ok := before[path]; !ok {
			differ(path, "new: "+after[path])
		}
	}
	if differences > most {
		t.Errorf("%s: and %d more", whose, differences-most)
	}
	if len(before) == 0 {
		t.Errorf("%s had no files", whose)
	}
}

// allowedOnHost are the files of the provider's own that change while clusters run.
func (a *arena) allowedOnHost(fresh string) []allowed {
	data, run, cache := regexp.QuoteMeta(filepath.Join(a.options.DataDir, "embedded")), regexp.QuoteMeta(a.options.RunDir), regexp.QuoteMeta(a.cache)
	names := strings.Join([]string{a.attacker.name, a.victim.name, a.neighbour.name}, "|")
	return []allowed{
		{regexp.MustCompile(`^` + data + `/(` + names + `)/(etcd\.)?disk$`), "clusters write to their own disks"},
		{regexp.MustCompile(`^` + data + `/(` + names + `)/[a-z]+\.log$`), "what a cluster prints; how much is another test"},
		{regexp.MustCompile(`^` + data + `/` + a.attacker.name + `/(record\.json|agent|bundle/(pid|config\.json|wheelhouse-machine))$`), "written anew at a start"},
		{regexp.MustCompile(`^` + data + `/` + fresh + `(/|$)`), "made after the attacks"},
		{regexp.MustCompile(`^` + run + `/runc/` + a.attacker.name + `-[0-9a-f]+(/|$)`), "runc's, of a container that was started again"},
		{regexp.MustCompile(`^` + run + `/runc/` + fresh), "made after the attacks"},
		{regexp.MustCompile(`^` + cache + `/packs/[0-9a-f]+\.users(\.json)?$`), "the clusters that a pack is kept for"},
	}
}

// allowedInClusters are the files of a cluster that change while it runs.
var allowedInClusters = []allowed{
	{regexp.MustCompile(`^(/cluster)?(/var/lib)?/etcd/`), "the database"},
	{regexp.MustCompile(`^(/cluster/nodes/[^/]+/log|/cluster/log|/var/log)/`), "logs"},
	{regexp.MustCompile(`^/cluster/nodes/[^/]+/(upper|work)(/|$)`), "compared where the node sees it"},
	{regexp.MustCompile(`^/var/run/secrets/kubernetes.io/serviceaccount/`), "tokens, which are renewed"},
}

// allowedInNew are the files of a cluster that differ from another's: what is its
// own, not its images' or its root file systems'.
var allowedInNew = append([]allowed{
	{regexp.MustCompile(`^/(dev|run|tmp|cluster|tools|home)(/|$)`), "made for the container"},
	{regexp.MustCompile(`^/var/(run|tmp|local-path-provisioner)(/|$)`), "made for the container"},
	{regexp.MustCompile(`^/etc/(hosts|hostname|resolv\.conf)$`), "made for the container"},
	{regexp.MustCompile(`^/etc/(kubernetes|containerd|cni)(/|$)`), "written by the node's first process"},
	{regexp.MustCompile(`^/var/lib/(kubelet|containerd|cni|wheelhouse|etcd)(/|$)`), "the node's state"},
}, allowedInClusters...)

// newCluster makes one after the attacks, with Pods of all images, and wants the
// host to have run the same programs for it as before.
func (a *arena) newCluster(t *testing.T) *opened {
	t.Helper()
	var fresh *opened
	a.ran.collect(t, "after", func() { fresh = a.create(t, 0)[0] })
	if err := fresh.startImagePods(t.Context(), a.images(t)); err != nil {
		t.Error(err)
	}
	a.ran.wantSame(t)
	return fresh
}

// programs are those that this process has run, by what went on.
type programs struct {
	runs map[string]map[string]string // "before" and "after": digests by the program's path
}

// watchPrograms notes the programs of the child processes of this one, as long as
// collect runs.
func watchPrograms(t *testing.T) *programs {
	t.Helper()
	return &programs{runs: map[string]map[string]string{}}
}

// collect notes what runs while do does.
func (p *programs) collect(t *testing.T, when string, do func()) {
	t.Helper()
	found, stop, stopped := map[string]string{}, make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, child := range children() {
				path, err := os.Readlink(child + "/exe")
				if err != nil || found[path] != "" {
					continue
				}
				if digest, err := digestOf(child + "/exe"); err == nil {
					found[path] = digest
				}
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	<-stopped
	p.runs[when] = found
}

// children lists the folders in /proc of this process's children.
func children() []string {
	tasks, _ := filepath.Glob("/proc/self/task/*/children") // the pattern is well formed
	var dirs []string
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread that has ended has none
		for _, pid := range strings.Fields(string(text)) {
			dirs = append(dirs, "/proc/"+pid)
		}
	}
	return dirs
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// runc lists the digests of the programs called runc that were run.
func (p *programs) runc(when string) (paths, digests []string) {
	for path, digest := range p.runs[when] {
		if filepath.Base(path) == "runc" {
			paths, digests = append(paths, path), append(digests, digest)
		}
	}
	slices.Sort(digests)
	return paths, slices.Compact(digests)
}

// wantSame fails unless the same programs were run before and after, byte by byte,
// runc among them.
func (p *programs) wantSame(t *testing.T) {
	t.Helper()
	for path, digest := range p.runs["before"] {
		if now, ok := p.runs["after"][path]; ok && now != digest {
			t.Errorf("the host runs another %s", path)
		}
	}
	_, before := p.runc("before")
	_, after := p.runc("after")
	if len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("runc: got %q, want %q: %q", after, before, p.runs)
	}
}

// testPrograms: what the host runs to make clusters no cluster sees.
func (a *arena) testPrograms(t *testing.T) {
	paths, _ := a.ran.runc("before")
	if len(paths) == 0 {
		t.Fatalf("no runc was run, but %q", a.ran.runs)
	}
	for _, path := range paths {
		device, inFS := placeOf(path)
		told := map[string]bool{}
		for _, dir := range clusterProcesses(t, a.attacker.name) {
			for _, m := range mountsOf(dir) {
				if m.device == device && strings.HasPrefix(inFS, strings.TrimSuffix(m.root, "/")+"/") && !told[m.path] {
					told[m.path] = true
					comm, _ := os.ReadFile(dir + "/comm")
					t.Errorf("%s, which the host runs, lies below %s of the cluster's process %s", path, m.path, strings.TrimSpace(string(comm)))
				}
			}
		}
	}
}

// placeOf returns the device of the file system that a file of the host lies on, and
// its path there.
func placeOf(path string) (device, inFS string) {
	longest := -1
	for _, m := range mountsOf("/proc/self") {
		if rel, ok := strings.CutPrefix(path, strings.TrimSuffix(m.path, "/")+"/"); ok && len(m.path) >= longest {
			longest, device, inFS = len(m.path), m.device, filepath.Join(m.root, rel)
		}
	}
	return device, inFS
}

// hostBytes are what the host's files of the arena take, without the attacker's
// disks.
func (a *arena) hostBytes(t *testing.T) int64 {
	t.Helper()
	read := newReader()
	var bytes int64
	for _, dir := range []string{a.options.DataDir, a.options.RunDir, a.cache} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // removed meanwhile
			}
			if path != dir && read.otherDevice(dir, path) {
				return fs.SkipDir
			}
			if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && !strings.HasSuffix(path, "disk") {
				bytes += info.Size()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return bytes
}

// removeMarkers removes what attacks have left in the packs.
func removeMarkers(t *testing.T, cache string) {
	err := filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(filepath.Base(path), "wheelhouse-attack-") {
			return err
		}
		err = os.RemoveAll(path)
		if err == nil && entry.IsDir() {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Error(fmt.Errorf("remove what the attacks left: %w", err))
	}
}
