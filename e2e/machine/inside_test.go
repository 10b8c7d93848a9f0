//go:build machine

package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The guest: what was put on its second disk, and what is kept over a reboot.
const (
	shareDir  = "/share"
	stateFile = "/var/lib/machine-test.json"
	dataDir   = "/var/lib/wheelhouse"
	address   = "127.0.0.1:8080"
	sliceDir  = "/sys/fs/cgroup/wheelhouse.slice"
)

// slow is how much slower than a real one an emulated machine is.
func slow() time.Duration {
	if os.Getenv("MACHINE_TEST_SLOW") == "true" {
		return 20
	}
	return 1
}

// state is what the test has to know after the reboot.
type state struct {
	Before  machineState // the machine, before anything was made
	Session string
	Cookies map[string]string
}

// TestInside runs in the guest: once before its reboot and once after.
func TestInside(t *testing.T) {
	if os.Getenv("MACHINE_TEST") != "inside" {
		t.Skip("SKIPPED: this is not the guest")
	}
	text, err := os.ReadFile(stateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		testFirstBoot(t)
	case err != nil:
		t.Fatal(err)
	default:
		var s state
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		testSecondBoot(t, &s)
	}
}

func testFirstBoot(t *testing.T) {
	t.Log(run(t, "sh", "-c", "uname -sr; systemctl --version | head -1; grep -w PRETTY_NAME /etc/os-release"))
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		t.Fatalf("the guest has no control groups of version 2: %v", err)
	}
	install(t)
	s := &state{Before: look(t)}
	t.Run("doctor", func(t *testing.T) {
		said := run(t, "wheelhouse", "doctor", "--provider", "embedded", "--data", dataDir)
		t.Logf("\n%s", said)
		if !strings.Contains(said, "✓ trial") {
			t.Error("the doctor has tried nothing")
		}
		s.Before.wantSame(t, "after the doctor")
	})
	if t.Failed() {
		return
	}
	if os.Getenv("MACHINE_TEST_SHORT") == "true" {
		testShort(t, s)
		return
	}
	if out, err := exec.CommandContext(t.Context(), "systemctl", "start", "wheelhouse").CombinedOutput(); err != nil {
		t.Fatalf("start the service: %v: %s%s", err, out, run(t, "journalctl", "-u", "wheelhouse", "-u", "wheelhouse.socket", "--no-pager", "-o", "cat", "-n", "40"))
	}
	c := newClient(t, nil)
	c.join(bootstrapSecret(t))
	s.Session = c.open(lab)
	scope := onlyScope(t)
	t.Run("scope", func(t *testing.T) { testScope(t, scope) })
	t.Run("lab", func(t *testing.T) { c.doLab(s.Session, lab) })
	t.Run("memory", func(t *testing.T) { testMemory(t, c, s.Session) })
	t.Run("service restarted", func(t *testing.T) { testServiceRestart(t, c, s.Session, scope) })
	t.Run("suspended", func(t *testing.T) { testSuspend(t, c, s.Session, scope) })
	s.Cookies = c.cookies
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stateFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if !t.Failed() {
		if err := os.WriteFile("/run/reboot-wanted", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// testSecondBoot: the cluster that lived when the machine was restarted comes back
// with what it held, and is gone with the session.
func testSecondBoot(t *testing.T, s *state) {
	c := newClient(t, s.Cookies)
	waitFor(t, "the service", time.Minute*slow(), func() error { return c.try("GET", "/api/me", nil, nil) })
	c.awaitPhase(s.Session, "Ready")
	wantWork(t, c, s.Session, "the reboot")
	c.do("DELETE", "/api/sessions/"+s.Session, nil, nil)
	waitFor(t, "the cluster's end", 2*time.Minute*slow(), noClusters)
	run(t, "systemctl", "stop", "wheelhouse")
	s.Before.wantSame(t, "after everything")
	t.Log(run(t, "journalctl", "-b", "-u", "wheelhouse", "-p", "warning", "--no-pager", "-o", "cat"))
}

// lab is what is done in the guest. Its checks look at objects alone: what they run in
// a Pod takes longer than they allow where the guest is emulated.
const lab = "deployments"

// wantWork: what the lab's solution made is still there.
func wantWork(t *testing.T, c *client, session, after string) {
	t.Helper()
	if got := c.shell(session, "kubectl get deployment web -o name"); !strings.Contains(got, "deployment.apps/web") {
		t.Errorf("after %s: %s", after, got)
	}
}

// testShort makes a cluster with the command line, and removes it.
func testShort(t *testing.T, s *state) {
	flags := []string{"--provider", "embedded", "--data", dataDir, "--create-timeout", timeout(3 * time.Minute)}
	t.Log(run(t, "wheelhouse", append([]string{"cluster", "create", "short"}, flags...)...))
	scope := onlyScope(t)
	t.Run("scope", func(t *testing.T) { testScope(t, scope) })
	run(t, "wheelhouse", "cluster", "stop", "short", "--provider", "embedded", "--data", dataDir)
	if err := noScopes(); err != nil {
		t.Errorf("a cluster that is stopped: %v", err)
	}
	run(t, "wheelhouse", "cluster", "delete", "short", "--provider", "embedded", "--data", dataDir)
	s.Before.wantSame(t, "after everything")
}

func timeout(d time.Duration) string { return (d * slow()).String() }

// install installs Wheelhouse as the packages do where there are some, or else by
// hand.
func install(t *testing.T) {
	t.Helper()
	start := time.Now()
	debs, err := filepath.Glob(shareDir + "/*.deb")
	if err != nil {
		t.Fatal(err)
	}
	if len(debs) > 0 {
		run(t, "dpkg", append([]string{"-i"}, debs...)...)
		dropIn := "[Service]\nExecStart=\nExecStart=/usr/bin/wheelhouse " + serveFlags() + "\n"
		write(t, "/etc/systemd/system/wheelhouse.service.d/test.conf", dropIn)
	} else {
		run(t, "install", "-m", "0755", shareDir+"/wheelhouse", "/usr/local/bin/wheelhouse")
		t.Log(run(t, "wheelhouse", "pack", "import", shareDir+"/pack.tar.zst"))
		write(t, "/etc/systemd/system/wheelhouse.service", "[Unit]\nAfter=network.target\n[Service]\nEnvironment=HOME=/root\n"+
			"ExecStart=/usr/local/bin/wheelhouse "+serveFlags()+"\n[Install]\nWantedBy=multi-user.target\n")
	}
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "enable", "wheelhouse")
	t.Logf("installed in %.0f s", time.Since(start).Seconds())
}

func serveFlags() string {
	return "serve --provider embedded --data " + dataDir + " --listen " + address + " --warm 0 --rest 1m --create-timeout " + timeout(3*time.Minute)
}

// testScope: the cluster is a scope of systemd's with the limits that it was given,
// and those of the slice hold.
func testScope(t *testing.T, scope string) {
	for file, want := range map[string]string{
		"memory.max": "4294967296", "memory.swap.max": "0", "pids.max": "8192",
	} {
		if got := read(t, filepath.Join(scope, file)); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
	unit := filepath.Base(scope)
	if got := run(t, "systemctl", "show", "-p", "ActiveState,Slice,Delegate,MemoryMax", unit); !strings.Contains(got, "ActiveState=active") ||
		!strings.Contains(got, "Slice=wheelhouse.slice") || !strings.Contains(got, "Delegate=yes") || !strings.Contains(got, "MemoryMax=4294967296") {
		t.Errorf("systemctl show %s: got\n%s", unit, got)
	}
	run(t, "systemctl", "set-property", "--runtime", "wheelhouse.slice", "MemoryMax=4500M", "TasksMax=9000")
	if got := read(t, sliceDir+"/memory.max"); got != "4718592000" {
		t.Errorf("the slice's memory.max: got %s", got)
	}
	// What systemd does to its units meanwhile leaves the cluster's limits alone.
	run(t, "systemctl", "daemon-reload")
	if got := read(t, filepath.Join(scope, "memory.swap.max")); got != "0" {
		t.Errorf("memory.swap.max after a reload: got %s, want 0", got)
	}
}

// testMemory: a container over its limit is killed, and says so; no other part of
// its cluster is.
func testMemory(t *testing.T, c *client, session string) {
	said := c.shell(session, `kubectl run hog --image=busybox:1.36 --restart=Never --overrides='{"spec":{"containers":[{"name":"hog","image":"busybox:1.36","command":["sh","-c","x=x; while :; do x=$x$x; done"],"resources":{"limits":{"memory":"40Mi"}}}]}}' &&
		kubectl wait pod/hog --for=jsonpath='{.status.containerStatuses[0].state.terminated.reason}' --timeout=`+timeout(time.Minute)+` &&
		kubectl get pod hog -o jsonpath='{.status.containerStatuses[0].state.terminated.reason}' && kubectl delete pod hog --now`)
	if !strings.Contains(said, "OOMKilled") {
		t.Errorf("a container over its limit: %s", said)
	}
}

// testServiceRestart: clusters live in scopes of their own.
func testServiceRestart(t *testing.T, c *client, session, scope string) {
	first := strings.Fields(read(t, filepath.Join(scope, "init", "cgroup.procs")))
	run(t, "systemctl", "restart", "wheelhouse")
	waitFor(t, "the service", time.Minute*slow(), func() error { return c.try("GET", "/api/me", nil, nil) })
	c.awaitPhase(session, "Ready")
	if got := strings.Fields(read(t, filepath.Join(scope, "init", "cgroup.procs"))); len(first) == 0 || !slices.Equal(got, first) {
		t.Errorf("the cluster's first processes: got %v, before %v", got, first)
	}
	wantWork(t, c, session, "the service's restart")
}

// testSuspend: a session without a visitor is frozen, takes no processor time, and
// goes on with the next request.
func testSuspend(t *testing.T, c *client, session, scope string) {
	frozen := func() error {
		if got := read(t, filepath.Join(scope, "cgroup.events")); !strings.Contains(got, "frozen 1") {
			return errors.New(got)
		}
		return nil
	}
	waitFor(t, "the session's suspension", 2*time.Minute*slow(), frozen)
	used := func() string { return strings.SplitN(read(t, filepath.Join(scope, "cpu.stat")), "\n", 2)[0] }
	before := used()
	time.Sleep(5 * time.Second) // the time that is measured
	if after := used(); after != before {
		t.Errorf("a frozen cluster took processor time: %s, before %s", after, before)
	}
	wantWork(t, c, session, "the suspension")
	if frozen() == nil {
		t.Error("the cluster is still frozen")
	}
}

// onlyScope returns the control group of the only cluster.
func onlyScope(t *testing.T) string {
	t.Helper()
	scopes, err := filepath.Glob(sliceDir + "/wheelhouse-*.scope")
	if err != nil || len(scopes) != 1 {
		t.Fatalf("got scopes %v, %v, want one", scopes, err)
	}
	return scopes[0]
}

func noScopes() error {
	if scopes, _ := filepath.Glob(sliceDir + "/wheelhouse-*.scope"); len(scopes) > 0 {
		return fmt.Errorf("there still are %v", scopes)
	}
	return nil
}

func noClusters() error {
	entries, err := filepath.Glob(dataDir + "/embedded/[a-z]*")
	if err != nil || len(entries) > 0 {
		return fmt.Errorf("there still are %v, %v", entries, err)
	}
	return noScopes()
}

// machineState is what of a machine a cluster could leave changed.
type machineState struct{ Groups, Mounts, Loops, Links, Rules, Processes []string }

// look reads the machine's state.
func look(t *testing.T) machineState {
	t.Helper()
	var s machineState
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && !transient.MatchString(path) {
			s.Groups = append(s.Groups, path)
		}
		return nil // a group that has just gone
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(read(t, "/proc/self/mountinfo")) {
		if fields := strings.Fields(line); len(fields) > 4 && !strings.HasPrefix(fields[4], "/run/") {
			s.Mounts = append(s.Mounts, fields[4])
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is well formed
	for _, loop := range loops {
		s.Loops = append(s.Loops, read(t, loop))
	}
	links, _ := filepath.Glob("/sys/class/net/*")
	s.Links = links
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		command, err := os.ReadFile(process + "/cmdline")
		if err != nil || len(command) == 0 { // it has ended, or is the kernel's
			continue
		}
		if words := string(bytes.TrimRight(bytes.ReplaceAll(command, []byte{0}, []byte{' '}), " ")); clusterProcess.MatchString(words) {
			s.Processes = append(s.Processes, words)
		}
	}
	for _, list := range []*[]string{&s.Groups, &s.Mounts, &s.Loops, &s.Links, &s.Processes} {
		slices.Sort(*list)
	}
	return s
}

var (
	// transient are groups that come and go with what systemd does, and the slice of
	// clusters, which systemd keeps.
	transient = regexp.MustCompile(`/(systemd-[a-z]+\.service|session-.*|user.*|wheelhouse\.service|wheelhouse\.slice|modprobe@.*|e2scrub.*|run-.*)$`)

	clusterProcess = regexp.MustCompile(`wheelhouse-machine|kubelet|kubernetes|containerd|runc|pause|coredns`)
)

// wantSame waits until the machine is as it was: systemd and the kernel take a moment.
func (s machineState) wantSame(t *testing.T, when string) {
	t.Helper()
	var now machineState
	err := until(30*time.Second*slow(), func() error {
		now = look(t)
		for name, lists := range map[string][2][]string{"groups": {s.Groups, now.Groups}, "mounts": {s.Mounts, now.Mounts}, "loop devices": {s.Loops, now.Loops},
			"links": {s.Links, now.Links}, "processes": {s.Processes, now.Processes}} {
			for _, entry := range lists[1] {
				if !slices.Contains(lists[0], entry) {
					return fmt.Errorf("%s: %s was not there before", name, entry)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

// run runs a program that has to work, and returns what it prints.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// until tries until there is no error, and returns the last one when the time is over.
func until(within time.Duration, try func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func waitFor(t *testing.T, what string, within time.Duration, try func() error) {
	t.Helper()
	start := time.Now()
	if err := until(within, try); err != nil {
		t.Fatalf("%s: not within %s: %v", what, within, err)
	}
	t.Logf("%s: %.1f s", what, time.Since(start).Seconds())
}
