package main

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// vsock finds the port args[0] of virtual sockets taken, as it is on the host.
func vsock(args []string) error {
	port, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: uint32(port)})
	if errors.Is(err, unix.EADDRINUSE) {
		return nil
	}
	return fmt.Errorf("not the host's port %d: %v", port, err)
}

// lock sees a lock that the host holds on one of the files args.
func lock(args []string) error {
	var refused []error
	for _, path := range args {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			fmt.Println(path)
			return nil
		}
		refused = append(refused, fmt.Errorf("%s: not the file that the host has locked: %v", path, err))
	}
	return errors.Join(refused...)
}
