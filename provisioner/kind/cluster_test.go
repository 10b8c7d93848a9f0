package kind_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// TestClusters looks at two clusters from their workstations and from outside,
// and then breaks one of them.
func TestClusters(t *testing.T) {
	provisionertest.NeedsEngine(t)
	o := options(t)
	o.Images = []kind.Image{testImage(t, "wheelhouse-test/first:1"), testImage(t, "wheelhouse-test/second:1")}
	p := newProvider(t, o)
	one, two := createTwo(t, p)
	w := openWorkstation(t, p, one)

	t.Run("images are on every node", func(t *testing.T) {
		for _, node := range []string{one + "-control-plane", one + "-worker", two + "-control-plane"} {
			got := docker(t, "exec", node, "ctr", "--namespace=k8s.io", "images", "list", "-q")
			for _, want := range []string{"docker.io/wheelhouse-test/first:1", "docker.io/wheelhouse-test/second:1"} {
				if !slices.Contains(strings.Fields(got), want) {
					t.Errorf("%s has no image %s", node, want)
				}
			}
		}
	})
	t.Run("nodes have limits", func(t *testing.T) {
		for _, node := range []string{one + "-control-plane", one + "-worker"} {
			if got, want := docker(t, "inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", node), "3221225472 8192"; got != want {
				t.Errorf("%s: got %s, want %s", node, got, want)
			}
		}
	})
	t.Run("workstation", func(t *testing.T) { testWorkstation(t, w) })
	t.Run("walls", func(t *testing.T) { testWalls(t, p, w, two) })
	t.Run("terminal", w.Terminal)
	t.Run("dialled through the engine", func(t *testing.T) {
		if _, err := terminal.Ping(t.Context(), p.DialExec(one)); err != nil {
			t.Error(err)
		}
	})
	t.Run("kubeconfig", w.Kubeconfig)
	t.Run("forgeries", w.Forgeries)
	t.Run("fork bomb", w.ForkBomb)
	t.Run("add-ons", func(t *testing.T) { testAddons(t, p, one, w) })
	t.Run("node", func(t *testing.T) { testNode(t, p, one, w) })
	t.Run("workstation starts anew", func(t *testing.T) { testRestart(t, w, one) })
	t.Run("broken", func(t *testing.T) { testBroken(t, p, two) })
}

// createTwo makes two clusters at once, the first with a worker, and checks what
// is told of its progress.
func createTwo(t *testing.T, p *kind.Provider) (one, two string) {
	t.Helper()
	var last provisioner.Progress
	var made sync.WaitGroup
	one, two = newName(), newName()
	for _, c := range []struct {
		name   string
		spec   provisioner.Spec
		report func(provisioner.Progress)
	}{
		{one, provisioner.Spec{Workers: 1}, func(p provisioner.Progress) { last = p }},
		{two, provisioner.Spec{}, nil},
	} {
		t.Cleanup(func() { deleteCluster(t, p, c.name) })
		made.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), createWithin)
			defer cancel()
			if _, err := p.Create(ctx, c.name, c.spec, c.report); err != nil {
				t.Errorf("create %s: %v", c.name, err)
			}
		})
	}
	made.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, phase := range last.Phases {
		if phase.StartedAt.IsZero() || phase.EndedAt.Before(phase.StartedAt) || phase.Title == "" || phase.Estimate == 0 {
			t.Errorf("phase when all was done: got %+v", phase)
		}
	}
	for _, want := range []string{"Nodes", "ControlPlane", "Networking", "Storage", "Workers", "Images", "Ready"} {
		i := slices.IndexFunc(last.Phases, func(p provisioner.Phase) bool { return p.Name == want })
		if i < 0 {
			t.Errorf("phases: no %s in %+v", want, last.Phases)
		} else if took := last.Phases[i].EndedAt.Sub(last.Phases[i].StartedAt); took < 10*time.Millisecond {
			t.Errorf("phase %s took %s: kind's status lines are not understood any more", want, took)
		}
	}
	return one, two
}

func deleteCluster(t testing.TB, p *kind.Provider, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := p.Delete(ctx, name); err != nil {
		t.Errorf("delete %s: %v", name, err)
	}
}

// testNode: a node that is stopped is found dead, and comes back.
func testNode(t *testing.T, p *kind.Provider, name string, w workstationtest.Workstation) {
	node := name + "-worker"
	var problem *provisioner.Error
	if err := p.StopNode(t.Context(), name, node+"7"); !errors.As(err, &problem) || problem.Reason != provisioner.NoNode {
		t.Errorf("a node that is not there: got %v, want NoNode", err)
	}
	if err := p.StopNode(t.Context(), "wh-nowhere", node); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("a cluster that is not there: got %v, want ErrNotFound", err)
	}
	for range 2 { // twice is no error
		if err := p.StopNode(t.Context(), name, node); err != nil {
			t.Fatal(err)
		}
	}
	wantReady(t, p, name, "Stopped on request: "+node+".")
	if said, exit := w.Run(t, "kubectl wait --for=condition=Ready=Unknown node/"+node+" --timeout=120s"); exit != 0 {
		t.Error(said)
	}
	for range 2 {
		if err := p.StartNode(t.Context(), name, node); err != nil {
			t.Fatal(err)
		}
	}
	wantReady(t, p, name, "")
	if said, exit := w.Run(t, "kubectl wait --for=condition=Ready node/"+node+" --timeout=60s"); exit != 0 {
		t.Error(said)
	}
}

// wantReady wants the cluster listed as Ready, with the message.
func wantReady(t *testing.T, p *kind.Provider, name, message string) {
	t.Helper()
	clusters, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(clusters, func(c provisioner.Cluster) bool {
		return c.Name == name && c.State == provisioner.Ready && c.Message == message
	}) {
		t.Errorf("got %+v, want %s Ready, %q", clusters, name, message)
	}
}

// TestEngineElsewhere: the engine's machine is another one, as with Docker
// Desktop, so the agent's socket cannot be reached through a folder.
func TestEngineElsewhere(t *testing.T) {
	provisionertest.NeedsEngine(t)
	o := options(t)
	engine(t, `[ "$1" = info ] || exec "$REAL" "$@"
"$REAL" "$@" | sed 's/"Name":"[^"]*"/"Name":"elsewhere"/g'`)
	o.Runtime = "docker"
	p := newProvider(t, o)
	name := newName()
	defer deleteCluster(t, p, name)
	if _, err := p.Create(t.Context(), name, provisioner.Spec{}, nil); err != nil {
		t.Fatal(err)
	}
	if got := docker(t, "inspect", "--format", "{{range .Mounts}}{{.Source}} {{end}}", name+"-workstation"); got != "" {
		t.Errorf("the workstation has folders of the engine's machine: %s", got)
	}
	w := openWorkstation(t, newProvider(t, o), name)
	if got, exit := w.Run(t, "kubectl get nodes -o name"); exit != 0 {
		t.Errorf("kubectl get nodes: exit code %d: %s", exit, got)
	}
}

// testRestart: the workstation can be dialled again after it was restarted, with
// a new agent.
func testRestart(t *testing.T, w workstation, cluster string) {
	before, err := terminal.Ping(t.Context(), w.Dial)
	if err != nil {
		t.Fatal(err)
	}
	docker(t, "restart", "--time", "1", cluster+"-workstation")
	deadline := time.Now().Add(30 * time.Second)
	for {
		after, err := terminal.Ping(t.Context(), w.Dial)
		if err == nil && after.Boot != before.Boot {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no new agent answers after 30 s: %+v %v", after, err)
		}
	}
}

// testBroken takes parts of a ready cluster away behind the provider's back.
func testBroken(t *testing.T, p *kind.Provider, name string) {
	for _, step := range []struct {
		damage []string
		want   string
	}{
		{[]string{"kill", name + "-workstation"}, "Its workstation stopped with exit code 137."},
		{[]string{"rm", "-f", name + "-workstation"}, "Its workstation was deleted outside Wheelhouse."},
		{[]string{"pause", name + "-control-plane"}, "Its control plane node does not run: it is paused."},
		{[]string{"rm", "-f", "-v", name + "-control-plane"}, "Its containers were deleted outside Wheelhouse."},
		{[]string{"network", "rm", name}, "Its containers were deleted outside Wheelhouse."},
	} {
		docker(t, step.damage...)
		clusters, err := p.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(clusters, func(c provisioner.Cluster) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("after docker %v: not listed", step.damage)
		}
		if got := clusters[i]; got.State != provisioner.Broken || got.Message != step.want {
			t.Errorf("after docker %v: got %s %q, want %s %q", step.damage, got.State, got.Message, provisioner.Broken, step.want)
		}
	}
	if err := p.Delete(t.Context(), name); err != nil {
		t.Errorf("delete what was broken: %v", err)
	}
	if _, err := p.Access(t.Context(), name); err == nil {
		t.Error("there is access to a deleted cluster")
	}
}

// testImage makes an image with one file, as `docker save` would write it.
func testImage(t *testing.T, ref string) kind.Image {
	t.Helper()
	var layer bytes.Buffer
	files := tar.NewWriter(&layer)
	if err := files.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(ref))}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Write([]byte(ref)); err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(tag, image, &archive); err != nil {
		t.Fatal(err)
	}
	return kind.Image{Ref: ref, Archive: archive.Bytes()}
}
