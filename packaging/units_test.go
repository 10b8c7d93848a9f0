package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestUnitHidesNoMounts: the disks of clusters are mounted by the server, and have to be
// seen by the next one, and by an administrator's commands. So no setting may give the
// unit a mount namespace, or students' processes a filter that they inherit.
func TestUnitHidesNoMounts(t *testing.T) {
	text, err := os.ReadFile("wheelhouse.service")
	if err != nil {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`^(Private\w+|Protect\w+|Read(Only|Write)Paths|InaccessiblePaths|TemporaryFileSystem|BindPaths|BindReadOnlyPaths|RootDirectory|RootImage|MountFlags|DynamicUser|NoNewPrivileges|Restrict\w+|LockPersonality|MemoryDenyWriteExecute|SystemCall\w+|CapabilityBoundingSet|OOMScoreAdjust|UMask|Slice)=`)
	wanted := map[string]bool{"Delegate=yes": false, "Type=notify": false, "KillMode=mixed": false, "Also=wheelhouse.socket": false}
	for number, line := range strings.Split(string(text), "\n") {
		if forbidden.MatchString(line) {
			t.Errorf("line %d: %s", number+1, line)
		}
		if _, ok := wanted[line]; ok {
			wanted[line] = true
		}
	}
	for line, found := range wanted {
		if !found {
			t.Errorf("there is no line %s", line)
		}
	}
}

// TestKernelLimits: each limit is one that this kernel has, with a comment before it,
// and is no less than the kernel's own default.
func TestKernelLimits(t *testing.T) {
	text, err := os.ReadFile("sysctl.conf")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]int64{ // of Linux 6.1 on a machine with little memory
		"fs.inotify.max_user_instances": 128, "fs.inotify.max_user_watches": 8192,
		"kernel.keys.maxkeys": 200, "kernel.keys.maxbytes": 20000, "kernel.pid_max": 32768, "kernel.pty.max": 4096,
		"net.ipv4.neigh.default.gc_thresh1": 128, "net.ipv4.neigh.default.gc_thresh2": 512, "net.ipv4.neigh.default.gc_thresh3": 1024,
	}
	setting := regexp.MustCompile(`^([a-z0-9_.]+) = ([0-9]+)$`) // as the scripts read it
	commented, found := false, 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		switch {
		case line == "":
			commented = false
			continue
		case strings.HasPrefix(line, "#"):
			commented = true
			continue
		}
		match := setting.FindStringSubmatch(line)
		if match == nil {
			t.Errorf("%q is no setting", line)
			continue
		}
		found++
		if !commented {
			t.Errorf("%s has no reason", match[1])
		}
		if _, err := os.Stat(filepath.Join("/proc/sys", strings.ReplaceAll(match[1], ".", "/"))); err != nil {
			t.Errorf("%s: %v", match[1], err)
		}
		value, err := strconv.ParseInt(match[2], 10, 64)
		if least, known := defaults[match[1]]; err != nil || !known || value <= least {
			t.Errorf("%s = %d, want more than the default, %d (known: %v)", match[1], value, least, known)
		}
	}
	if found != len(defaults) {
		t.Errorf("%d settings, want %d", found, len(defaults))
	}
}
