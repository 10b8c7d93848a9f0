package kind_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// TestNodeImage makes a node image of the pack, and a cluster of it with a worker
// in which everything that comes from the image is used.
func TestNodeImage(t *testing.T) {
	provisionertest.NeedsEngine(t)
	runtimePack := provisionertest.NeedsPack(t)
	ref := "wheelhouse/node-test:" + strings.TrimPrefix(newName(), "wh-")
	importNodeImage(t, ref, func(ctx context.Context, w io.Writer) error {
		options := pack.Options{Cache: provisionertest.PackCache(t), Source: "../runtime"}
		return pack.WriteNodeImage(ctx, options, runtimePack, w, nil)
	})
	t.Cleanup(func() { docker(t, "image", "rm", "--force", ref) })

	o := options(t)
	o.Image = ref
	p := newProvider(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	name := newName()
	t.Cleanup(func() {
		if err := p.Delete(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	if _, err := p.Create(ctx, name, provisioner.Spec{Workers: 1}, nil); err != nil {
		t.Fatal(err)
	}
	openWorkstation(t, p, name).Check(t, []workstationtest.Case{
		{Name: "nodes", Script: "kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'",
			Want: fmt.Sprintf("%[1]s %[1]s", runtimePack.Manifest().Kubernetes)},
		{Name: "tools", Script: "for tool in nano vi less curl jq ps ping; do command -v $tool >/dev/null || echo no $tool; done", Want: "^$"},
		{Name: "pods on both nodes", Script: acrossNodes, Want: "reached reached reached"},
		{Name: "network policies", Script: denied, Want: "refused, and reached again"},
		{Name: "volumes", Script: volume, Want: "^kept$"},
		{Name: "nothing ends again and again", Script: restless, Want: "^$"},
	})
}

// restless lists the containers that are not ready within a minute, or ended more
// than once, why, and what they said last: those of a broken image. One end is none:
// what gives up waiting for an API server that a busy machine keeps from answering
// is started again, as it is meant to be.
const restless = `kubectl wait pods -A --field-selector=status.phase!=Succeeded --for=condition=Ready --timeout=60s >/dev/null || kubectl get pods -A
	kubectl get pods -A -o json | jq -r '.items[] | .metadata as $pod | .status.containerStatuses[]?
	| select(.restartCount > 1) | "\($pod.namespace) \($pod.name) \(.name) \(.restartCount) \(.lastState | tojson)"' |
	while read -r namespace pod container rest; do
		echo "$pod: $container: $rest"; kubectl -n "$namespace" logs "$pod" -c "$container" --previous --tail 5
	done`

// importNodeImage gives the engine an image of what write writes.
func importNodeImage(t *testing.T, ref string, write func(context.Context, io.Writer) error) {
	t.Helper()
	image := kind.ImportedImage{Ref: ref, Entrypoint: pack.NodeEntrypoint, Env: pack.NodeEnv}
	if err := kind.Import(t.Context(), "docker", image, write); err != nil {
		t.Fatal(err)
	}
}

// TestImportBrokenOff: an image whose making fails in the middle is none, and the
// error is that of the making.
func TestImportBrokenOff(t *testing.T) {
	provisionertest.NeedsEngine(t)
	ref := "wheelhouse/node-test:" + strings.TrimPrefix(newName(), "wh-")
	broken := errors.New("no space left on device")
	err := kind.Import(t.Context(), "docker", kind.ImportedImage{Ref: ref, Entrypoint: []string{"/x"}, Env: "A=b"}, func(_ context.Context, w io.Writer) error {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if out := docker(t, "image", "ls", "--quiet", ref); out != "" {
		docker(t, "image", "rm", "--force", ref)
		t.Error("there is an image of what was broken off")
	}
}

// TestImportReplaces: an image that is made again takes the place of the one before,
// and of what was built on it, which nobody would use again.
func TestImportReplaces(t *testing.T) {
	provisionertest.NeedsEngine(t)
	ref := "wheelhouse/node-test:" + strings.TrimPrefix(newName(), "wh-")
	t.Cleanup(func() { docker(t, "image", "rm", "--force", ref) })
	imported := func(text string) string {
		importNodeImage(t, ref, func(_ context.Context, w io.Writer) error {
			archive := tar.NewWriter(w)
			if err := archive.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(text))}); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, text); err != nil {
				return err
			}
			return archive.Close()
		})
		return docker(t, "image", "inspect", "--format", "{{.Id}}", ref)
	}
	first := imported("first")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+ref+"\nCOPY Dockerfile /\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	built := strings.Replace(ref, "node-test", "built-test", 1)
	docker(t, "build", "--quiet", "--tag", built, "--label", "dev.wheelhouse.node-image="+first, dir)
	if second := imported("second"); second == first {
		t.Fatal("the second image is the first")
	}
	if left := docker(t, "image", "ls", "--all", "--quiet", "--no-trunc"); strings.Contains(left, first) {
		docker(t, "image", "rm", "--force", built)
		t.Error("the image that had the name before is still there")
	}
	if left := docker(t, "image", "ls", "--quiet", built); left != "" {
		t.Error("what was built on the image before is still there")
	}
}

// acrossNodes reaches a pod on each node, and both by their service's name.
const acrossNodes = `kubectl apply -f - <<'END' >/dev/null
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations: [{operator: Exists}]
      containers: [{name: web, image: "nginx:1.27"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: client, image: "busybox:1.36", command: [sleep, "3600"]}]}
END
kubectl rollout status daemonset/web --timeout=120s >/dev/null && kubectl wait --for=condition=Ready pod/client --timeout=60s >/dev/null
for to in $(kubectl get pods -l app=web -o jsonpath='{.items[*].status.podIP}') web; do
  kubectl exec client -- wget -qO- http://$to | grep -q 'Welcome to nginx' && printf 'reached '
done`

// denied is refused by a policy, and not after that is gone.
const denied = `kubectl apply -f - <<'END' >/dev/null
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
END
reach() { kubectl exec client -- timeout 2 wget -qO- http://web >/dev/null 2>&1; }
for i in $(seq 15); do reach || { printf 'refused'; break; }; sleep 1; done
kubectl delete networkpolicy nobody >/dev/null
for i in $(seq 15); do reach && { printf ', and reached again'; break; }; sleep 1; done`

// volume keeps a file over the end of a pod.
const volume = `kubectl apply -f - <<'END' >/dev/null
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
END
run() { kubectl run $1 --image=busybox:1.36 --restart=Never --overrides='{"spec":{"containers":[{"name":"it","image":"busybox:1.36","command":["sh","-c","'"$2"'"],"volumeMounts":[{"name":"data","mountPath":"/data"}]}],"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data"}}]}}' >/dev/null &&
  kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/$1 --timeout=90s >/dev/null; }
run write 'echo kept >/data/file' && run read 'cat /data/file' && kubectl logs read`
