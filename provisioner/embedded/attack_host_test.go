package embedded_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/embedded"
)

// host is what of this machine a pod tries to reach.
type host struct {
	dataDir     string
	disk        uint64   // the device of the root file system
	addresses   []string // NETWORK=ADDRESS of listeners
	paths       []string // files, sockets and folders
	noHierarchy []string // controllers of which there is no hierarchy of control groups

	port uint32 // of virtual sockets, which the host listens on; 0 where the kernel has none

	key     int // serial number of a key; 0 where keys cannot be had
	reached atomic.Int64

	settings map[string]string // files whose content must not change
}

// newHost opens listeners, writes a file, makes a key and notes how things are.
func newHost(t *testing.T, options embedded.Options, name string) *host {
	t.Helper()
	dataDir := options.DataDir
	h := &host{dataDir: dataDir, settings: map[string]string{}}
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		t.Fatal(err)
	}
	h.disk = root.Dev
	h.listen(t, name)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dataDir, "embedded", name)
	h.paths = []string{secret, dataDir, filepath.Join(own, "record.json"), filepath.Join(own, "ca.key"), filepath.Join(own, "agent"),
		"/etc/shadow", "/var/run/docker.sock", "/run/docker.sock", filepath.Join(options.RunDir, "runc"), filepath.Join(options.RunDir, "ids")}
	for _, controller := range []string{"hugetlb", "perf_event", "net_cls", "net_prio", "rdma", "misc"} {
		if _, err := os.Stat("/sys/fs/cgroup/" + controller); err != nil {
			h.noHierarchy = append(h.noHierarchy, controller)
		}
	}
	if key, err := unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_PROCESS_KEYRING); err == nil {
		h.key = key
	} else {
		t.Logf("keys are not tried: %v", err)
	}
	h.listenVirtual(t)
	patterns := []string{"/proc/sys/kernel/*", "/proc/sys/vm/*", "/proc/sys/fs/*", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/*/release_agent", secret}
	limits := 0
	for _, group := range groupsOf(t, name) {
		for _, limit := range []string{"pids.max", "memory.max", "memory.limit_in_bytes", "cpu.max", "cpu.cfs_quota_us"} {
			path := filepath.Join(group, limit)
			if _, err := os.Stat(path); err == nil {
				patterns = append(patterns, path)
				limits++
			}
		}
	}
	if limits < 3 { // of processes, memory and processors
		t.Errorf("only %d limits of the cluster are watched", limits)
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if text, err := os.ReadFile(path); err == nil && !moves[filepath.Base(path)] {
				h.settings[path] = string(text)
			}
		}
	}
	return h
}

// moves are the figures under /proc/sys that change by themselves.
var moves = map[string]bool{"file-nr": true, "inode-nr": true, "inode-state": true, "dentry-state": true, "aio-nr": true,
	"ns_last_pid": true, "perf_event_max_sample_rate": true}

// listen opens what a pod must not reach: on this machine's loopback, on all its
// addresses, and by a name that only the network namespace guards.
func (h *host) listen(t *testing.T, name string) {
	t.Helper()
	all, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	named, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	for _, listener := range []net.Listener{all, named} {
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				h.reached.Add(1)
				conn.Close()
			}
		}()
	}
	port := all.Addr().(*net.TCPAddr).Port
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	h.addresses = append(h.addresses, "unix=@"+name, fmt.Sprintf("tcp=172.30.0.1:%d", port))
	for _, a := range own {
		if ip := a.(*net.IPNet).IP; !ip.IsLinkLocalUnicast() {
			h.addresses = append(h.addresses, "tcp="+net.JoinHostPort(ip.String(), fmt.Sprint(port)))
		}
	}
}

// listenVirtual takes a port of virtual sockets (vsock(7)), which no network namespace
// has for itself.
func (h *host) listenVirtual(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY})
	}
	var address unix.Sockaddr
	if err == nil {
		address, err = unix.Getsockname(fd)
	}
	if err != nil {
		t.Logf("virtual sockets are not tried: %v", err)
		return
	}
	h.port = address.(*unix.SockaddrVM).Port
}

// wantUnchanged looks whether anything of the host's is as it was.
func (h *host) wantUnchanged(t *testing.T) {
	t.Helper()
	if len(h.settings) < 50 {
		t.Errorf("only %d settings are watched", len(h.settings))
	}
	for path, want := range h.settings {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
	if got := h.reached.Load(); got != 0 {
		t.Errorf("the host's listeners were reached %d times", got)
	}
}

// clusterProcesses returns the folders in /proc of the cluster's processes.
func clusterProcesses(t testing.TB, name string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && isOf(text, name) {
			found = append(found, filepath.Dir(file))
		}
	}
	return found
}

// line returns the fields after what a line of text begins with.
func line(text []byte, begin string) []string {
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, begin); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}
