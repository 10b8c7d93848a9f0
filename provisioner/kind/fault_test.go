package kind_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// engine puts a docker command in front of the real one that runs the shell
// script, in which "$REAL" is docker itself.
func engine(t *testing.T, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	real, err := exec.LookPath("docker")
	if err != nil {
		real = "docker"
	}
	text := "#!/bin/sh\nREAL=" + real + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

// plain returns options that need no engine.
func plain(t *testing.T) kind.Options {
	return kind.Options{DataDir: t.TempDir(), Agent: []byte("agent"), Runtime: "docker"}
}

// info answers `docker info` as an engine in good health does.
const info = `[ "$1" = info ] && { echo '{"ServerVersion":"28.0","CgroupVersion":"2","Name":"elsewhere","MemTotal":8589934592}'; exit 0; }
[ "$1 $2" = "image ls" ] && { echo wheelhouse/node:v1.36.3; exit 0; }
[ "$1 $2" = "image inspect" ] && { echo sha256:1; exit 0; }
[ "$1" = ps ] && exit 0
[ "$1 $2" = "network ls" ] && exit 0
[ "$1 $2" = "network inspect" ] && { echo '[]'; exit 0; }
`

func TestEngineTrouble(t *testing.T) {
	for _, c := range []struct {
		name, script string
		reason       provisioner.Reason
		message      string // part of it
	}{
		{"not running", `echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1`,
			provisioner.NoEngine, "does not answer. Start it"},
		{"not running, an old client", `echo '{"ServerErrors":["Cannot connect to the Docker daemon at unix:///var/run/docker.sock."]}'`,
			provisioner.NoEngine, "does not answer. Start it"},
		{"not allowed", `echo "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock" >&2; exit 1`,
			provisioner.NoEngine, "group docker"},
		{"disk full", info + `[ "$1 $2" = "network create" ] && { echo "Error response from daemon: write /var/lib/docker/x: no space left on device" >&2; exit 1; }`,
			provisioner.CreateFailed, "disk is full"},
		{"dies in the middle", info + `echo "error during connect: EOF" >&2; exit 1`, provisioner.NoEngine, "does not answer. Start it"},
		{"unknown trouble", info + `echo "it is Monday" >&2; exit 1`, provisioner.CreateFailed, "wheelhouse doctor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine(t, c.script)
			o := plain(t)
			_, err := newProvider(t, o).Create(t.Context(), "wh-test", provisioner.Spec{}, nil)
			trouble, ok := errors.AsType[*provisioner.Error](err)
			if !ok {
				t.Fatalf("got %v, want a provisioner.Error", err)
			}
			if trouble.Reason != c.reason || !strings.Contains(trouble.Message, c.message) {
				t.Errorf("got %s %q, want %s and %q in it", trouble.Reason, trouble.Message, c.reason, c.message)
			}
			if left := folders(t, o.DataDir); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestNoEngineInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for runtime, want := range map[string]string{"": "Install Docker", "podman": "no podman command"} {
		o := plain(t)
		o.Runtime = runtime
		p := newProvider(t, o)
		_, listErr := p.List(t.Context())
		_, createErr := p.Create(t.Context(), "wh-test", provisioner.Spec{}, nil)
		for _, err := range []error{listErr, createErr, p.Delete(t.Context(), "wh-test")} {
			if provisioner.ReasonOf(err) != provisioner.NoEngine || !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("runtime %q: got %v, want NoEngine and %q", runtime, err, want)
			}
		}
	}
}

// TestEngineComesLater: the provider is made before the engine is started.
func TestEngineComesLater(t *testing.T) {
	dir := engine(t, `[ -e "$(dirname "$0")/started" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }`+"\n"+info)
	p := newProvider(t, plain(t))
	if _, err := p.List(t.Context()); provisioner.ReasonOf(err) != provisioner.NoEngine {
		t.Errorf("before: got %v, want NoEngine", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "started"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.List(t.Context()); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestNoImage(t *testing.T) {
	provisionertest.NeedsEngine(t)
	o := options(t)
	o.Image = "registry.invalid/none:1" // a name that is promised never to resolve
	name := newName()
	_, err := newProvider(t, o).Create(t.Context(), name, provisioner.Spec{}, nil)
	if provisioner.ReasonOf(err) != provisioner.NoImage || !strings.Contains(fmt.Sprint(err), o.Image) {
		t.Errorf("got %v, want NoImage that names the image", err)
	}
	if left := inventory(t, name); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestNamesOfOthers: containers, networks and kind clusters of somebody else
// keep their names, and are left alone.
func TestNamesOfOthers(t *testing.T) {
	provisionertest.NeedsEngine(t)
	p := newProvider(t, options(t))
	for _, c := range []struct {
		name string
		make func(name string) (remove []string)
	}{
		{"network", func(name string) []string {
			docker(t, "network", "create", name)
			return []string{"network", "rm", name}
		}},
		{"container", func(name string) []string {
			docker(t, "create", "--name", name+"-workstation", nodeImage(t))
			return []string{"rm", "-f", name + "-workstation"}
		}},
		{"kind cluster", func(name string) []string {
			docker(t, "create", "--name", name+"-node", "--label", "io.x-k8s.kind.cluster="+name, nodeImage(t))
			return []string{"rm", "-f", name + "-node"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := newName()
			remove := c.make(name)
			defer func() { docker(t, remove...) }() // fails if it is gone
			if _, err := p.Create(t.Context(), name, provisioner.Spec{}, nil); provisioner.ReasonOf(err) != provisioner.NameTaken {
				t.Errorf("create: got %v, want NameTaken", err)
			}
			if err := p.Delete(t.Context(), name); err != nil {
				t.Errorf("delete: %v", err)
			}
			if clusters, err := p.List(t.Context()); err != nil || len(clusters) > 0 {
				t.Errorf("list: got %v %v, want none", clusters, err)
			}
		})
	}
}

func nodeImage(t *testing.T) string {
	t.Helper()
	for _, image := range strings.Fields(docker(t, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=wheelhouse/node")) {
		return image
	}
	t.Skip("SKIPPED: there is no image wheelhouse/node here to make containers from")
	return ""
}

// TestSubnetsRunOut: the only subnet is taken by somebody else's network.
func TestSubnetsRunOut(t *testing.T) {
	provisionertest.NeedsEngine(t)
	o := options(t)
	o.Subnets = netip.MustParsePrefix("10.207.7.64/26")
	taken := newName()
	docker(t, "network", "create", "--subnet", o.Subnets.String(), taken)
	defer docker(t, "network", "rm", taken)
	_, err := newProvider(t, o).Create(t.Context(), newName(), provisioner.Spec{}, nil)
	if provisioner.ReasonOf(err) != provisioner.CreateFailed || !strings.Contains(fmt.Sprint(err), "No free network address range is left in 10.207.7.64/26") {
		t.Errorf("got %v", err)
	}
}

// TestTimeLimit: a creation that takes too long fails and leaves nothing.
func TestTimeLimit(t *testing.T) {
	provisionertest.NeedsEngine(t)
	p := newProvider(t, options(t))
	name := newName()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := p.Create(ctx, name, provisioner.Spec{}, nil)
	if provisioner.ReasonOf(err) != provisioner.TimedOut || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want TimedOut", err)
	}
	if left := inventory(t, name); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestEngineStops: the engine goes away while kind sets up the control plane.
// What is left is listed as half made when it is back, and can be deleted.
func TestEngineStops(t *testing.T) {
	provisionertest.NeedsEngine(t)
	stopped := filepath.Join(t.TempDir(), "stopped")
	// Commands under way are cut off, as they are when the engine's process ends.
	engine(t, `gone() { echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1; }
[ -e `+stopped+` ] && gone
"$REAL" "$@" <&0 & pid=$!
while kill -0 $pid 2>/dev/null; do
  [ -e `+stopped+` ] && { kill -9 $pid; gone; }
  sleep 0.1
done
wait $pid`)
	o := options(t)
	o.Runtime = "docker"
	p := newProvider(t, o)
	name := newName()
	defer deleteCluster(t, p, name)
	defer os.Remove(stopped)
	_, err := p.Create(t.Context(), name, provisioner.Spec{}, func(progress provisioner.Progress) {
		for _, phase := range progress.Phases {
			if phase.Name == "ControlPlane" && !phase.StartedAt.IsZero() {
				if err := os.WriteFile(stopped, nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if provisioner.ReasonOf(err) != provisioner.NoEngine || !strings.Contains(fmt.Sprint(err), "stopped while the cluster was being made") {
		t.Errorf("create: got %v, want NoEngine", err)
	}
	if _, err := p.List(t.Context()); provisioner.ReasonOf(err) != provisioner.NoEngine {
		t.Errorf("list: got %v, want NoEngine", err)
	}
	if err := os.Remove(stopped); err != nil {
		t.Fatal(err)
	}
	clusters, err := p.List(t.Context())
	if err != nil || len(clusters) != 1 || clusters[0].Name != name || clusters[0].State != provisioner.Creating {
		t.Errorf("list when it is back: got %+v %v", clusters, err)
	}
}
