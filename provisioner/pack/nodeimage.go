package pack

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// A node image is what a node of kind is made from: a Debian system with systemd,
// containerd and kubelet in it, and the images that kubeadm starts a control plane
// from. Its form is that of kind's own base image, whose start script and units are
// taken from kind's module.

// Facts of a node image that whoever loads it has to know.
var (
	// NodeEntrypoint is what its containers run.
	NodeEntrypoint = []string{"/usr/local/bin/entrypoint", "/sbin/init"}

	// NodeEnv tells systemd that it runs in a container.
	NodeEnv = "container=docker"
)

// nodeImageFiles are ours in a node image.
//
//go:embed nodeimage
var nodeImageFiles embed.FS

// nodeImagePackages are a node's, what kind's base image has besides, and what a
// workstation has that is made of a node image.
var nodeImagePackages = append(slices.Clone(nodePackages), "systemd", "jq", "e2fsprogs", "nano", "bash-completion", "openssl", "netcat-openbsd", "tree")

// kindModule holds the files of kind's base image below kindBase. No Dockerfile is
// run: what it does is done by hand.
const (
	kindModule = "sigs.k8s.io/kind"
	kindBase   = "images/base/files"
)

// Phases of making a node image.
const (
	phaseNodeSystem   = "System"
	phaseNodeImages   = "Images"
	phaseNodeUnpacked = "Unpacked"
	phaseNodeWritten  = "Written"
)

// WriteNodeImage makes a node image of the pack p and writes its root file system
// to w as a tar archive, as `docker import` takes it. options.Source is that of a
// checkout. It needs root. Errors that a person can act on are *provisioner.Error.
func WriteNodeImage(ctx context.Context, options Options, p *Pack, w io.Writer, report func(provisioner.Progress)) error {
	b := &builder{Options: options, progress: newProgress(report)}
	if err := b.able(); err != nil {
		return err
	}
	unlock, err := lock(ctx, b.Cache, func() { b.progress.say("A build of the pack is under way on this machine; waiting for it.") })
	if err != nil {
		return err
	}
	defer unlock()
	b.progress.say("")
	if err := prepareCache(b.Cache); err != nil {
		return err
	}
	logFile := filepath.Join(b.Cache, "logs", "node-image.log")
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	dir, err := os.MkdirTemp(filepath.Join(b.Cache, "tmp"), "node-image-")
	if err != nil {
		return err
	}
	defer removeAll(dir)
	err = p.mounted(dir, func(root string) error {
		n := &nodeImage{builder: b, pack: p, root: root, dir: dir, log: log}
		return n.write(ctx, w)
	})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if known, ok := errors.AsType[*provisioner.Error](err); ok {
			return known
		}
		return &provisioner.Error{Reason: provisioner.NoImage, Err: err, Message: fmt.Sprintf(
			"The node image could not be made: %v. The log is %s.", err, logFile)}
	}
	return nil
}

// nodeImage is one that is being made.
type nodeImage struct {
	*builder
	pack *Pack
	root string // where the pack's image is mounted
	dir  string // to work in
	log  io.Writer
}

func (n *nodeImage) write(ctx context.Context, w io.Writer) error {
	n.progress.plan(phaseNodeSystem, "Choosing and downloading Debian's packages", 30*time.Second)
	n.progress.plan(phaseNodeImages, "Making the control plane's images", 20*time.Second)
	n.progress.plan(phaseNodeUnpacked, "Unpacking the images", 30*time.Second)
	n.progress.plan(phaseNodeWritten, "Writing the node image", time.Minute)

	n.progress.start(phaseNodeSystem)
	base, err := n.kindFiles(ctx)
	if err != nil {
		return err
	}
	t, err := n.system(ctx)
	if err != nil {
		return err
	}
	n.progress.end(phaseNodeSystem)

	n.progress.start(phaseNodeImages)
	images := filepath.Join(n.dir, Images)
	list, err := n.images(ctx, t, images)
	if err != nil {
		return err
	}
	n.progress.end(phaseNodeImages)

	n.progress.start(phaseNodeUnpacked)
	if err := unpackImages(ctx, n.dir, n.program(""), images, list, n.log); err != nil {
		return err
	}
	if err := n.finish(ctx, t, base); err != nil {
		return err
	}
	if err := t.disk("var/lib/containerd", filepath.Join(n.dir, Containerd)); err != nil {
		return err
	}
	n.progress.end(phaseNodeUnpacked)

	n.progress.start(phaseNodeWritten)
	if err := t.layer(w); err != nil {
		return err
	}
	n.progress.end(phaseNodeWritten)
	return nil
}

// kindFiles returns the folder with the files of kind's base image, which are in
// Go's module cache.
func (n *nodeImage) kindFiles(ctx context.Context) (string, error) {
	checkout := filepath.Join(n.Source, "..", "..")
	if err := runLogged(ctx, n.log, checkout, goEnv, "go", "mod", "download", kindModule); err != nil {
		return "", notDownloaded(err)
	}
	module, err := listModule(ctx, checkout, kindModule)
	if err != nil {
		return "", err
	}
	return filepath.Join(module.Dir, filepath.FromSlash(kindBase)), nil
}

// system is the Debian system of a node, and Kubernetes in it.
func (n *nodeImage) system(ctx context.Context) (*tree, error) {
	// In a folder of its own: resolutions forget each other's packages.
	d := &debian{dir: filepath.Join(n.Cache, "debian-node-image"), fresh: n.Fresh, log: n.log}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, err
	}
	set, err := d.resolve(ctx, append(slices.Clone(nodeImagePackages), accounts))
	if err != nil {
		return nil, err
	}
	set.systemd = true
	t, _, err := set.system(ctx, nodeImagePackages, nil)
	if err != nil {
		return nil, err
	}
	t.kubernetes(n.program("kubernetes"))
	for _, name := range []string{"kubelet", "kubeadm", "kubectl"} { // where kind's units and kind look for them
		t.link("usr/bin/"+name, "../local/bin/kubernetes")
	}
	return t, nil
}

// program is where the pack has a program of a node's.
func (n *nodeImage) program(name string) string {
	return filepath.Join(n.root, Node, "usr", "local", "bin", name)
}

// images makes a folder with the archives of all images that a node needs, and
// lists the images: those of the pack, and the parts of a control plane, which are
// all one image with the node's own system.
func (n *nodeImage) images(ctx context.Context, system *tree, dir string) ([]Image, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	list := slices.Clone(n.pack.Manifest().Images)
	have := map[string]bool{}
	for _, image := range list {
		have[image.Ref] = true
	}
	archives, err := filepath.Glob(filepath.Join(n.pack.Dir(), Images, "*.tar"))
	if err != nil {
		return nil, err
	}
	for _, archive := range archives {
		if err := os.Symlink(archive, filepath.Join(dir, filepath.Base(archive))); err != nil {
			return nil, err
		}
	}
	wanted, err := n.controlImages(ctx)
	if err != nil {
		return nil, err
	}
	control := recipe{archive: "control-plane", tree: system}
	for _, ref := range wanted {
		if !have[ref] {
			control.tags = append(control.tags, imageTag{ref, v1.Config{Env: []string{searchPath}, WorkingDir: "/"}})
		}
	}
	made, err := control.write(dir)
	return append(list, made...), err
}

// controlImages lists the images that kubeadm wants.
func (n *nodeImage) controlImages(ctx context.Context) ([]string, error) {
	c := exec.CommandContext(ctx, n.program("kubeadm"), "config", "images", "list", "--kubernetes-version", n.pack.Manifest().Kubernetes)
	c.Stderr = n.log
	out, err := command.Output(c)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

// finish adds what makes a node of the system.
func (n *nodeImage) finish(ctx context.Context, t *tree, base string) error {
	for _, name := range nodePrograms {
		to := "usr/local/bin/" + name
		if name == "runc" {
			to = "usr/local/sbin/runc"
		}
		t.copy(to, n.program(name), 0o755)
	}
	for _, name := range cniPlugins {
		t.copy("opt/cni/bin/"+name, filepath.Join(n.root, Node, "opt", "cni", "bin", name), 0o755)
	}
	for _, dir := range []string{"var/lib/kubelet", "var/lib/cni", "etc/kubernetes/manifests", "etc/cni/net.d"} {
		t.folder(dir, 0o755)
	}
	if err := t.kindBase(base); err != nil {
		return err
	}
	spec, err := n.baseSpec(ctx)
	if err != nil {
		return err
	}
	t.text("etc/containerd/cri-base.json", spec, 0o644)
	t.text("kind/version", n.pack.Manifest().Kubernetes, 0o644)
	storage, err := os.ReadFile(filepath.Join(n.Source, "kubernetes", "addons", "storage.yaml"))
	if err != nil {
		return err
	}
	t.text("kind/manifests/default-storage.yaml", string(storage), 0o644)
	replace := strings.NewReplacer("{{sandbox}}", PauseImage, "{{image}}", "registry.k8s.io/kube-proxy:"+n.pack.Manifest().Kubernetes)
	for name, to := range map[string]string{
		"default-cni.yaml": "kind/manifests/default-cni.yaml", "containerd.toml": "etc/containerd/config.toml", "update-alternatives": "usr/bin/update-alternatives",
	} {
		text, err := nodeImageFiles.ReadFile("nodeimage/" + name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(to, "usr/bin/") {
			mode = 0o755
		}
		t.text(to, replace.Replace(string(text)), mode)
	}
	t.units()
	return nil
}

// baseSpec is what every container's specification starts from: the runtime's own
// default, without limits that a host may not let it set, and with kind's hook.
func (n *nodeImage) baseSpec(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, n.program("ctr"), "oci", "spec")
	c.Stderr = n.log
	out, err := command.Output(c)
	if err != nil {
		return "", err
	}
	var spec map[string]any
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	if err := decoder.Decode(&spec); err != nil {
		return "", fmt.Errorf("ctr oci spec: %w", err)
	}
	if process, ok := spec["process"].(map[string]any); ok {
		delete(process, "rlimits")
	}
	spec["hooks"] = map[string]any{"createContainer": []any{map[string]any{"path": "/kind/bin/mount-product-files.sh"}}}
	text, err := json.MarshalIndent(spec, "", "  ")
	return string(text), err
}

// kindBase adds the files of kind's base image, with the modes that its Dockerfile
// gives them.
func (t *tree) kindBase(base string) error {
	return filepath.WalkDir(base, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(base, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case name == "usr/local/bin/clean-install", strings.Contains(name, "fuse-overlayfs"):
			return nil // of a build, and of a program that is not here
		case strings.HasPrefix(name, "usr/local/bin/"), strings.HasPrefix(name, "kind/bin/"):
			t.copy(name, file, 0o755)
		default:
			t.copy(name, file, 0o644)
		}
		return nil
	})
}

// units leaves of systemd's units what a node needs, and enables a node's own.
func (t *tree) units() {
	const units = "usr/lib/systemd/system/"
	for name := range t.entries {
		dir, unit := filepath.Split(name)
		switch dir {
		case units + "multi-user.target.wants/", units + "local-fs.target.wants/", units + "basic.target.wants/":
			t.remove(name)
		case units + "sysinit.target.wants/":
			if unit == "systemd-tmpfiles-setup.service" {
				t.remove(name)
			}
		case units + "sockets.target.wants/":
			if strings.Contains(unit, "udev") || strings.Contains(unit, "initctl") {
				t.remove(name)
			}
		}
	}
	for _, unit := range []string{"containerd.service", "kubelet.service", "undo-mount-hacks.service"} {
		t.link("etc/systemd/system/multi-user.target.wants/"+unit, "/etc/systemd/system/"+unit)
	}
	t.link("etc/systemd/system/systemd-binfmt.service", "/dev/null")
	t.text("etc/systemd/journald.conf", "[Journal]\nReadKMsg=no\n", 0o644)
	t.link("usr/sbin/init", "../lib/systemd/systemd")
}

// disk adds the folder dir of the disk below name, with its owners and modes.
func (t *tree) disk(name, dir string) error {
	return filepath.WalkDir(dir, func(file string, found fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		e := &entry{mode: info.Mode(), uid: int(stat.Uid), gid: int(stat.Gid), time: info.ModTime()}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if e.link, err = os.Readlink(file); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			e.file = file
		case !info.IsDir():
			return nil // a socket, of whoever made the folder
		}
		t.put(name+"/"+filepath.ToSlash(relative), e)
		return nil
	})
}
