package kind

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Status is how a doctor's finding is to be taken.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // clusters work, but something is worse than it could be
	Failure Status = "error"   // no cluster can be made
)

// Finding is one thing that Doctor looked at.
type Finding struct {
	Name    string // what was looked at: "container engine"
	Status  Status
	Message string // what was found, a sentence
	Next    string // what to do about it; empty when OK
}

// What a machine should have. The inotify limits are those that kind's known
// issues name; a cluster of one node takes about 700 MB with a student at work.
const (
	wantWatches     = 524288
	wantInstances   = 512
	clusterMemory   = 700 << 20
	wantMemory      = 4 << 30
	leastMemory     = 2 << 30
	wantDisk        = 10 << 30
	leastDisk       = 3 << 30
	inotifyPath     = "sys/fs/inotify/" // under /proc
	watchesSetting  = "fs.inotify.max_user_watches"
	instanceSetting = "fs.inotify.max_user_instances"
)

// Doctor looks at everything that clusters need on this machine. It changes
// nothing. It blocks for a few seconds, or as long as an engine takes that hangs.
func Doctor(ctx context.Context, options Options) []Finding {
	findings := []Finding{checkAgent(options), checkData(options.DataDir)}
	e, err := detect(ctx, options.Runtime)
	if err != nil {
		return append(findings, failure("container engine", err))
	}
	findings = append(findings, Finding{Name: "container engine", Status: OK,
		Message: fmt.Sprintf("%s %s answers, on %s.", e.name, e.info.Version, orUnknown(e.info.System))})
	findings = append(findings, checkIsolation(e), checkCgroups(e))
	findings = append(findings, checkImages(ctx, e, options)...)
	findings = append(findings, checkMemory(e.info))
	if e.local() {
		findings = append(findings, checkInotify(os.DirFS("/proc")), checkDisk(e.info.Root))
	}
	return findings
}

// local reports whether the engine's machine is this one.
func (e *engine) local() bool {
	here, err := os.Hostname()
	_, procErr := os.Stat("/proc/self/status")
	return err == nil && procErr == nil && here == e.info.Host
}

func checkAgent(o Options) Finding {
	if len(o.Agent) == 0 {
		return Finding{"workstation agent", Failure, "This program was built without the workstation's agent.", "Build it with `make build`."}
	}
	return Finding{"workstation agent", OK, "It is built in.", ""}
}

func checkData(dir string) Finding {
	const name = "data directory"
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Finding{name, Failure, err.Error(), "Choose another data directory."}
	}
	// The nearest folder that is there has to let us in.
	there := dir
	for {
		stat, err := os.Stat(there)
		if err == nil && !stat.IsDir() {
			return Finding{name, Failure, there + " is not a folder.", "Choose another data directory."}
		}
		if err == nil || filepath.Dir(there) == there {
			break
		}
		there = filepath.Dir(there)
	}
	if !writable(there) {
		return Finding{name, Failure, "This user cannot write to " + there + ".", "Change its owner, or choose another data directory."}
	}
	return Finding{name, OK, dir + " can be written to.", ""}
}

func checkIsolation(e *engine) Finding {
	if e.networkVariable() == "" {
		return Finding{"networks", Warning, "On " + e.name + " all clusters share one network, so students can reach each other's nodes.",
			"Use Docker or Podman where more than one person has a cluster."}
	}
	return Finding{"networks", OK, "Each cluster gets a network of its own.", ""}
}

func checkCgroups(e *engine) Finding {
	const name = "kernel"
	h := hostOf(e)
	switch {
	case e.info.Rootless && h.cgroupV1:
		return Finding{name, Failure, "A rootless engine needs cgroup v2, and this machine has v1.",
			"Use the engine as root, or start the machine with systemd.unified_cgroup_hierarchy=1."}
	case h.cgroupV1 && h.lacksSysResource:
		return Finding{name, Warning, "cgroup v1, and no CAP_SYS_RESOURCE. Clusters are set up for both, but coming versions of Kubernetes need cgroup v2.",
			"Use a machine with cgroup v2 when you can."}
	case h.cgroupV1:
		return Finding{name, Warning, "cgroup v1. Clusters are set up for it, but coming versions of Kubernetes need cgroup v2.",
			"Start the machine with systemd.unified_cgroup_hierarchy=1 when you can."}
	case h.lacksSysResource:
		return Finding{name, OK, "cgroup v2, and no CAP_SYS_RESOURCE: clusters are set up for that.", ""}
	}
	return Finding{name, OK, "cgroup v2.", ""}
}

// checkImages looks for the node image and the workstation image made from it.
func checkImages(ctx context.Context, e *engine, o Options) []Finding {
	p := &Provider{options: o}
	ref, here, err := p.nodeImage(ctx, e)
	if err != nil {
		return []Finding{failure("node image", err)}
	}
	short, _, _ := strings.Cut(ref, "@")
	if !here {
		return []Finding{{"node image", Warning, short + " is not on this machine.",
			fmt.Sprintf("It is downloaded with the first cluster; without a network, load it from a file: %s load -i FILE.", e.name)}}
	}
	findings := []Finding{{"node image", OK, short + " is here.", ""}}
	id, err := e.imageID(ctx, ref)
	if err != nil {
		return findings
	}
	tag := p.workstationTag(id)
	if _, err := e.imageID(ctx, tag); err == nil {
		return append(findings, Finding{"workstation image", OK, tag + " is here.", ""})
	}
	if _, err := e.imageID(ctx, tag+basic); err == nil {
		return append(findings, Finding{"workstation image", Warning,
			"It was built without a network and has neither nano nor the full completion.",
			"Nothing: the first cluster after the next start builds it again, when a package mirror can be reached."})
	}
	return append(findings, Finding{"workstation image", OK, "It is built with the first cluster, in about half a minute.", ""})
}

func checkMemory(i info) Finding {
	const name = "memory"
	gigabytes := float64(i.Memory) / (1 << 30)
	message := fmt.Sprintf("The engine's machine has %.1f GB, enough for about %d clusters at once.", gigabytes, max(0, (i.Memory-1<<30)/clusterMemory))
	switch {
	case i.Memory == 0:
		return Finding{name, Warning, "The engine does not say how much its machine has.", "Give it at least 4 GB."}
	case i.Memory < leastMemory:
		return Finding{name, Failure, fmt.Sprintf("The engine's machine has %.1f GB, too little for a cluster.", gigabytes), "Give the engine at least 4 GB."}
	case i.Memory < wantMemory:
		return Finding{name, Warning, message, "Give the engine 4 GB or more if you can."}
	}
	return Finding{name, OK, message, ""}
}

// checkInotify reads the limits that kind's nodes share with the whole machine.
func checkInotify(proc fs.FS) Finding {
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

func checkDisk(root string) Finding {
	const name = "disk"
	free, known := freeDisk(root)
	if !known {
		return Finding{name, OK, "It cannot be looked at from here.", ""}
	}
	message := fmt.Sprintf("%.1f GB are free in %s.", float64(free)/(1<<30), root)
	next := "Free some: docker system df shows what takes it, docker system prune removes what is not used."
	switch {
	case free < leastDisk:
		return Finding{name, Failure, message + " A cluster takes up to 3 GB.", next}
	case free < wantDisk:
		return Finding{name, Warning, message, next}
	}
	return Finding{name, OK, message, ""}
}

// failure makes a finding of an Error: its first sentence says what happened,
// the others what to do.
func failure(name string, err error) Finding {
	what, next, _ := strings.Cut(explain(err, "look at this machine").Message, ". ")
	return Finding{name, Failure, strings.TrimSuffix(what, ".") + ".", next}
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown system"
	}
	return s
}
