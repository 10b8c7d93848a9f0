package embedded_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/embedded"
)

var escapeProgram = program("wheelhouse/provisioner/embedded/testdata/escape")

// testIsolation: whoever is root in a privileged pod with all that is the node's
// is nobody on the host. Every attempt has to fail, and the host is looked at
// afterwards.
func testIsolation(t *testing.T, p *embedded.Provider, dataDir, name string, w workstationtest.Workstation) {
	openEscapePod(t, p, name, w)
	host := newHost(t, dataDir, name)
	var refused []workstationtest.Case
	for _, a := range attempts(host) {
		refused = append(refused, workstationtest.Case{Name: a.name, Script: inPod(a.script)})
	}
	w.Refuse(t, refused)
	testLimits(t, w)
	host.wantUnchanged(t)
	t.Run("ids", func(t *testing.T) { testIDs(t, name) })
	t.Run("namespaces", func(t *testing.T) { testNamespaces(t, w) })
	t.Run("processes", func(t *testing.T) { testProcesses(t, w) })
	t.Run("files of the cluster's root", func(t *testing.T) { testOwner(t, dataDir, name, w) })
}

// openEscapePod starts the pod with the program that tries to get out.
func openEscapePod(t *testing.T, p *embedded.Provider, name string, w workstationtest.Workstation) {
	t.Helper()
	access, err := p.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	program, err := escapeProgram()
	if err != nil {
		t.Fatal(err)
	}
	pod, err := os.ReadFile("testdata/escape/pod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{"escape": program, "escape.yaml": pod} {
		if err := terminal.WriteFile(t.Context(), access.Dial, "/home/student/"+file, 0o600, text); err != nil {
			t.Fatal(err)
		}
	}
	if said, exit := w.Run(t, `kubectl apply -f escape.yaml && kubectl wait --for=condition=Ready pod/escape --timeout=90s &&
		kubectl exec -i escape -- sh -c 'cat >/tmp/escape && chmod +x /tmp/escape && mkdir /tmp/m' <escape && rm escape`); exit != 0 {
		t.Fatal(said)
	}
}

// inPod runs a script in the pod with busybox.
func inPod(script string) string {
	return "kubectl exec -i escape -- timeout 30 sh <<'END'\n" + script + "\nEND"
}

type attempt struct{ name, script string }

// roots are all the file systems that a process of the pod can look into.
const roots = `"" /node /proc/[0-9]*/root`

// attempts are scripts that would exit with 0 if they got out.
func attempts(h *host) []attempt {
	all := []attempt{
		{"mount the disk", `for d in /dev/vda /dev/sda /dev/nvme0n1 /dev/root /node/dev/vda; do mount -t ext4 $d /tmp/m && exit 0; done; exit 1`},
		{"remount what is read-only", `mount -o remount,rw,bind /node/wheelhouse-machine && echo x >>/node/wheelhouse-machine`},
		{"release agents", `for f in /node/sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/release_agent; do test -e "$f" && echo /bin/true >$f && exit 0; done; exit 1`},
		{"release agents of what is mounted anew", `for c in cpu cpuacct cpuset memory devices freezer blkio pids none,name=systemd; do
			mount -t cgroup -o $c none /tmp/m || continue; echo /bin/true >/tmp/m/release_agent && exit 0; umount /tmp/m; done; exit 1`},
		{"new hierarchies", "for c in " + strings.Join(h.noHierarchy, " ") + " none,name=mine; do mount -t cgroup -o $c none /tmp/m && exit 0; done; exit 1"},
		{"core dumps", `echo '|/bin/true' >/proc/sys/kernel/core_pattern`},
		{"the program that loads modules", `echo /bin/true >/proc/sys/kernel/modprobe`},
		{"system requests", `echo h >/proc/sysrq-trigger`},
		{"hot plugging", `echo /bin/true >/sys/kernel/uevent_helper`},
		{"the pack's layers", `cd /node/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots; touch 1/fs/x || touch 2/fs/x || echo x >>1/fs/bin/busybox || mount -o remount,rw $PWD/1`},
		{"the kernel's memory", `head -c 1 /proc/kcore || head -c 1 /dev/mem || head -c 1 /node/dev/kmsg`},
	}
	for _, kind := range []string{"devtmpfs", "debugfs", "tracefs", "securityfs", "pstore", "configfs", "efivarfs"} {
		all = append(all, attempt{"mount " + kind, "mount -t " + kind + " none /tmp/m"})
	}
	for _, what := range []string{"module", "kexec", "clock", "log", "account", "swap", "ports", "bpf", "perf", "settings",
		"handle /node/etc/kubernetes", "handle /node/var/lib/containerd", "handle /node/etc/hosts/..",
		fmt.Sprintf("mknod b %d %d /tmp /dev /node/dev /node/var/log /node/var/lib/kubelet", unix.Major(h.disk), unix.Minor(h.disk)),
		"mknod c 1 1 /tmp /dev /node/dev", "mknod c 1 11 /tmp", "mknod c 10 237 /tmp"} {
		all = append(all, attempt{"system call: " + what, "/tmp/escape " + what})
	}
	if h.key != 0 {
		all = append(all, attempt{"a key of the host's", fmt.Sprintf("/tmp/escape key %d", h.key)})
	}
	all = append(all, attempt{"the host's network", "/tmp/escape dial " + strings.Join(h.addresses, " ")})
	for _, path := range h.paths {
		all = append(all, attempt{"see " + path, fmt.Sprintf("for r in %s; do ls -d $r%s && exit 0; done 2>/dev/null; exit 1", roots, path)})
	}
	return all
}

// testLimits raises every limit that a pod can reach: those of its own node it
// may, but not the cluster's.
func testLimits(t *testing.T, w workstationtest.Workstation) {
	if said, exit := w.Run(t, inPod(`mkdir -p /tmp/c2 && mount -t cgroup2 none /tmp/c2
		for f in $(find /sys/fs/cgroup /node/sys/fs/cgroup /tmp/c2 -maxdepth 2 -name pids.max -o -maxdepth 2 -name memory.max -o -maxdepth 2 -name cpu.max); do echo max >$f; done
		for f in $(find /sys/fs/cgroup /node/sys/fs/cgroup -maxdepth 2 -name memory.limit_in_bytes -o -maxdepth 2 -name cpu.cfs_quota_us); do echo -1 >$f; done
		umount /tmp/c2; exit 0`)); exit != 0 {
		t.Error(said)
	}
}
