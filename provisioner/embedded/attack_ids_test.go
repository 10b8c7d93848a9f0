package embedded_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/labs/terminal/workstationtest"
)

// firstID is the first of the host's ids that clusters are given.
const firstID = 1879048192

// testIDs: no process of the cluster has an id that is somebody's on the host.
func testIDs(t *testing.T, name string) {
	processes := clusterProcesses(t, name)
	if len(processes) < 10 {
		t.Fatalf("found only %d processes of the cluster", len(processes))
	}
	for _, dir := range processes {
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue // it has just ended
		}
		ids := append(line(status, "Uid:"), line(status, "Gid:")...)
		for _, id := range ids {
			if n, err := strconv.ParseUint(id, 10, 32); err != nil || n < firstID {
				t.Errorf("%s %v has the ids %v, want them from %d on", dir, line(status, "Name:"), ids, firstID)
				break
			}
		}
	}
}

// testNamespaces: what a pod with all of its node's namespaces is in is not the
// host's.
func testNamespaces(t *testing.T, w workstationtest.Workstation) {
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		host, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, process := range []string{"self", "1"} {
			got, exit := w.Run(t, inPod("readlink /proc/"+process+"/ns/"+kind))
			if exit != 0 || got == host || !strings.HasPrefix(got, kind+":[") {
				t.Errorf("%s of process %s: got %q, want another than the host's %q", kind, process, got, host)
			}
		}
	}
}

// testProcesses: a pod that sees its node's processes sees none of the host's,
// nor what else runs in its cluster.
func testProcesses(t *testing.T, w workstationtest.Workstation) {
	canary := exec.Command("sleep", "86413")
	if err := canary.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = canary.Process.Kill(); _ = canary.Wait() }()
	got, exit := w.Run(t, inPod(`for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline; echo; done 2>/dev/null | grep -v '^$'`))
	if exit != 0 {
		t.Fatal(got)
	}
	if !strings.HasPrefix(got, "/wheelhouse-machine init /wheelhouse-machine node worker-1") {
		t.Errorf("the first process: got %q", got)
	}
	for _, foreign := range []string{"sleep 86413", "embedded.test", "wheelhouse-agent", "control-plane /etc"} {
		if strings.Contains(got, foreign) {
			t.Errorf("the pod sees %q among %s", foreign, got)
		}
	}
	if words, err := os.ReadFile("/proc/" + strconv.Itoa(canary.Process.Pid) + "/cmdline"); err != nil || len(words) == 0 { // one that was killed has none
		t.Errorf("a process of the host's has ended: %v", err)
	}
}

// testOwner: a program that the cluster's root hands to the host, to be run with
// its owner's rights, is owned by nobody there.
func testOwner(t *testing.T, dataDir, name string, w workstationtest.Workstation) {
	if said, exit := w.Run(t, inPod(`cp /bin/busybox /node/var/local-path-provisioner/trap && chmod 6755 /node/var/local-path-provisioner/trap
		for r in `+roots+`; do touch $r/tmp/from-`+name+`; done 2>/dev/null; exit 0`)); exit != 0 {
		t.Fatal(said)
	}
	trap := filepath.Join(processesWith(t, name, "kubelet", nodes[1])[0], "root/var/local-path-provisioner/trap")
	info, err := os.Stat(trap)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid < firstID || owner.Gid < firstID {
		t.Errorf("%s: got owner %d:%d, want ids from %d on", trap, owner.Uid, owner.Gid, firstID)
	}
	// What is above it lets nobody pass who could run it.
	if info, err := os.Stat(filepath.Join(dataDir, "embedded")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the clusters: got %v, %v, want 0700", info.Mode(), err)
	}
	if _, err := os.Stat("/tmp/from-" + name); err == nil {
		t.Error("the pod has written to the host's /tmp")
	}
}
