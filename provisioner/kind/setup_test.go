package kind_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// createWithin is generous: the machines that run the tests are busy ones.
const createWithin = 5 * time.Minute

// agent builds the workstation's agent, once.
var agent = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "wheelhouse-agent-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "wheelhouse-agent")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "wheelhouse/labs/terminal/agent/cmd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// options returns the options of a provider with a data directory of its own.
// When the test ends, neither the engine nor the directory may hold anything of
// that provider's any more.
func options(t testing.TB) kind.Options {
	t.Helper()
	dir := t.TempDir()
	before := volumes(t)
	t.Cleanup(func() { leavesNothing(t, dir, before) })
	return optionsAt(t, dir)
}

func optionsAt(t testing.TB, dataDir string) kind.Options {
	t.Helper()
	program, err := agent()
	if err != nil {
		t.Fatalf("build the agent: %v", err)
	}
	return kind.Options{DataDir: dataDir, Agent: program, Image: provisionertest.NodeImage(),
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

func newProvider(t testing.TB, o kind.Options) *kind.Provider {
	t.Helper()
	p, err := kind.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// leavesNothing fails the test if the engine or the disk holds anything of the
// owner of the data directory.
func leavesNothing(t testing.TB, dataDir string, before map[string]bool) {
	owner, err := os.ReadFile(filepath.Join(dataDir, "owner"))
	if errors.Is(err, fs.ErrNotExist) {
		return // no provider was made
	}
	if err != nil {
		t.Fatal(err)
	}
	label := "label=dev.wheelhouse.owner=" + strings.TrimSpace(string(owner))
	for _, look := range [][]string{{"ps", "-a"}, {"network", "ls"}} {
		if got := docker(t, append(look, "-q", "--filter", label)...); got != "" {
			t.Errorf("left behind: docker %s: %s", strings.Join(look, " "), got)
		}
	}
	// Others on this machine make clusters, too: a new volume of theirs is in use
	// in a moment, or gone.
	deadline := time.Now().Add(20 * time.Second)
	for left := unused(t, before); len(left) > 0; left = unused(t, before) {
		if time.Now().After(deadline) {
			t.Errorf("left behind: volumes %q", left)
			break
		}
	}
	if left := folders(t, dataDir); len(left) > 0 {
		t.Errorf("left behind in the data directory: %q", left)
	}
}

// unused lists the volumes that no container uses, but for those in before.
func unused(t testing.TB, before map[string]bool) []string {
	t.Helper()
	var left []string
	for _, volume := range strings.Fields(docker(t, "volume", "ls", "-q", "--filter", "dangling=true")) {
		if !before[volume] {
			left = append(left, volume)
		}
	}
	return left
}

// folders lists what the data directory holds beside the owner.
func folders(t testing.TB, dataDir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dataDir, "clusters", "*"))
	if err != nil {
		t.Fatal(err)
	}
	builds, err := filepath.Glob(filepath.Join(dataDir, "build-*"))
	if err != nil {
		t.Fatal(err)
	}
	return append(left, builds...)
}

// inventory lists what the engine has of the cluster name.
func inventory(t testing.TB, name string) []string {
	t.Helper()
	var all []string
	for _, look := range [][]string{
		{"ps", "-a", "--format", "container {{.Names}}"},
		{"network", "ls", "--format", "network {{.Name}}"},
	} {
		all = append(all, strings.Fields(docker(t, append(look, "--filter", "name="+name)...))...)
	}
	return all
}

// volumes lists the engine's volumes.
func volumes(t testing.TB) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, v := range strings.Fields(docker(t, "volume", "ls", "-q")) {
		all[v] = true
	}
	return all
}

func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// newName returns a name that no cluster has.
func newName() string { return "wh-" + strings.ToLower(rand.Text()[:8]) }

// workstation is a cluster's workstation with the student's kubeconfig on it.
type workstation = workstationtest.Workstation

func openWorkstation(t testing.TB, p *kind.Provider, name string) workstation {
	t.Helper()
	access, err := p.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return workstationtest.Open(t, access)
}
