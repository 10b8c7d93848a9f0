package kind_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
)

// createWithin is generous: the machines that run the tests are busy ones.
const createWithin = 5 * time.Minute

// needsEngine skips the test where no cluster can be made.
func needsEngine(t testing.TB) {
	t.Helper()
	if os.Getenv("WHEELHOUSE_TEST_CLUSTERS") == "none" {
		t.Skip("SKIPPED: WHEELHOUSE_TEST_CLUSTERS=none asks for no clusters, so nothing here was tested on a real one")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no container engine answers, so nothing here was tested on a real cluster: %v: %s", err, out)
	}
}

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
// When the test ends, the engine must hold nothing of that provider's any more.
func options(t testing.TB) kind.Options {
	t.Helper()
	program, err := agent()
	if err != nil {
		t.Fatalf("build the agent: %v", err)
	}
	dir := t.TempDir()
	t.Cleanup(func() { leavesNothing(t, dir) })
	return kind.Options{DataDir: dir, Agent: program, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
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
func leavesNothing(t testing.TB, dataDir string) {
	owner, err := os.ReadFile(filepath.Join(dataDir, "owner"))
	if err != nil {
		t.Fatal(err)
	}
	label := "label=dev.wheelhouse.owner=" + strings.TrimSpace(string(owner))
	for _, look := range [][]string{
		{"ps", "-a", "--filter", label},
		{"network", "ls", "--filter", label},
	} {
		if got := docker(t, append(look, "-q")...); got != "" {
			t.Errorf("left behind: docker %s: %s", strings.Join(look, " "), got)
		}
	}
	folders, err := filepath.Glob(filepath.Join(dataDir, "*", "*"))
	if err != nil || len(folders) > 0 {
		t.Errorf("left behind in the data directory: %v %v", folders, err)
	}
}

// inventory lists what the engine has that is, or was, of the named cluster.
func inventory(t testing.TB, name string) []string {
	t.Helper()
	var all []string
	for _, look := range [][]string{
		{"ps", "-a", "--format", "container {{.Names}}", "--filter", "name=" + name},
		{"network", "ls", "--format", "network {{.Name}}", "--filter", "name=" + name},
	} {
		if got := docker(t, look...); got != "" {
			all = append(all, strings.Split(got, "\n")...)
		}
	}
	return all
}

// volumes returns the names of the volumes that the cluster's containers use.
func volumes(t testing.TB, name string) []string {
	t.Helper()
	ids := docker(t, "ps", "-aq", "--filter", "name="+name)
	if ids == "" {
		return nil
	}
	format := `{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}`
	return strings.Fields(docker(t, append([]string{"inspect", "--format", format}, strings.Fields(ids)...)...))
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

// create makes a cluster that is deleted when the test ends.
func create(t testing.TB, p *kind.Provider, spec provisioner.Spec) string {
	t.Helper()
	name := newName()
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Delete(ctx, name); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	if _, err := p.Create(ctx, name, spec, nil); err != nil {
		t.Fatalf("create: %v", err)
	}
	return name
}

// workstation is a cluster's workstation with the student's kubeconfig on it.
type workstation struct {
	t    testing.TB
	dial terminal.Dialer
}

// openWorkstation puts the student's kubeconfig where kubectl looks for it.
func openWorkstation(t testing.TB, p *kind.Provider, name string) workstation {
	t.Helper()
	access, err := p.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := access.Student()
	if err != nil {
		t.Fatal(err)
	}
	if err := terminal.WriteFile(t.Context(), access.Dial, "/home/student/.kube/config", 0o600, kubeconfig); err != nil {
		t.Fatalf("write the kubeconfig: %v", err)
	}
	return workstation{t: t, dial: access.Dial}
}

// run runs a shell script as the student.
func (w workstation) run(script string) (stdout string, exitCode int) {
	w.t.Helper()
	result, err := terminal.Run(w.t.Context(), w.dial, terminal.RunRequest{
		Command: []string{"bash", "-c", script}, User: true, Timeout: time.Minute,
	})
	if err != nil {
		w.t.Fatalf("run %q: %v", script, err)
	}
	return strings.TrimSpace(string(result.Stdout) + string(result.Stderr)), result.ExitCode
}
