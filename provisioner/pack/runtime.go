package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/loop"
)

// What clusters see of a pack is one image of the file system erofs
// (docs.kernel.org/filesystems/erofs.html), which has no code that writes: a mount
// of it stays read-only whatever a namespace may do with the mount's own flag, for
// every cluster and for the host. It is built once, with the pack.

// What the image holds.
const (
	Node        = "node"        // root file system of a node
	Workstation = "workstation" // root file system of a workstation
	Containerd  = "containerd"  // /var/lib/containerd of a node that has every image
)

// runtimePackages bring the program that makes the image.
var runtimePackages = []string{"erofs-utils"}

// makeRuntime makes the image of folders, by their names in it, as dir/Runtime. tools
// is the folder that erofsTools has made. The same folders give the same bytes, but for
// the times of what containerd has written.
func makeRuntime(ctx context.Context, dir string, folders map[string]string, tools, id string, log io.Writer) error {
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	for name, from := range folders {
		if err := linkTree(ctx, from, filepath.Join(tree, name)); err != nil {
			return err
		}
	}
	// With the libraries of its own package set: this machine's may be others.
	libraries := filepath.Join(tools, "usr/lib", multiarch())
	loader := map[string]string{"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}
	err := runLogged(ctx, log, dir, nil, filepath.Join(libraries, loader[runtime.GOARCH]), "--library-path", libraries,
		filepath.Join(tools, "usr/bin/mkfs.erofs"), "--quiet", "-T"+strconv.FormatInt(epoch.Unix(), 10), "-U"+uuidOf(id),
		filepath.Join(dir, Runtime), tree)
	if err != nil {
		return err
	}
	removeAll(tree)
	return nil
}

// uuidOf makes the UUID of a file system from a step's key, so that the same step
// gives the same bytes.
func uuidOf(key string) string {
	return key[:8] + "-" + key[8:12] + "-" + key[12:16] + "-" + key[16:20] + "-" + key[20:32]
}

// erofsTools unpacks the program that makes erofs images, with its libraries.
func (s *debSet) erofsTools(ctx context.Context, dir string) error {
	packages, err := s.closure(runtimePackages, without)
	if err != nil {
		return err
	}
	t, err := s.tree(ctx, packages)
	if err != nil {
		return err
	}
	return t.write(dir)
}

// RuntimeFile is the image that clusters see of the pack.
func (p *Pack) RuntimeFile() string { return filepath.Join(p.dir, Runtime) }

// Mount mounts what clusters see of the pack on the folder dir, read-only; it needs
// root. Mounts of one pack share a superblock and its pages in memory, and the loop
// device goes with the last of them. The error is a *provisioner.Error where this
// machine cannot mount it.
func (p *Pack) Mount(dir string) error {
	err := loop.Mount(p.RuntimeFile(), dir, "erofs", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOATIME, "")
	message := ""
	switch {
	case errors.Is(err, unix.ENODEV):
		message = "This kernel does not know the file system erofs, which runtime packs are made of. Load its module (modprobe erofs), or install the kernel's package of further modules."
	case errors.Is(err, loop.ErrNoDevices):
		message = "This machine has no loop devices, by which a runtime pack is mounted. Load their module (modprobe loop); a container has to be given /dev/loop-control and the devices."
	}
	if message != "" {
		return &provisioner.Error{Reason: provisioner.NoPack, Message: message, Err: err}
	}
	return err
}

// mounted calls do with the folder in which the pack's image is mounted meanwhile:
// a new one in dir.
func (p *Pack) mounted(dir string, do func(string) error) error {
	place, err := os.MkdirTemp(dir, mountPrefix)
	if err != nil {
		return err
	}
	if err := p.Mount(place); err != nil {
		return errors.Join(err, os.Remove(place))
	}
	err = do(place)
	return errors.Join(err, unix.Unmount(place, unix.MNT_DETACH), os.Remove(place))
}

// mountPrefix begins the names of folders that are mounted on for a while.
const mountPrefix = "mount-"

// unmountLeft unmounts what a process that was killed has left mounted in the folders
// of dir.
func unmountLeft(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "*", mountPrefix+"*")) // the pattern is well formed
	for _, place := range left {
		_ = unix.Unmount(place, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // most are not mounted
	}
}

// runtimeEstimate is how long the image takes on two cores.
const runtimeEstimate = 15 * time.Second

// programPath is where the host finds a program of the pack that it runs itself.
func (p *Pack) programPath(name string) string { return filepath.Join(p.dir, Programs, name) }

// Program returns the path of a program that the host runs, which lies beside the
// image and in no place that a cluster sees, and its digest as the manifest has it.
func (p *Pack) Program(name string) (path, digest string, err error) {
	for _, file := range p.manifest.Files {
		if file.Path == Programs+"/"+name {
			return p.programPath(name), file.Digest, nil
		}
	}
	return "", "", notAPack(p.dir, fmt.Errorf("its manifest names no program %s", name))
}
