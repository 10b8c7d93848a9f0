package host

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// The limits are those that kind's known issues name.
const (
	wantWatches     = 524288
	wantInstances   = 512
	inotifyPath     = "sys/fs/inotify/" // under /proc
	watchesSetting  = "fs.inotify.max_user_watches"
	instanceSetting = "fs.inotify.max_user_instances"
)

// CheckInotify reads the limits that nodes share with the whole machine.
func CheckInotify(proc fs.FS) Finding {
	const name = "inotify limits"
	watches, instances := setting(proc, "max_user_watches"), setting(proc, "max_user_instances")
	if watches == 0 || instances == 0 {
		return Finding{name, Warning, "The kernel does not tell its limits.", ""}
	}
	message := fmt.Sprintf("%d watches and %d instances for each user.", watches, instances)
	if watches < wantWatches || instances < wantInstances {
		return Finding{name, Warning, message + " With several clusters, nodes run out of them and do not start.",
			fmt.Sprintf("sudo sysctl %s=%d %s=%d, and put both into /etc/sysctl.d/ to keep them.",
				watchesSetting, max(watches, wantWatches), instanceSetting, max(instances, wantInstances))}
	}
	return Finding{name, OK, message, ""}
}

func setting(proc fs.FS, name string) int {
	text, err := fs.ReadFile(proc, inotifyPath+name)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}
