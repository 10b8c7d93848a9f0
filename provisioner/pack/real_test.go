package pack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/content/intro/images"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// TestReal looks at the pack that was built from the sources here. It needs root.
func TestReal(t *testing.T) {
	wanted := os.Getenv(provisionertest.ClustersVariable)
	cache := provisionertest.PackCache(t)
	skip := func(why string, args ...any) {
		t.Helper()
		if wanted == "required" {
			t.Fatalf(why, args...)
		}
		t.Skipf("SKIPPED: the real pack: "+why, args...)
	}
	if os.Geteuid() != 0 {
		skip("only root can look into it")
	}
	options := pack.Options{Cache: cache, Source: "../runtime"}
	for _, image := range images.Images() {
		options.Images = append(options.Images, pack.Archive{Ref: image.Ref, Text: image.Archive})
	}
	if len(options.Images) == 0 {
		t.Fatal("the images of the labs' application are missing: make parts")
	}
	p, err := pack.Current(cache)
	if err != nil {
		skip("there is none: %v", err)
	}
	must(t, p.Keep(t.TempDir()))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := false
	again, err := pack.Build(ctx, options, func(provisioner.Progress) { began = true; cancel() })
	if began {
		skip("it is of other sources: wheelhouse pack build")
	}
	must(t, err)
	if again.Dir() != p.Dir() {
		t.Errorf("got %s, want %s: there was nothing to do", again.Dir(), p.Dir())
	}
	t.Run("whole", func(t *testing.T) {
		damage, err := p.Verify(t.Context())
		must(t, err)
		for _, one := range damage {
			t.Error(one)
		}
	})
	t.Run("manifest", func(t *testing.T) { testManifest(t, p.Manifest()) })
	root := t.TempDir()
	must(t, p.Mount(root))
	t.Cleanup(func() { must(t, unix.Unmount(root, 0)) })
	t.Run("image", func(t *testing.T) { testImage(t, root) })
	t.Run("node", func(t *testing.T) { testNode(t, filepath.Join(root, pack.Node), p.Manifest().Kubernetes) })
	t.Run("workstation", func(t *testing.T) {
		testWorkstation(t, filepath.Join(root, pack.Workstation), p.Manifest().Kubernetes)
	})
	t.Run("containerd", func(t *testing.T) { testContainerd(t, p, root) })
}

// testImage: what clusters see of a pack stays read-only even for the host's root.
func testImage(t *testing.T, root string) {
	for name, flags := range map[string]uintptr{"the file system": unix.MS_REMOUNT, "the mount": unix.MS_REMOUNT | unix.MS_BIND} {
		_ = unix.Mount("", root, "", flags, "") // whether or not this is refused
		if err := os.WriteFile(filepath.Join(root, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s was made writable: got %v, want %v", name, err, unix.EROFS)
		}
	}
}

func testManifest(t *testing.T, m *pack.Manifest) {
	for _, want := range []string{"kubernetes", "containerd", "runc", "cni-plugins", "coredns", "metrics-server", "local-path-provisioner", "etcd"} {
		i := slices.IndexFunc(m.Components, func(c pack.Component) bool { return c.Name == want })
		if i < 0 {
			t.Errorf("no component %s", want)
		} else if c := m.Components[i]; c.Version == "" || !strings.HasPrefix(c.Sum, "h1:") || c.License != "Apache-2.0" && !strings.HasPrefix(c.License, "Apache-2.0 ") || len(c.In) == 0 {
			t.Errorf("component %+v", c)
		}
	}
	for _, c := range m.Components {
		if strings.HasPrefix(c.License, "see") {
			t.Errorf("component %s %s: licence %q", c.Name, c.Version, c.License)
		}
	}
	for _, want := range []string{"bash", "iptables", "nginx", "busybox", "redis-server", "libc6", "libseccomp2"} {
		if i := slices.IndexFunc(m.Packages, func(p pack.Package) bool { return p.Name == want }); i < 0 || m.Packages[i].Version == "" {
			t.Errorf("no package %s", want)
		}
	}
}

// inside runs a command in a root file system of the pack, which it must not
// write to.
func inside(t *testing.T, root string, uid uint32, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Path = args[0] // in there, not here
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func testNode(t *testing.T, root, version string) {
	for _, test := range []struct{ command, want string }{
		{"/usr/local/bin/kubectl version --client", version},
		{"/usr/local/bin/kubelet --version", version},
		{"/usr/local/bin/kube-apiserver --version", version},
		{"/usr/local/bin/kubeadm version", version},
		{"/usr/local/bin/etcd --version", "etcd Version: 3."},
		{"/usr/local/bin/containerd --version", " v2."},
		{"/usr/local/bin/ctr --version", " v2."},
		{"/usr/local/bin/runc --version", "libseccomp"},
		{"/usr/local/bin/crictl --version", "v1.36"},
		{"/usr/sbin/iptables --version", "nf_tables"},
		{"/usr/sbin/ip6tables-restore --version", "nf_tables"},
		{"/usr/sbin/nft --version", "nftables"},
		{"/usr/sbin/conntrack --version", "conntrack"},
		{"/usr/bin/awk --version", "GNU Awk"},
		{"/usr/sbin/ip -V", "iproute2"},
		{"/bin/sh -c [ -s /etc/ssl/certs/ca-certificates.crt ]&&id", "uid=0(root)"},
		{"/sbin/ldconfig -p", "libc.so.6"},
	} {
		if got := inside(t, root, 0, strings.SplitN(test.command, " ", 3)...); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q in it", test.command, got, test.want)
		}
	}
	for name, want := range map[string]fs.FileMode{
		"bin": fs.ModeSymlink | 0o777, "lib64": fs.ModeSymlink | 0o777, "tmp": fs.ModeDir | fs.ModeSticky | 0o777, "proc": fs.ModeDir | 0o755, "var/lib/etcd": fs.ModeDir | 0o700,
		"etc/kubernetes/manifests": fs.ModeDir | 0o755, "etc/machine-id": 0o644, "opt/cni/bin/bridge": 0o755, "usr/local/bin/kube-proxy": fs.ModeSymlink | 0o777,
	} {
		stat, err := os.Lstat(filepath.Join(root, name))
		must(t, err)
		if stat.Mode() != want {
			t.Errorf("%s: got mode %s, want %s", name, stat.Mode(), want)
		}
	}
}

func testWorkstation(t *testing.T, root, version string) {
	const student = pack.StudentUID
	for _, test := range []struct{ script, want string }{
		{"id -un; id -gn", "student\nstudent\n"},
		{"kubectl version --client", version},
		{"for c in bash vi nano less curl jq ps ping tar gzip openssl nc tree diff find grep sed awk editor; do command -v $c >/dev/null || echo no $c; done; echo all", "all\n"},
		{"readlink -f /usr/local/bin/editor", "/usr/bin/nano\n"},
		{"bash -ic 'alias k' 2>&1", "alias k='kubectl'"},
		{"find / -xdev \\( -perm /6000 -type f -o -writable -not -type l \\) -not -path '/home/student*' -not -path '/tmp*' -not -path '/var/tmp*' 2>&1 | grep -v 'Permission denied'; true", ""},
		{"ls -A /home/student; ls -A /etc/skel", ".profile\n"},
	} {
		got := inside(t, root, student, "/bin/bash", "-c", test.script)
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.script, got, test.want)
		}
	}
	stat, err := os.Stat(filepath.Join(root, "usr/local/bin/wheelhouse-agent"))
	must(t, err)
	if stat.Size() != 0 || !stat.Mode().IsRegular() {
		t.Errorf("the agent's place: got %s of %d bytes, want an empty file", stat.Mode(), stat.Size())
	}
}

// criConfig keeps everything that containerd writes in one folder.
const criConfig = `version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]
[grpc]
  address = %q
[ttrpc]
  address = %q
[plugins."io.containerd.cri.v1.runtime".cni]
  conf_dir = %q
`

// testContainerd starts the pack's containerd with its CRI plugin on a copy of
// what the pack holds, and asks for the images.
func testContainerd(t *testing.T, p *pack.Pack, image string) {
	work := t.TempDir()
	root := filepath.Join(work, "root")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(image, pack.Containerd), root).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
	socket := filepath.Join(work, "containerd.sock")
	config := filepath.Join(work, "config.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, criConfig, root, filepath.Join(work, "state"), socket, filepath.Join(work, "ttrpc.sock"), work), 0o600))
	programs := filepath.Join(image, pack.Node, "usr/local/bin")
	containerd := exec.Command(filepath.Join(programs, "containerd"), "--config", config)
	var log bytes.Buffer
	containerd.Stdout, containerd.Stderr = &log, &log
	containerd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	must(t, containerd.Start())
	ended := make(chan error, 1)
	go func() { ended <- containerd.Wait() }()
	defer func() {
		must(t, containerd.Process.Signal(syscall.SIGTERM))
		must(t, <-ended)
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("containerd does not answer")
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(programs, "crictl"), "--config", "/dev/null", "--runtime-endpoint", "unix://"+socket, "--timeout", "30s", "images", "-o", "json").Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("crictl images: %v: %s", err, failed.Stderr)
	}
	must(t, err)
	var listed struct {
		Images []struct {
			RepoTags []string `json:"repoTags"`
			Pinned   bool     `json:"pinned"`
		} `json:"images"`
	}
	must(t, json.Unmarshal(out, &listed))
	var got, want []string
	for _, image := range listed.Images {
		got = append(got, image.RepoTags...)
		if pause := slices.Contains(image.RepoTags, pack.PauseImage); image.Pinned != pause {
			t.Errorf("image %v: pinned is %v", image.RepoTags, image.Pinned)
		}
	}
	for _, image := range p.Manifest().Images {
		want = append(want, image.Ref)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got images %v, want %v", got, want)
	}
	testBusybox(t, root)
}

// testBusybox: what Debian's busybox lacks works in ours.
func testBusybox(t *testing.T, containerd string) {
	found, err := filepath.Glob(filepath.Join(containerd, "io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs/usr/bin/busybox"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("got %v, want one snapshot with busybox", found)
	}
	root := filepath.Join(filepath.Dir(found[0]), "../..")
	for _, test := range []struct{ script, want string }{
		{"wget -T 5 -qO- http://127.0.0.1:1/ 2>&1 || true", "can't connect"},
		{"wget -q -T5 -O - http://127.0.0.1:1/x 2>&1 || true", "can't connect"},
		{"wget --timeout=5 http://127.0.0.1:1/ 2>&1 || true", "can't connect"},
		{"nc -h 2>&1 || true", "usage: nc"},
		{"nc -e x 2>&1 || true", "BusyBox"},
		{"readlink /bin/sh; readlink /bin/ls", "busybox\nbusybox\n"},
		{"timeout 0.2 sleep infinity; echo $?", "143"},
	} {
		if got := inside(t, root, 0, "/bin/sh", "-c", test.script); !strings.Contains(got, test.want) {
			t.Errorf("busybox: %s: got %q, want %q in it", test.script, got, test.want)
		}
	}
}
