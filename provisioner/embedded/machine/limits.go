package machine

import (
	"fmt"
	"os"
	"strconv"
)

// What the kernel counts for each user is counted for the user who made a namespace,
// too (user_namespaces(7), namespaces(7) section /proc/sys/user). The outermost
// process makes the namespaces of all nodes and the workstation, so one limit in its
// own namespace holds for everything that they do together, and no process of theirs
// can raise it. A cluster at its limit leaves the others what is theirs.

// InotifyInstances returns how many inotify instances a cluster with so many nodes may
// have: three to five times what its own components take.
func InotifyInstances(nodes int) int { return 64 + 64*nodes }

// userLimits are the settings under /proc/sys/user of a cluster with so many nodes.
func userLimits(nodes int) map[string]int {
	const pods = 110 // of each node, the kubelet's own limit
	return map[string]int{
		"max_inotify_instances": InotifyInstances(nodes),
		"max_inotify_watches":   16384 * (1 + nodes),
		"max_fanotify_groups":   16,
		"max_fanotify_marks":    16384,
		"max_user_namespaces":   64 * (1 + nodes),
		"max_net_namespaces":    2 * pods * (1 + nodes),
		"max_ipc_namespaces":    2 * pods * (1 + nodes),
		"max_uts_namespaces":    4 * pods * (1 + nodes),
		"max_pid_namespaces":    4 * pods * (1 + nodes),
		"max_mnt_namespaces":    4 * pods * (1 + nodes),
		"max_cgroup_namespaces": 4 * pods * (1 + nodes),
		"max_time_namespaces":   64,
	}
}

// setLimits sets the limits of the namespace that this process is in. Kernels that do
// not know one go without it.
func setLimits(nodes int) error {
	for name, limit := range userLimits(nodes) {
		path := "/proc/sys/user/" + name
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := os.WriteFile(path, []byte(strconv.Itoa(limit)), 0); err != nil {
			return fmt.Errorf("limit what the cluster takes of the machine: %w", err)
		}
	}
	return nil
}
