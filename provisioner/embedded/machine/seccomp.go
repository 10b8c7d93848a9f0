package machine

import (
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// refused are the system calls that no shell of a student's needs: they make or
// enter namespaces, mount, or reach parts of the kernel that have been the way
// out of containers before. Container engines refuse them by default, too.
var refused = []string{
	"acct", "add_key", "bpf", "clock_settime", "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen",
	"fspick", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl",
	"lookup_dcookie", "mount", "mount_setattr", "move_mount", "name_to_handle_at", "open_by_handle_at", "open_tree",
	"perf_event_open", "pivot_root", "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns",
	"settimeofday", "swapoff", "swapon", "umount", "umount2", "unshare", "userfaultfd", "vhangup",
}

// newNamespaces are the flags of clone(2) that make one.
var newNamespaces = []uint64{
	unix.CLONE_NEWCGROUP, unix.CLONE_NEWIPC, unix.CLONE_NEWNET, unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWUSER, unix.CLONE_NEWUTS,
}

// workstationSeccomp is the workstation's filter of system calls.
func workstationSeccomp() *specs.LinuxSeccomp {
	notPermitted, notThere := uint(unix.EPERM), uint(unix.ENOSYS)
	filter := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls: []specs.LinuxSyscall{
			{Names: refused, Action: specs.ActErrno, ErrnoRet: &notPermitted},
			// Its flags lie in memory, where a filter cannot look; libraries then use clone.
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &notThere},
		},
	}
	for _, flag := range newNamespaces {
		filter.Syscalls = append(filter.Syscalls, specs.LinuxSyscall{
			Names: []string{"clone"}, Action: specs.ActErrno, ErrnoRet: &notPermitted,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: flag, ValueTwo: flag, Op: specs.OpMaskedEqual}},
		})
	}
	return filter
}

// ClusterSeccomp is the filter of system calls of a cluster's outermost container, and so
// of all its processes. It refuses what the kernel has one of for the whole machine, and no
// namespace divides: virtual sockets, which reach the machine and what it runs on
// (vsock(7)), and asynchronous requests, which one process can use up (fs.aio-max-nr;
// programs do without).
func ClusterSeccomp() *specs.LinuxSeccomp {
	noFamily, noCall := uint(unix.EAFNOSUPPORT), uint(unix.ENOSYS)
	architectures := []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}
	if runtime.GOARCH == "arm64" {
		architectures = []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
	}
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Architectures: architectures,
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"socket", "socketpair"}, Action: specs.ActErrno, ErrnoRet: &noFamily,
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: unix.AF_VSOCK, Op: specs.OpEqualTo}}},
			// socketcall is a way around that for programs of 32 bits, which have socket, too.
			{Names: []string{"io_setup", "socketcall"}, Action: specs.ActErrno, ErrnoRet: &noCall},
		},
	}
}
