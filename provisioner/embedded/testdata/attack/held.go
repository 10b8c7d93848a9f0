package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// takeRequests sets aside room for asynchronous requests (io_setup(2)), of which the
// machine has fs.aio-max-nr.
func takeRequests(most int) (int, error) {
	const each = 1024
	taken, err := repeat(most/each, func(int) error {
		var context uintptr
		return call(unix.SYS_IO_SETUP, each, uintptr(unsafe.Pointer(&context)))
	})
	return taken * each, err
}

// takeLocks locks single bytes of files. Each lock is a piece of the kernel's memory.
func takeLocks(most int) (int, error) {
	const each = 1000 // of one file: the kernel walks through a file's locks
	fd := -1
	return repeat(most, func(i int) error {
		if i%each == 0 {
			var err error
			if fd, err = unix.Open("/tmp", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600); err != nil {
				return err
			}
		}
		at := int64(2 * (each - i%each))
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1})
	})
}
