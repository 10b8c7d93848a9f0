//go:build linux

package host

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// CheckInstances takes as many inotify instances as a cluster does, for a moment.
// Where none is left, a node's containerd starts without the part that the kubelet
// asks, and the node waits for it in vain.
func CheckInstances() Finding {
	const name = "inotify instances"
	for taken := range eachInstances {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err == nil {
			defer unix.Close(fd)
			continue
		}
		other, openErr := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if openErr == nil {
			unix.Close(other)
		}
		if openErr != nil || !errors.Is(err, unix.EMFILE) { // it is this process that may open no more files
			return Finding{name, Warning, fmt.Sprintf("They cannot be tried: %v.", err), ""}
		}
		return Finding{name, Failure, fmt.Sprintf("This machine has %d left, and a cluster takes about %d: another would not come up.", taken, eachInstances),
			fmt.Sprintf("sudo sysctl %s=8192, and put it into /etc/sysctl.d/ to keep it.", instanceSetting)}
	}
	return Finding{name, OK, "There are enough for another cluster.", ""}
}
