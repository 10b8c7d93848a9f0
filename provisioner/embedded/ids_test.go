package embedded_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"wheelhouse/provisioner/embedded"
)

// TestIDs: no two clusters have the same ids, and those of a cluster that is
// gone are used again.
func TestIDs(t *testing.T) {
	run, data := t.TempDir(), t.TempDir()
	owner := func(name string) string {
		folder := filepath.Join(data, name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	seen := map[uint32]string{}
	ranges := map[string]embedded.IDRange{}
	for _, name := range []string{"a", "b", "c"} {
		r, err := embedded.TakeIDs(run, owner(name))
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[r.First]; taken {
			t.Errorf("%s and %s both have %d", other, name, r.First)
		}
		if r.First%65536 != 0 || r.First < 1879048192 {
			t.Errorf("%s has the ids from %d on, which somebody else may have", name, r.First)
		}
		seen[r.First], ranges[name] = name, r
	}
	// Who asks again, after a crash, gets the same.
	if again, err := embedded.TakeIDs(run, owner("a")); err != nil || again != ranges["a"] {
		t.Errorf("asked again: got %v, %v, want %v", again, err, ranges["a"])
	}
	// Somebody else's is not given back.
	if err := ranges["b"].GiveBack(run, owner("a")); err != nil {
		t.Error(err)
	}
	if r, err := embedded.TakeIDs(run, owner("d")); err != nil || seen[r.First] != "" {
		t.Errorf("got %v, %v, which %s has", r, err, seen[r.First])
	}
	if err := ranges["b"].GiveBack(run, owner("b")); err != nil {
		t.Error(err)
	}
	if r, err := embedded.TakeIDs(run, owner("e")); err != nil || r != ranges["b"] {
		t.Errorf("after b has gone: got %v, %v, want %v", r, err, ranges["b"])
	}
	// A folder that was removed by hand gives back as well, to the cluster after the
	// next.
	if err := os.RemoveAll(owner("c")); err != nil {
		t.Fatal(err)
	}
	got := map[embedded.IDRange]bool{}
	for _, name := range []string{"f", "g"} {
		r, err := embedded.TakeIDs(run, owner(name))
		if err != nil {
			t.Fatal(err)
		}
		got[r] = true
	}
	if !got[ranges["c"]] {
		t.Errorf("the ids of c, which is gone, were not used again: got %v", got)
	}
}

func TestProcess(t *testing.T) {
	p, err := embedded.ProcessOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !p.Alive() {
		t.Error("this process is said to be dead")
	}
	p.Start++
	if p.Alive() {
		t.Error("a process of the same number that started at another time is taken for this one")
	}
	if (embedded.Process{}).Alive() {
		t.Error("no process is said to be alive")
	}
}

func TestKernel(t *testing.T) {
	for release, want := range map[string]bool{
		"5.19.0": true, "5.18.19": false, "6.1.0-13-amd64": true, "6.18.44-fc": true, "4.19.0": false, "10.0": true, "5.19-rc1": true, "": false, "six": false,
	} {
		if got := embedded.AtLeast(release, 5, 19); got != want {
			t.Errorf("%q: got %v, want %v", release, got, want)
		}
	}
}

// TestIDsOfEarlierVersions: a cluster of an earlier version, whose range is half as
// long, shares none of its ids with a new one.
func TestIDsOfEarlierVersions(t *testing.T) {
	run, old := t.TempDir(), t.TempDir()
	first, err := embedded.TakeIDs(run, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	next := first.First + embedded.IDCount
	if err := os.Symlink(old, filepath.Join(run, "ids", strconv.FormatUint(uint64(next+embedded.IDCount/2), 10))); err != nil {
		t.Fatal(err)
	}
	if got, err := embedded.TakeIDs(run, t.TempDir()); err != nil || got.First == next {
		t.Errorf("got the ids from %d on, %v, of which the other cluster has half", got.First, err)
	}
}
