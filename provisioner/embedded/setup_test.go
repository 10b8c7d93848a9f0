package embedded_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// createWithin is generous: the machines that run the tests are busy ones.
const createWithin = 3 * time.Minute

// program builds one of the programs that run in clusters, once.
func program(pkg string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "wheelhouse-test-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "program")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("build %s: %w", pkg, err)
		}
		return os.ReadFile(path)
	})
}

var (
	agent   = program("wheelhouse/labs/terminal/agent/cmd")
	machine = program("wheelhouse/provisioner/embedded/machine/cmd")
)

// optionsAt returns the options of a provider with the data directory.
func optionsAt(t testing.TB, dataDir string) embedded.Options {
	t.Helper()
	runtimePack := provisionertest.NeedsPack(t)
	agentProgram, err := agent()
	if err != nil {
		t.Fatal(err)
	}
	machineProgram, err := machine()
	if err != nil {
		t.Fatal(err)
	}
	return embedded.Options{
		DataDir: dataDir,
		Pack:    func() (*pack.Pack, error) { return runtimePack, nil },
		Agent:   agentProgram,
		Machine: machineProgram,
		Logger:  slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func newProvider(t testing.TB, o embedded.Options) *embedded.Provider {
	t.Helper()
	p, err := embedded.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newName returns a name that no cluster has.
func newName() string { return "wh-" + strings.ToLower(rand.Text()[:8]) }

// leftovers lists what this machine still has of the cluster name.
func leftovers(t testing.TB, dataDir, name string) []string {
	t.Helper()
	var left []string
	add := func(pattern string) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	add(filepath.Join(dataDir, "embedded", name))
	add("/run/wheelhouse/runc/" + name + "-*")
	left = append(left, groupsOf(t, name)...)
	ids, err := filepath.Glob("/run/wheelhouse/ids/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range ids {
		if owner, err := os.Readlink(link); err == nil && filepath.Base(owner) == name {
			left = append(left, link)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte("/"+name+"/")) {
		left = append(left, "a mount of "+name)
	}
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range loops {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("/"+name+"/")) {
			left = append(left, file)
		}
	}
	return append(left, livingProcesses(t, name)...)
}

// livingProcesses are clusterProcesses without the dead, which are there until the
// machine's first process has looked at them.
func livingProcesses(t testing.TB, name string) []string {
	t.Helper()
	return slices.DeleteFunc(clusterProcesses(t, name), func(dir string) bool {
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		return err != nil || bytes.Contains(status, []byte("State:\tZ"))
	})
}

func openWorkstation(t testing.TB, p *embedded.Provider, name string) workstationtest.Workstation {
	t.Helper()
	access, err := p.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return workstationtest.Open(t, access)
}
