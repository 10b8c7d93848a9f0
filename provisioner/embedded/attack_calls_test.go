package embedded_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/labs/terminal/workstationtest"
)

// testCalls tries system calls and files that would lead out. Every attempt has to
// fail, and the host is looked at afterwards.
func (a *arena) testCalls(t *testing.T) {
	name, w := a.attacker.name, a.attacker.Workstation
	host := newHost(t, a.options, name)
	wantRefused(t, w, attempts(host))
	testLimits(t, w)
	host.wantUnchanged(t)
	t.Run("ids", func(t *testing.T) { testIDs(t, name) })
	t.Run("namespaces", func(t *testing.T) { testNamespaces(t, w) })
	t.Run("processes", func(t *testing.T) { testProcesses(t, w) })
	t.Run("files of the cluster's root", func(t *testing.T) { testOwner(t, a.options.DataDir, name, w) })
}

// inPod runs a script in the Pod on the worker, with busybox.
func inPod(script string) string {
	return "kubectl exec -i " + podOn(nodes[1]) + " -- timeout 30 sh <<'END'\n" + script + "\nEND"
}

type attempt struct{ name, script string }

// wantRefused makes all attempts, one after the other in one shell of the Pod, and
// fails by name for each that was not refused.
func wantRefused(t *testing.T, w workstationtest.Workstation, all []attempt) {
	t.Helper()
	said, exit := w.Run(t, "kubectl exec -i "+podOn(nodes[1])+" -- sh <<'END'\n"+attemptsScript(all, 30)+"\nEND")
	if exit != 0 {
		t.Fatal(said)
	}
	for i, a := range all {
		t.Run(a.name, func(t *testing.T) {
			if got, text := verdict(said, i); got != refused {
				t.Errorf("%s: %s, want it to be refused: %.300s", a.script, got, text)
			}
		})
	}
}

// What becomes of an attempt.
const (
	refused  = "it was refused"
	letPass  = "it was let happen"
	tooLong  = "it did not end in its time, or was killed"
	notThere = "its program cannot be run"
	notMade  = "it was not made"
)

const attemptMark = "exit code of attempt "

// attemptsScript makes the attempts, each within some seconds, and prints what verdict
// reads.
func attemptsScript(all []attempt, seconds int) string {
	script := ""
	for i, a := range all {
		script += fmt.Sprintf("timeout -s KILL %d sh -c %s 2>&1; echo \"%s%d: $?\"\n", seconds, quoted([]string{a.script}), attemptMark, i)
	}
	return script
}

// verdict returns what became of the attempt i, and what it printed, from what the script
// of all attempts has printed. One that hangs is not refused: what it waits for may come.
func verdict(said string, i int) (verdict, printed string) {
	before, after, ok := strings.Cut(said, fmt.Sprintf("%s%d: ", attemptMark, i))
	if !ok {
		return notMade, said
	}
	printed = before[max(0, strings.LastIndex(before, attemptMark)):]
	var code int
	if _, err := fmt.Sscan(after, &code); err != nil {
		return notMade, printed
	}
	switch {
	case code == 0:
		return letPass, printed
	case code == 126 || code == 127: // not executable, or not found
		return notThere, printed
	case code > 128 && code <= 128+64: // a signal ended it
		return tooLong, printed
	}
	return refused, printed
}

// TestVerdict: an attempt that hangs, or cannot be made, is not taken for one that was
// refused.
func TestVerdict(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, want string }{
		{"true", letPass},
		{"echo no; exit 1", refused},
		{"exit 255", refused},
		{"trap '' TERM; while :; do :; done", tooLong},
		{"kill -9 $$", tooLong},
		{"/no/such/program", notThere},
		{"/etc/passwd", notThere},
	}
	var all []attempt
	for _, test := range tests {
		all = append(all, attempt{test.want, test.script})
	}
	said, err := exec.CommandContext(t.Context(), "sh", "-c", attemptsScript(all, 1)).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		if got, printed := verdict(string(said), i); got != test.want {
			t.Errorf("%s: got %q, want %q: %s", test.script, got, test.want, printed)
		}
	}
	if got, _ := verdict(string(said), len(tests)); got != notMade {
		t.Errorf("one that is not among them: got %q", got)
	}
}

// roots are all the file systems that a process of the pod can look into.
const roots = `"" /node /proc/[0-9]*/root`

// attempts are scripts that would exit with 0 if they got out.
func attempts(h *host) []attempt {
	all := []attempt{
		{"mount the disk", `for d in /dev/vda /dev/sda /dev/nvme0n1 /dev/root /node/dev/vda; do mount -t ext4 $d /tmp/m && exit 0; done; exit 1`},
		{"release agents", `for f in /node/sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/release_agent; do test -e "$f" && echo /bin/true >$f && exit 0; done; exit 1`},
		{"release agents of what is mounted anew", `for c in cpu cpuacct cpuset memory devices freezer blkio pids none,name=systemd; do
			mount -t cgroup -o $c none /tmp/m || continue; echo /bin/true >/tmp/m/release_agent && exit 0; umount /tmp/m; done; exit 1`},
		{"new hierarchies", "for c in " + strings.Join(h.noHierarchy, " ") + " none,name=mine; do mount -t cgroup -o $c none /tmp/m && exit 0; done; exit 1"},
		{"core dumps", `echo '|/bin/true' >/proc/sys/kernel/core_pattern`},
		{"the program that loads modules", `echo /bin/true >/proc/sys/kernel/modprobe`},
		{"system requests", `echo h >/proc/sysrq-trigger`},
		{"hot plugging", `echo /bin/true >/sys/kernel/uevent_helper`},
		{"the kernel's memory", `head -c 1 /proc/kcore || head -c 1 /dev/mem || head -c 1 /node/dev/kmsg`},
	}
	for _, kind := range []string{"devtmpfs", "debugfs", "tracefs", "securityfs", "pstore", "configfs", "efivarfs"} {
		all = append(all, attempt{"mount " + kind, "mount -t " + kind + " none /tmp/m"})
	}
	for _, what := range []string{"module", "kexec", "clock", "log", "account", "swap", "ports", "bpf", "perf", "settings",
		"handle /node/etc/kubernetes", "handle /node/var/lib/containerd", "handle /node/etc/hosts/..",
		fmt.Sprintf("mknod b %d %d /tmp /dev /node/dev /node/var/log /node/var/lib/kubelet", unix.Major(h.disk), unix.Minor(h.disk)),
		"mknod c 1 1 /tmp /dev /node/dev", "mknod c 1 11 /tmp", "mknod c 10 237 /tmp"} {
		all = append(all, attempt{"system call: " + what, "/tmp/attack try " + what})
	}
	if h.key != 0 {
		all = append(all, attempt{"a key of the host's", fmt.Sprintf("/tmp/attack try key %d", h.key)})
	}
	if h.port != 0 {
		all = append(all, attempt{"the host's virtual sockets", fmt.Sprintf("/tmp/attack try vsock %d", h.port)})
	}
	all = append(all, attempt{"the host's network", "/tmp/attack try dial " + strings.Join(h.addresses, " ")})
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
