package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/pack"
)

// What a machine should have: a cluster of one node takes about 500 MB with a
// student at work, and its folder some hundred megabytes.
const (
	clusterMemory = 500 << 20
	leastMemory   = 1536 << 20
	clusterDisk   = 1 << 30
)

// Doctor looks at everything that clusters need on this machine and, where it finds
// nothing amiss, tries it: it makes what a cluster is made of and removes it again,
// in a second or two.
func Doctor(ctx context.Context, options Options) []host.Finding {
	findings := []host.Finding{checkParts(options), host.CheckData(options.DataDir), checkRoot()}
	findings = append(findings, checkPack(options)...)
	findings = append(findings, checkNamespaces(), checkKernel(), checkCgroups(), checkMemory(),
		host.CheckInstances(), host.CheckRoom(Supplies()), host.CheckDisk(existing(options.DataDir), clusterDisk, "delete clusters that are not needed (`wheelhouse cluster list`), or choose another --data."))
	if disks := checkDisks(); disks.Status == host.Failure { // else the trial makes some
		findings = append(findings, disks)
	}
	if slices.ContainsFunc(findings, func(f host.Finding) bool { return f.Status == host.Failure }) {
		return append(findings, host.Found(trialName, host.Warning, "No cluster was tried, because of what is marked above.", "Mend that, and run the doctor again."))
	}
	return append(findings, tryMachine(ctx, options)...)
}

func tryMachine(ctx context.Context, options Options) []host.Finding {
	p, err := New(options)
	if err != nil {
		return trialFindings(nil, err)
	}
	from, err := options.Pack()
	if err != nil {
		return trialFindings(nil, err)
	}
	return trialFindings(p.trial(ctx, from))
}

// Supplies returns what this machine has for clusters.
func Supplies() []host.Supply {
	return host.Supplies(os.DirFS("/proc"), clusterMemory, func(uid uint32) bool { return uid >= firstID && uid <= lastID })
}

func checkParts(o Options) host.Finding {
	const name = "parts of clusters"
	if len(o.Agent) == 0 || len(o.Machine) == 0 {
		return host.Found(name, host.Failure, "This program was built without the parts that run in its clusters.", "Build it with `make build`.")
	}
	return host.Found(name, host.OK, "They are built in.", "")
}

func checkRoot() host.Finding {
	const name = "rights"
	if os.Geteuid() != 0 {
		return host.Found(name, host.Failure, "Only root can make clusters without a container engine: an ordinary user of this machine may not mount their disks, map their ids or limit them. docs/rootless.md lists what needs root, and why.",
			"Start Wheelhouse with sudo, or use --provider kind, which an ordinary user can with rootless Docker or Podman.")
	}
	return host.Found(name, host.OK, "Wheelhouse runs as root, and every cluster as nobody of this machine.", "")
}

// checkPack opens the runtime pack, and asks its runc whether it can run.
func checkPack(o Options) []host.Finding {
	const name = "runtime pack"
	opened, err := o.Pack()
	if err != nil {
		return []host.Finding{host.Found(name, host.Failure, "There is no runtime pack that can be used.",
			"Build one with `make pack` (minutes, needs a network), or bring one: `wheelhouse pack import FILE`.")}
	}
	program, _, err := opened.Program(pack.HostRunc)
	if err != nil {
		return []host.Finding{host.Found(name, host.Failure, err.Error(), "Check the pack: wheelhouse pack verify.")}
	}
	if err := command.Run(exec.Command(program, "--version")); err != nil {
		return []host.Finding{host.Found(name, host.Failure, fmt.Sprintf("The pack's runc does not run here: %v.", err), "Check the pack: wheelhouse pack verify.")}
	}
	return []host.Finding{host.Found(name, host.OK, fmt.Sprintf("Kubernetes %s, %d images, in %s.", opened.Manifest().Kubernetes, len(opened.Manifest().Images), opened.Dir()), "")}
}

// checkNamespaces looks whether the kernel lets user namespaces be made.
func checkNamespaces() host.Finding {
	const name = "user namespaces"
	for _, setting := range []struct{ path, off, next string }{
		{"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"},
	} {
		text, err := os.ReadFile(setting.path)
		if err == nil && strings.TrimSpace(string(text)) == setting.off && (os.Geteuid() != 0 || strings.HasSuffix(setting.path, "max_user_namespaces")) {
			return host.Found(name, host.Failure, "This kernel is told not to make user namespaces, which keep clusters apart from the machine.", setting.next)
		}
	}
	if _, err := os.Stat("/proc/self/ns/user"); err != nil {
		return host.Found(name, host.Failure, "This kernel has no user namespaces, which keep clusters apart from the machine.", "Use another kernel, or --provider kind.")
	}
	return host.Found(name, host.OK, "Each cluster gets one with ids that nobody else on this machine has.", "")
}

// The first kernel in which overlayfs takes layers from mounts with mapped ids
// (kernelnewbies.org/Linux_5.19, section File systems).
const leastMajor, leastMinor = 5, 19

func checkKernel() host.Finding {
	const name = "kernel"
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		return host.Found(name, host.Warning, "The kernel does not tell its version.", "Clusters need Linux 5.19 or newer.")
	}
	release := unix.ByteSliceToString(names.Release[:])
	if !atLeast(release, leastMajor, leastMinor) {
		return host.Found(name, host.Failure, "Linux "+release+" is too old for clusters without a container engine.", "Use Linux 5.19 or newer, or --provider kind.")
	}
	return host.Found(name, host.OK, "Linux "+release+".", "")
}

// atLeast compares the first two numbers of a kernel's release.
func atLeast(release string, major, minor int) bool {
	var gotMajor, gotMinor int
	if _, err := fmt.Sscanf(release, "%d.%d", &gotMajor, &gotMinor); err != nil {
		return false
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}

func checkCgroups() host.Finding {
	const name = "control groups"
	switch groups := thisMachine(); {
	case groups.systemd:
		return host.Found(name, host.OK, "cgroup v2, with systemd: clusters are scopes in wheelhouse.slice.", "")
	case groups.version == 2:
		return host.Found(name, host.OK, "cgroup v2, without systemd.", "")
	}
	for _, controller := range []string{"cpu", "cpuset", "memory", "pids", "devices", "freezer"} {
		if _, err := os.Stat(filepath.Join("/sys/fs/cgroup", controller)); err != nil {
			return host.Found(name, host.Failure, "The controller "+controller+" is not mounted, so clusters cannot be held to limits.",
				"Start the machine with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or mount the controllers below /sys/fs/cgroup.")
		}
	}
	return host.Found(name, host.Warning, "cgroup v1. Clusters are set up for it, but coming versions of Kubernetes need cgroup v2.",
		"Start the machine with systemd.unified_cgroup_hierarchy=1 when you can.")
}

// checkDisks looks for what makes clusters' disks.
func checkDisks() host.Finding {
	const name = "disks of clusters"
	if err := lookForDisks(); err != nil {
		return host.Found(name, host.Failure, fmt.Sprintf("Clusters cannot have disks of their own: %v.", err), remedy(trialDisks, err.Error()))
	}
	return host.Found(name, host.OK, "Each cluster has some of its own, with a limit.", "")
}

func checkMemory() host.Finding {
	const name = "memory"
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return host.Found(name, host.Warning, "The kernel does not tell how much memory there is.", "Clusters need about 2 GB.")
	}
	total := uint64(info.Totalram) * uint64(info.Unit)
	gigabytes := float64(total) / (1 << 30)
	if total < leastMemory {
		return host.Found(name, host.Failure, fmt.Sprintf("This machine has %.1f GB, too little for a cluster.", gigabytes), "Use a machine with 2 GB or more.")
	}
	return host.Found(name, host.OK, fmt.Sprintf("This machine has %.1f GB.", gigabytes), "")
}

// existing returns the nearest folder above dir that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
