//go:build packages

package packaging_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// debian is a Debian of its own in a folder: bare but for systemd, which does not run.
type debian struct {
	t    *testing.T
	root string
}

// base is what a Debian server has, and is kept from one run of the tests to the next.
const base = "systemd,systemd-sysv,e2fsprogs,mount,kmod,zstd"

func newDebian(t *testing.T) *debian {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("installing packages needs root")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(cache, "wheelhouse", "packages-test", "bookworm-1.tar")
	if _, err := os.Stat(archive); err != nil {
		if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
			t.Fatal(err)
		}
		// In a session of its own: what it starts would stop where it asks the terminal.
		cmd := exec.Command("mmdebstrap", "--variant=minbase", "--include="+base, "--aptopt=Acquire::Languages \"none\"",
			"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/wheelhouse*", "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm", archive+".new.tar")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mmdebstrap: %v\n%s", err, out)
		}
		if err := os.Rename(archive+".new.tar", archive); err != nil {
			t.Fatal(err)
		}
	}
	// No t.TempDir: it would remove what is mounted here as well, which is the machine's
	// own, if unmounting failed.
	root, err := os.MkdirTemp("", "wheelhouse-packages-")
	if err != nil {
		t.Fatal(err)
	}
	d := &debian{t, root}
	t.Cleanup(func() {
		if out, err := exec.Command("rm", "-rf", "--one-file-system", root).CombinedOutput(); err != nil {
			t.Errorf("remove %s: %v\n%s", root, err, out)
		}
	})
	if err := os.Chmod(d.root, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "tar", "-C", d.root, "-xpf", archive, "--numeric-owner")
	t.Cleanup(func() {
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		var places []string
		for line := range strings.Lines(string(mounts)) {
			if place := strings.Fields(line)[4]; strings.HasPrefix(place, d.root+"/") {
				places = append(places, place)
			}
		}
		slices.Sort(places)
		for _, place := range slices.Backward(places) {
			if err := syscall.Unmount(place, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", place, err)
			}
		}
	})
	for _, dir := range []string{"/proc", "/sys"} {
		run(t, "mount", "--rbind", "--make-rslave", dir, d.path(dir))
	}
	// Devices of its own: /dev of the machine has folders that are written to.
	for name, number := range map[string]string{"null": "3", "zero": "5", "full": "7", "random": "8", "urandom": "9"} {
		_ = os.Remove(d.path("/dev/" + name)) // where mmdebstrap has made it
		run(t, "mknod", "-m", "666", d.path("/dev/"+name), "c", "1", number)
	}
	return d
}

func (d *debian) path(name string) string { return filepath.Join(d.root, name) }

// chrootEnv is the environment of what runs in a debian.
var chrootEnv = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}

func (d *debian) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "chroot", append([]string{d.root, name}, args...)...)
	cmd.Env = slices.Clone(chrootEnv)
	return cmd
}

func (d *debian) run(name string, args ...string) string {
	d.t.Helper()
	out, err := d.command(d.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// install installs packages as an unattended upgrade does: of settings that both sides
// have changed, the operator's stay.
func (d *debian) install(debs ...string) string {
	d.t.Helper()
	var inside []string
	for _, deb := range debs {
		run(d.t, "cp", deb, d.path("/tmp/"))
		inside = append(inside, "/tmp/"+filepath.Base(deb))
	}
	out := d.run("dpkg", append([]string{"--force-confdef", "--force-confold", "--install"}, inside...)...)
	for _, deb := range inside {
		if err := os.Remove(d.path(deb)); err != nil {
			d.t.Fatal(err)
		}
	}
	return out
}

func (d *debian) read(name string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d *debian) write(name, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *debian) has(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

// files lists everything but what dpkg, mount and systemd-analyze note for themselves.
func (d *debian) files() []string {
	d.t.Helper()
	var names []string
	err := filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, d.root)
		if slices.Contains([]string{"/proc", "/sys", "/dev", "/var/lib/dpkg", "/var/log", "/var/cache", "/tmp", "/run/mount", "/run/systemd"}, name) {
			return filepath.SkipDir
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return names
}

// older returns the package as if it were of an older version with other settings.
func older(t *testing.T, deb string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deb")
	run(t, "dpkg-deb", "-R", deb, dir)
	change(t, filepath.Join(dir, "DEBIAN/control"), "\nVersion: ", "\nVersion: 0.0.0~older-1\nX-Version: ")
	change(t, filepath.Join(dir, "etc/wheelhouse/wheelhouse.conf"), "#WHEELHOUSE_WARM=2", "#WHEELHOUSE_WARM=1")
	file := filepath.Join(t.TempDir(), "older.deb")
	run(t, "dpkg-deb", "-Znone", "-b", dir, file)
	return file
}

func change(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(old), []byte(new), 1)
	if bytes.Equal(text, changed) {
		t.Fatalf("%s has no %q", file, old)
	}
	if err := os.WriteFile(file, changed, 0o644); err != nil {
		t.Fatal(err)
	}
}

const conf = "/etc/wheelhouse/wheelhouse.conf"

// TestDebianLife takes the package through all that happens to one: installed,
// configured, served, upgraded, removed and purged, with a cluster that runs.
func TestDebianLife(t *testing.T) {
	d := newDebian(t)
	before := d.files()
	deb := built(t, "wheelhouse", "deb")
	old := older(t, deb)

	said := d.install(old)
	for _, want := range []string{"systemctl enable --now wheelhouse", "sudo wheelhouse learn"} {
		if !strings.Contains(said, want) {
			t.Errorf("an installation does not say %q:\n%s", want, said)
		}
	}
	if links := d.links(); len(links) > 0 {
		t.Errorf("an installation enables %v", links)
	}

	// Settings that nobody touched become the new version's, and others stay.
	d.install(deb)
	if text := d.read(conf); !strings.Contains(text, "#WHEELHOUSE_WARM=2") {
		t.Error("an upgrade leaves the older version's settings, which nobody has changed")
	}
	d.install(old)
	d.write(conf, d.read(conf)+"WHEELHOUSE_WARM=7\n")
	if said := d.install(deb); strings.Contains(said, "nothing of it runs yet") {
		t.Errorf("an upgrade speaks as an installation does:\n%s", said)
	}
	if text := d.read(conf); !strings.Contains(text, "WHEELHOUSE_WARM=7\n") || !strings.Contains(text, "#WHEELHOUSE_WARM=1\n") {
		t.Errorf("an upgrade has replaced changed settings:\n%s", text)
	}
	if !d.has(conf + ".dpkg-dist") {
		t.Error("the new version's settings are not beside the changed ones")
	}

	t.Run("units", func(t *testing.T) {
		out, err := d.command(t.Context(), "systemd-analyze", "--man=no", "verify", "/usr/lib/systemd/system/wheelhouse.service",
			"/usr/lib/systemd/system/wheelhouse.socket", "/usr/lib/systemd/system/wheelhouse.slice").CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "wheelhouse") {
				t.Error(strings.TrimSpace(line))
			}
		}
		if err != nil {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
		// That it finds something:
		d.write("/etc/systemd/system/bad.service", "[Service]\nExecStart=/usr/bin/wheelhouse\nKillMod=mixed\n")
		if out, _ := d.command(t.Context(), "systemd-analyze", "--man=no", "verify", "/etc/systemd/system/bad.service").CombinedOutput(); !strings.Contains(string(out), "KillMod") {
			t.Errorf("systemd-analyze finds nothing in a bad unit: %s", out)
		}
		if err := os.Remove(d.path("/etc/systemd/system/bad.service")); err != nil {
			t.Fatal(err)
		}
	})
	d.run("systemctl", "enable", "wheelhouse")
	if got, want := d.links(), []string{"multi-user.target.wants/wheelhouse.service", "sockets.target.wants/wheelhouse.socket"}; !slices.Equal(got, want) {
		t.Errorf("systemctl enable wheelhouse makes %v, want %v", got, want)
	}

	t.Run("commands", func(t *testing.T) {
		if out := d.run("wheelhouse", "cluster", "list"); !strings.Contains(out, "No clusters") {
			t.Errorf("cluster list: %s", out)
		}
		out, _ := d.command(t.Context(), "wheelhouse", "doctor").CombinedOutput() // fails: there is no pack
		for _, want := range []string{"/var/lib/wheelhouse can be written to", "runtime pack"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("the doctor does not say %q:\n%s", want, out)
			}
		}
		d.write(conf, d.read(conf)+"WHEELHOUSE_WARMS=7\n")
		if out, err := d.command(t.Context(), "wheelhouse", "cluster", "list").CombinedOutput(); err == nil || !strings.Contains(string(out), "wheelhouse.conf:") {
			t.Errorf("a mistake in the settings: got %v and %s", err, out)
		}
		d.write(conf, strings.Replace(d.read(conf), "WHEELHOUSE_WARMS=7\n", "", 1))
	})
	t.Run("serve", func(t *testing.T) { testServe(t, d) })

	cluster := newFakeCluster(t, d)
	t.Run("remove", func(t *testing.T) {
		said := d.run("dpkg", "--remove", "wheelhouse")
		for _, want := range []string{"go on running", "demo", "systemctl stop wheelhouse.slice", "apt purge wheelhouse"} {
			if !strings.Contains(said, want) {
				t.Errorf("a removal does not say %q:\n%s", want, said)
			}
		}
		if d.has("/usr/bin/wheelhouse") || d.has("/usr/lib/systemd/system/wheelhouse.slice") {
			t.Error("files of the package are left")
		}
		if links := d.links(); len(links) > 0 {
			t.Errorf("units that are gone are enabled: %v", links)
		}
		if !d.has(conf) || !d.has("/var/lib/wheelhouse/wheelhouse.db") || !cluster.alive() {
			t.Error("settings, data and clusters do not stay")
		}
	})
	t.Run("purge", func(t *testing.T) {
		d.write("/etc/systemd/system/wheelhouse.socket.d/override.conf", "[Socket]\n")
		said := d.run("dpkg", "--purge", "wheelhouse")
		if !strings.Contains(said, "removing /var/lib/wheelhouse") {
			t.Errorf("a purge does not say what it removes:\n%s", said)
		}
		cluster.wantGone()
		var left []string
		for _, name := range d.files() {
			if _, found := slices.BinarySearch(before, name); !found && !slices.Contains(before, name) {
				left = append(left, name)
			}
		}
		if len(left) > 0 {
			t.Errorf("a purge leaves %v", left)
		}
	})
}

// links lists which of our units are enabled.
func (d *debian) links() []string {
	found, err := filepath.Glob(d.path("/etc/systemd/system/*.wants/wheelhouse*"))
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, name := range found {
		names = append(names, strings.TrimPrefix(name, d.path("/etc/systemd/system")+"/"))
	}
	slices.Sort(names)
	return names
}

// testServe starts the packaged server as systemd does: as ExecStart= says, with the
// socket and the way to say that it is ready.
func testServe(t *testing.T, d *debian) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := os.MkdirAll(d.path("/run/test"), 0o755); err != nil {
		t.Fatal(err)
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: d.path("/run/test/notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(d.path("/run/test"))
	defer notify.Close()

	start := strings.Fields(between(d.read("/usr/lib/systemd/system/wheelhouse.service"), "\nExecStart=", "\n"))
	cmd := d.command(t.Context(), "sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, start...)...)
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "NOTIFY_SOCKET=/run/test/notify", "WHEELHOUSE_WARM=0")
	cmd.ExtraFiles = []*os.File{socket}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	defer func() {
		if !stopped {
			_ = cmd.Process.Kill()
			<-ended
		}
	}()
	if err := notify.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 1024)
	n, err := notify.Read(message)
	address := listener.Addr().String()
	if want := "READY=1\nSTATUS=Serving at http://" + address; err != nil || string(message[:n]) != want {
		t.Fatalf("systemd is told %q, %v; want %q\n%s", message[:n], err, want, &out)
	}
	for _, path := range []string{"/healthz", "/"} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", path, response.Status)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		stopped = true
		if err != nil {
			t.Errorf("the server ends with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the server does not end")
	}
	if !strings.Contains(out.String(), "#bootstrap=") {
		t.Errorf("there is no link for the first instructor:\n%s", &out)
	}
	if !d.has("/var/lib/wheelhouse/wheelhouse.db") {
		t.Error("the database is not in /var/lib/wheelhouse")
	}
	d.run("wheelhouse", "backup", "/root/backup.db")
	if err := os.Remove(d.path("/root/backup.db")); err != nil {
		t.Error(err)
	}
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// fakeCluster is what a purge has to end of a cluster: a process in control groups of its
// own, and mounts.
type fakeCluster struct {
	t      *testing.T
	d      *debian
	cmd    *exec.Cmd
	done   chan struct{}
	groups []string
	mounts []string
}

func newFakeCluster(t *testing.T, d *debian) *fakeCluster {
	t.Helper()
	c := &fakeCluster{t: t, d: d, done: make(chan struct{}), cmd: exec.Command("sleep", "600")}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	container := fmt.Sprintf("demo-packages-test-%d", os.Getpid())
	hierarchies := []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer"}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		hierarchies = []string{"/sys/fs/cgroup"}
	}
	for _, hierarchy := range hierarchies {
		inner := filepath.Join(hierarchy, "wheelhouse", container, "inner")
		if err := os.MkdirAll(inner, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(inner, "cgroup.procs"), fmt.Append(nil, c.cmd.Process.Pid), 0); err != nil {
			t.Fatal(err)
		}
		c.groups = append(c.groups, filepath.Dir(inner))
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	d.write("/var/lib/wheelhouse/embedded/demo/record.json", fmt.Sprintf(`{
  "name": "demo",
  "state": "Ready",
  "pack": "/var/lib/wheelhouse/pack/packs/none",
  "container": %q,
  "process": {
    "pid": %d,
    "start": %s
  }
}
`, container, c.cmd.Process.Pid, fields[22-3]))
	for _, name := range []string{"/var/lib/wheelhouse/embedded/demo/cluster", "/var/lib/wheelhouse/embedded/demo/cluster/etcd", "/run/wheelhouse/packs"} {
		if err := os.MkdirAll(d.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, "mount", "-t", "tmpfs", "tmpfs", d.path(name))
		d.write(name+"/file", "")
		c.mounts = append(c.mounts, d.path(name))
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
		for _, group := range c.groups {
			_ = os.Remove(filepath.Join(group, "inner"))
			_ = os.Remove(group)
		}
	})
	return c
}

func (c *fakeCluster) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *fakeCluster) wantGone() {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.t.Error("a process of a cluster goes on after a purge")
	}
	for _, group := range c.groups {
		if _, err := os.Stat(group); err == nil {
			c.t.Errorf("the control group %s is left", group)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, place := range c.mounts {
		if strings.Contains(string(mounts), " "+place+" ") {
			c.t.Errorf("%s is mounted", place)
		}
	}
}
