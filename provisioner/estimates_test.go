package provisioner_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
)

// took is a creation of one phase after the other that took these seconds.
func took(nodes, network float64) provisioner.Progress {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }
	return provisioner.Progress{Phases: []provisioner.Phase{
		{Name: "Nodes", Title: "Starting the nodes", StartedAt: at(0), EndedAt: at(nodes)},
		{Name: "Network", Title: "Connecting the pods", StartedAt: at(nodes), EndedAt: at(nodes + network)},
	}}
}

func open(t *testing.T, file string) (*provisioner.Estimates, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return provisioner.OpenEstimates(file, slog.New(slog.NewTextHandler(&log, nil))), &log
}

func TestEstimates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "not", "there", "yet.json")
	e, log := open(t, file)
	if got := e.Phases(small); got != nil {
		t.Errorf("before the first creation: got %v, want none", got)
	}
	// The first one downloads an image; the median forgets that soon.
	for _, p := range []provisioner.Progress{took(300, 3), took(10, 3), took(12, 4)} {
		if err := e.Learn(small, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Learn(large, took(20, 5)); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*provisioner.Estimates{e, provisioner.OpenEstimates(file, slog.New(slog.DiscardHandler))} {
		want := []provisioner.Phase{
			{Name: "Nodes", Title: "Starting the nodes", Estimate: 12 * time.Second},
			{Name: "Network", Title: "Connecting the pods", Estimate: 3 * time.Second},
		}
		if got := e.Phases(small); !reflect.DeepEqual(got, want) {
			t.Errorf("phases: got %v, want %v", got, want)
		}
		if got, want := e.Total(small), 16*time.Second; got != want {
			t.Errorf("total: got %s, want %s", got, want)
		}
		if got, want := e.Total(large), 25*time.Second; got != want {
			t.Errorf("total of the large one: got %s, want %s", got, want)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged without need: %s", log)
	}
}

func TestEstimatesForgetOldOnes(t *testing.T) {
	e, _ := open(t, "")
	for range 9 {
		e.Learn(small, took(100, 1))
	}
	for range 3 {
		e.Learn(small, took(10, 1))
	}
	if got, want := e.Phases(small)[0].Estimate, 10*time.Second; got != want {
		t.Errorf("after three faster ones: got %s, want %s", got, want)
	}
}

func TestEstimatesApply(t *testing.T) {
	e, _ := open(t, "")
	e.Learn(small, took(10, 3))
	given := provisioner.Progress{Place: 2, Phases: []provisioner.Phase{
		{Name: "Nodes", Estimate: time.Minute}, {Name: "New", Estimate: time.Second},
	}}
	got := e.Apply(small, given)
	want := provisioner.Progress{Place: 2, Phases: []provisioner.Phase{
		{Name: "Nodes", Estimate: 10 * time.Second}, {Name: "New", Estimate: time.Second},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if given.Phases[0].Estimate != time.Minute {
		t.Error("the argument was changed")
	}
}

// What nobody can learn from must not spoil what was learned.
func TestEstimatesLearnNothing(t *testing.T) {
	e, _ := open(t, "")
	e.Learn(small, took(10, 3))
	backwards := took(10, 3)
	for i := range backwards.Phases {
		backwards.Phases[i].EndedAt = noon.Add(-time.Hour)
	}
	for _, p := range []provisioner.Progress{{}, backwards} {
		if err := e.Learn(small, p); err != nil {
			t.Error(err)
		}
	}
	if got, want := e.Total(small), 13*time.Second; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEstimatesDamagedFile(t *testing.T) {
	for _, test := range []struct{ name, content string }{
		{"empty", ""},
		{"cut off", `{"version":1,"specs":[{"spec":{"wor`},
		{"not JSON", "\x00\x00\x00\x00"},
		{"of another version", `{"version":7,"specs":[]}`},
		{"negative", `{"version":1,"specs":[{"spec":{"workers":0},"total":[-4]}]}`},
		{"absurd", `{"version":1,"specs":[{"spec":{"workers":0},"phases":[{"name":"Nodes","seconds":[1e300]}]}]}`},
		{"another shape", `[]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "estimates.json")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			e, log := open(t, file)
			if got := e.Phases(small); got != nil {
				t.Errorf("got %v, want none", got)
			}
			if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("want one warning, got %q", log)
			}
			if err := e.Learn(small, took(10, 3)); err != nil {
				t.Fatal(err)
			}
			again, log := open(t, file)
			if again.Total(small) != 13*time.Second || log.Len() > 0 {
				t.Errorf("the file was not made good: total %s, log %q", again.Total(small), log)
			}
		})
	}
}

// A write that fails leaves the old file whole, and nothing beside it.
func TestEstimatesFileNotWritable(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e, _ := open(t, filepath.Join(blocked, "estimates.json")) // its folder is a file
	if err := e.Learn(small, took(10, 3)); err == nil {
		t.Error("no error where the file cannot be written")
	}
	if got, want := e.Total(small), 13*time.Second; got != want {
		t.Errorf("it was not kept in memory: got %s, want %s", got, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
