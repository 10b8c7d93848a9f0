package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/loop"
)

// What a cluster writes lies on two disks of its own, which are files of this
// machine's and no larger than what is on them. A student who fills one spares the
// machine and the other clusters; and the database has one to itself, so that a
// cluster whose nodes are full can still be told to remove something.

// disk is one of them.
type disk struct {
	file  string // in the cluster's folder
	place string // beside it, where it is mounted
	size  int64  // bytes
}

// disks are a cluster's, in the order in which they are mounted.
func (p *Provider) disks() []disk {
	return []disk{
		{"disk", clusterFolder, p.options.Limits.Disk},
		{"etcd.disk", etcdFolder, etcdDisk},
	}
}

const (
	// etcdDisk holds etcd's database, which it keeps below 2 GiB by itself
	// (etcd.io/docs/v3.6/op-guide/maintenance, section Space quota), and its log.
	etcdDisk = 4 << 30 // bytes

	bytesPerInode = 16 << 10

	// What is not on a disk takes no room of the file: nothing is zeroed ahead, and
	// what is removed is given back.
	mountOptions = "discard,noinit_itable"
)

// lookForDisks returns nil where disks can be made, as far as that can be told
// without making one.
func lookForDisks() error {
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		return errors.New("there is no mkfs.ext4")
	}
	return loop.Available()
}

// makeDisks makes the cluster's disks and mounts them. On an error nothing is left of
// the try.
func (p *Provider) makeDisks(ctx context.Context, folder string) error {
	for _, d := range p.disks() {
		if err := d.make(ctx, folder); err != nil {
			return errors.Join(err, p.removeDisks(folder))
		}
	}
	return nil
}

// make makes an empty disk and mounts it.
func (d disk) make(ctx context.Context, folder string) error {
	path := filepath.Join(folder, d.file)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(d.size), file.Close()); err != nil {
		return err
	}
	// -m 0: nothing is kept back for the host's root, who writes nothing here.
	err = command.Run(exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=8", "-i", strconv.Itoa(bytesPerInode),
		"-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", path))
	if err != nil {
		return fmt.Errorf("make a disk: %w", err)
	}
	if err := d.mount(folder); err != nil {
		return err
	}
	root := filepath.Join(folder, d.place)
	if err := os.Remove(filepath.Join(root, "lost+found")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Chmod(root, 0o700)
}

// mountDisks mounts the cluster's disks again, which a restart of the machine has
// undone. Those that are mounted stay, and a cluster without any has none.
func (p *Provider) mountDisks(folder string) error {
	for _, d := range p.disks() {
		if _, err := os.Stat(filepath.Join(folder, d.file)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		mounted, err := d.mounted(folder)
		if err != nil {
			return err
		}
		if mounted {
			continue
		}
		if err := d.mount(folder); err != nil {
			return err
		}
	}
	return nil
}

func (d disk) mount(folder string) error {
	place := filepath.Join(folder, d.place)
	if err := os.MkdirAll(place, 0o700); err != nil {
		return err
	}
	return loop.Mount(filepath.Join(folder, d.file), place, "ext4", unix.MS_NOATIME|unix.MS_NODEV, mountOptions)
}

// mounted reports whether the disk is there where it belongs.
func (d disk) mounted(folder string) (bool, error) {
	return isMountPoint(filepath.Join(folder, d.place))
}

// isMountPoint reports whether a file system is mounted on the folder at path.
func isMountPoint(path string) (bool, error) {
	var place, above unix.Stat_t
	err := unix.Lstat(path, &place)
	if err == nil {
		err = unix.Lstat(filepath.Dir(path), &above)
	}
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil && place.Dev != above.Dev, err
}

// removeDisks takes the disks away with all that is on them. Whoever still looks
// at one keeps it until then.
func (p *Provider) removeDisks(folder string) error {
	disks := p.disks()
	for i := len(disks) - 1; i >= 0; i-- {
		d := disks[i]
		if err := unmountAll(filepath.Join(folder, d.place)); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(folder, d.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// unmountAll unmounts whatever is mounted on the folder at path.
func unmountAll(path string) error {
	for {
		mounted, err := isMountPoint(path)
		if err != nil || !mounted {
			return err
		}
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}
