package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// rude fills the node's disk as root, in a folder that stays when the pod goes. The
// kubelet evicts no critical pod, so that it lives to remove what it wrote.
const rude = `kubectl apply -f - <<'END' >/dev/null
apiVersion: v1
kind: Pod
metadata: {name: rude}
spec:
  restartPolicy: Never
  priorityClassName: system-node-critical
  containers:
  - name: rude
    image: busybox:1.36
    securityContext: {privileged: true}
    command: [sh, -c, 'touch /node/full; dd if=/dev/zero of=/node/big bs=1M 2>&1; while [ -e /node/full ]; do sleep 0.1; done; rm /node/big; echo freed']
    volumeMounts: [{name: node, mountPath: /node}]
  volumes: [{name: node, hostPath: {path: /var/lib/rude, type: DirectoryOrCreate}}]
END
for i in $(seq 60); do kubectl logs rude 2>/dev/null | grep -q 'No space left' && break; sleep 1; done
kubectl create configmap full >/dev/null || exit 1
kubectl exec rude -- rm /node/full
kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/rude --timeout=60s >/dev/null && kubectl logs rude && exit 0
kubectl describe pod rude; exit 1`

// greedy fills it in a volume of its own, which goes with the pod.
const greedy = `kubectl apply -f - <<'END' >/dev/null
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - name: greedy
    image: busybox:1.36
    command: [sh, -c, 'dd if=/dev/zero of=/data/big bs=1M 2>&1; sleep 3600']
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
END
for i in $(seq 90); do [ "$(kubectl get pod greedy -o jsonpath='{.status.reason}')" = Evicted ] && exit 0; sleep 1; done
kubectl describe pod greedy; kubectl logs greedy; exit 1`

// TestDisk: what fills a cluster's disk fills no more than that, the cluster can be
// told about it, and gets over it.
func TestDisk(t *testing.T) {
	provisionertest.NeedsPack(t)
	t.Parallel()
	const limit = 1 << 30
	dir := t.TempDir()
	options := optionsAt(t, dir)
	options.Limits = embedded.Limits{Disk: limit}
	p := newProvider(t, options)
	name := newCluster(t, p, dir, 0)
	w := openWorkstation(t, p, name)
	said, exit := w.Run(t, rude)
	if exit != 0 || !strings.Contains(said, "No space left on device") || !strings.Contains(said, "freed") {
		t.Errorf("a pod that fills the node's disk: exit code %d, got %s", exit, said)
	}
	if said, exit := w.Run(t, greedy); exit != 0 {
		t.Errorf("a pod whose volume fills the node's disk is not evicted: %s", said)
	}
	// The kubelet reports its node's conditions every ten seconds.
	if said, exit := w.Run(t, `for i in $(seq 40); do kubectl get events -A --field-selector reason=NodeHasDiskPressure -o name | grep . && exit 0; sleep 0.5; done; exit 1`); exit != 0 {
		t.Errorf("the cluster does not say that its disk was full: %s", said)
	}
	info, err := os.Stat(filepath.Join(dir, "embedded", name, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != limit {
		t.Errorf("the disk has %d bytes, want %d", info.Size(), limit)
	}
	// What was removed has been given back to the machine.
	await(t, "the disk's file is as large as when the disk was full", func() bool {
		info, err := os.Stat(filepath.Join(dir, "embedded", name, "disk"))
		return err == nil && info.Sys().(*syscall.Stat_t).Blocks*512 < limit/2
	})
	// A kubelet that has just got over it may send a Pod away once more.
	if said, exit := w.Run(t, `kubectl wait --for=condition=DiskPressure=False node/control-plane --timeout=120s || exit 1
		for i in 1 2 3 4 5; do
			kubectl run after-$i --image=busybox:1.36 --restart=Never -- true && kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/after-$i --timeout=30s && exit 0
			kubectl describe pod/after-$i | tail -n 25
		done; exit 1`); exit != 0 {
		t.Errorf("the cluster does not get over it: %s", said)
	}
}
