package host

import (
	"fmt"
	"io/fs"
)

// instancesOfNode is how many inotify instances one node takes: with a limit of
// 128 the sixth node's kube-proxy dies of "too many open files" and its node never
// gets Ready, with all 128 in use. The rest of the machine takes some too.
const instancesOfNode = 24

// Capacity tells how many clusters of one node this machine can run
// before the kernel's limit on inotify instances keeps new nodes from getting
// Ready. Over it a cluster is not refused: it hangs. 0 is for a kernel that does
// not tell; proc is /proc. reason says for people what the limit is and how to
// raise it.
func Capacity(proc fs.FS) (clusters int, reason string) {
	instances := setting(proc, "max_user_instances")
	if instances == 0 {
		return 0, ""
	}
	return max(1, instances/instancesOfNode), fmt.Sprintf("%s is %d, and a node takes about %d; raise it: sudo sysctl %s=%d",
		instanceSetting, instances, instancesOfNode, instanceSetting, max(2*instances, wantInstances))
}
