package kind_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// find returns the finding of that name.
func find(t *testing.T, findings []host.Finding, name string) host.Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f host.Finding) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no finding %q in %+v", name, findings)
	}
	return findings[i]
}

// wellFormed checks that each finding says what to do where something is wrong.
func wellFormed(t *testing.T, findings []host.Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Name == "" || !strings.HasSuffix(f.Message, ".") || (f.Status == host.OK) != (f.Next == "") {
			t.Errorf("finding %+v: want a sentence, and what to do unless it is OK", f)
		}
	}
}

func TestDoctorHere(t *testing.T) {
	provisionertest.NeedsEngine(t)
	findings := kind.Doctor(t.Context(), kind.Options{DataDir: t.TempDir(), Agent: []byte("agent")})
	wellFormed(t, findings)
	for _, name := range []string{"workstation agent", "data directory", "container engine", "networks", "kernel", "node image", "memory"} {
		if got := find(t, findings, name); got.Status == host.Failure {
			t.Errorf("here, where clusters are made: %+v", got)
		}
	}
}

func TestDoctorFindsTrouble(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const version1 = `[ "$1" = info ] && { echo '{"ServerVersion":"28.0","CgroupVersion":"1","Name":"elsewhere","MemTotal":1073741824}'; exit 0; }`
	const rootless = `[ "$1" = info ] && { echo '{"ServerVersion":"28.0","CgroupVersion":"1","Name":"elsewhere","MemTotal":3221225472,"SecurityOptions":["name=rootless"]}'; exit 0; }`
	const noImage = `[ "$1 $2" = "image inspect" ] && { echo "Error: No such image: x" >&2; exit 1; }; exit 0`
	for _, c := range []struct {
		name, script string
		options      kind.Options
		finding      string
		status       host.Status
		next         string // part of it
	}{
		{"no agent", noImage, kind.Options{DataDir: "/tmp"}, "workstation agent", host.Failure, "make build"},
		{"data directory is a file", noImage, kind.Options{DataDir: filepath.Join(file, "data")}, "data directory", host.Failure, "another data directory"},
		{"engine down", `echo "Cannot connect to the Docker daemon" >&2; exit 1`, kind.Options{DataDir: "/tmp"}, "container engine", host.Failure, "Start it"},
		{"cgroup v1", version1 + "\n" + noImage, kind.Options{DataDir: "/tmp"}, "kernel", host.Warning, "cgroup"},
		{"rootless on cgroup v1", rootless + "\n" + noImage, kind.Options{DataDir: "/tmp"}, "kernel", host.Failure, "cgroup"},
		{"little memory", version1 + "\n" + noImage, kind.Options{DataDir: "/tmp"}, "memory", host.Failure, "4 GB"},
		{"less memory", rootless + "\n" + noImage, kind.Options{DataDir: "/tmp"}, "memory", host.Warning, "4 GB"},
		{"no image", version1 + "\n" + noImage, kind.Options{DataDir: "/tmp", Image: "example.org/node:v1@sha256:1"}, "node image", host.Warning, "load -i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine(t, c.script)
			c.options.Runtime = "docker"
			findings := kind.Doctor(t.Context(), c.options)
			wellFormed(t, findings)
			if got := find(t, findings, c.finding); got.Status != c.status || !strings.Contains(got.Next, c.next) {
				t.Errorf("got %+v, want %s and %q", got, c.status, c.next)
			}
		})
	}
}
