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
