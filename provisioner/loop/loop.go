// Package loop mounts file systems that lie in files, on the kernel's loop devices
// (loop(4)). Package pack mounts a pack's image with it, package embedded the disks
// of clusters. It knows neither.
package loop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// control hands out free devices.
const control = "/dev/loop-control"

// ErrNoDevices is why nothing can be mounted on a machine without loop devices.
var ErrNoDevices = errors.New("the kernel offers no loop devices (" + control + ")")

// Available returns nil where there are loop devices, else an error that is
// ErrNoDevices.
func Available() error {
	if _, err := os.Stat(control); err != nil {
		return fmt.Errorf("%w: %w", ErrNoDevices, err)
	}
	return nil
}

// Mount mounts the file system of the type fstype that lies in file on the folder
// target, with the flags and options of mount(2). The device is gone with the last
// mount of it. A file that is mounted read-only (unix.MS_RDONLY) more than once has
// one device and one superblock, so its pages are in memory once.
func Mount(file, target, fstype string, flags uintptr, options string) error {
	if err := mount(file, target, fstype, flags, options); err != nil {
		return fmt.Errorf("mount %s as %s: %w", file, fstype, err)
	}
	return nil
}

func mount(file, target, fstype string, flags uintptr, options string) error {
	if err := Available(); err != nil {
		return err
	}
	readOnly := flags&unix.MS_RDONLY != 0
	mode := os.O_RDWR
	if readOnly {
		mode = os.O_RDONLY
	}
	backing, err := os.OpenFile(file, mode, 0)
	if err != nil {
		return err
	}
	defer backing.Close()
	// Two callers that look for the file's device at the same time would make two. The
	// lock is on a description of its own: the device keeps backing's open.
	lock, err := os.Open(file)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := ignoringEINTR(func() error { return unix.Flock(int(lock.Fd()), unix.LOCK_EX) }); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var device *os.File
	if readOnly {
		if device, err = find(backing); err != nil {
			return err
		}
	}
	if device == nil {
		if device, err = attach(backing, readOnly); err != nil {
			return err
		}
	}
	defer device.Close() // the mount keeps it
	return unix.Mount(device.Name(), target, fstype, flags, options)
}

// find returns the read-only device that shows the whole of backing, or nil.
func find(backing *os.File) (*os.File, error) {
	var want unix.Stat_t
	if err := unix.Fstat(int(backing.Fd()), &want); err != nil {
		return nil, err
	}
	attached, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	for _, path := range attached {
		name := strings.Split(path, "/")[3]
		device, err := os.Open("/dev/" + name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENXIO) {
			continue // detached meanwhile, or a device that is not shown here
		}
		if err != nil {
			return nil, err
		}
		got, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && got.Device == kernelDevice(want.Dev) && got.Inode == want.Ino &&
			got.Offset == 0 && got.Sizelimit == 0 && got.Flags&unix.LO_FLAGS_READ_ONLY != 0 {
			return device, nil
		}
		device.Close()
	}
	return nil, nil
}

// kernelDevice is a device number as the kernel's huge_encode_dev writes it, in
// which loop devices report that of their file.
func kernelDevice(dev uint64) uint64 {
	major, minor := uint64(unix.Major(dev)), uint64(unix.Minor(dev))
	return minor&0xff | major<<8 | (minor&^0xff)<<12
}

// attach gives backing a device of its own.
func attach(backing *os.File, readOnly bool) (*os.File, error) {
	free, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDevices, err)
	}
	defer free.Close()
	config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
	mode := os.O_RDWR
	if readOnly {
		config.Info.Flags |= unix.LO_FLAGS_READ_ONLY
		mode = os.O_RDONLY
	}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], backing.Name())
	const tries = 64 // each is lost only to another process that takes the device first
	for range tries {
		number, err := unix.IoctlRetInt(int(free.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		device, err := os.OpenFile("/dev/loop"+strconv.Itoa(number), mode, 0)
		if err != nil {
			return nil, fmt.Errorf("open a free loop device: %w", err)
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach a loop device: %w", err)
		}
	}
	return nil, errors.New("attach a loop device: every free one was taken by another process")
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
