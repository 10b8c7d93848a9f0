package kind

import (
	"context"
	"fmt"
	"os"
	"strings"

	"wheelhouse/provisioner/host"
)

// What a machine should have: a cluster of one node takes about 700 MB with a
// student at work.
const (
	clusterMemory = 700 << 20
	wantMemory    = 4 << 30
	leastMemory   = 2 << 30
	clusterDisk   = 3 << 30
)

// Doctor looks at everything that clusters need on this machine. It changes
// nothing. It blocks for a few seconds, or as long as an engine takes that hangs.
func Doctor(ctx context.Context, options Options) []host.Finding {
	findings := []host.Finding{checkAgent(options), host.CheckData(options.DataDir)}
	e, err := detect(ctx, options.Runtime)
	if err != nil {
		return append(findings, failure("container engine", err))
	}
	findings = append(findings, host.Finding{Name: "container engine", Status: host.OK,
		Message: fmt.Sprintf("%s %s answers, on %s.", e.name, e.info.Version, orUnknown(e.info.System))})
	findings = append(findings, checkIsolation(e), checkCgroups(e))
	findings = append(findings, checkImages(ctx, e, options)...)
	findings = append(findings, checkMemory(e.info))
	if e.local() {
		findings = append(findings, host.CheckInotify(os.DirFS("/proc")), host.CheckDisk(e.info.Root, clusterDisk, "docker system df shows what takes it, docker system prune removes what is not used."))
	}
	return findings
}

// local reports whether the engine's machine is this one.
func (e *engine) local() bool {
	here, err := os.Hostname()
	_, procErr := os.Stat("/proc/self/status")
	return err == nil && procErr == nil && here == e.info.Host
}

func checkAgent(o Options) host.Finding {
	if len(o.Agent) == 0 {
		return host.Found("workstation agent", host.Failure, "This program was built without the workstation's agent.", "Build it with `make build`.")
	}
	return host.Found("workstation agent", host.OK, "It is built in.", "")
}

func checkIsolation(e *engine) host.Finding {
	if e.networkVariable() == "" {
		return host.Found("networks", host.Warning, "On "+e.name+" all clusters share one network, so students can reach each other's nodes.",
			"Use Docker or Podman where more than one person has a cluster.")
	}
	return host.Found("networks", host.OK, "Each cluster gets a network of its own.", "")
}

func checkCgroups(e *engine) host.Finding {
	const name = "kernel"
	machine := kernelOf(e)
	switch {
	case e.info.Rootless && machine.cgroupV1:
		return host.Found(name, host.Failure, "A rootless engine needs cgroup v2, and this machine has v1.",
			"Use the engine as root, or start the machine with systemd.unified_cgroup_hierarchy=1.")
	case machine.cgroupV1 && machine.lacksSysResource:
		return host.Found(name, host.Warning, "cgroup v1, and no CAP_SYS_RESOURCE. Clusters are set up for both, but coming versions of Kubernetes need cgroup v2.",
			"Use a machine with cgroup v2 when you can.")
	case machine.cgroupV1:
		return host.Found(name, host.Warning, "cgroup v1. Clusters are set up for it, but coming versions of Kubernetes need cgroup v2.",
			"Start the machine with systemd.unified_cgroup_hierarchy=1 when you can.")
	case machine.lacksSysResource:
		return host.Found(name, host.OK, "cgroup v2, and no CAP_SYS_RESOURCE: clusters are set up for that.", "")
	}
	return host.Found(name, host.OK, "cgroup v2.", "")
}

// checkImages looks for the node image and the workstation image made from it.
func checkImages(ctx context.Context, e *engine, o Options) []host.Finding {
	p := &Provider{options: o}
	ref, here, err := p.nodeImage(ctx, e)
	if err != nil {
		return []host.Finding{failure("node image", err)}
	}
	short, _, _ := strings.Cut(ref, "@")
	if !here {
		return []host.Finding{host.Found("node image", host.Warning, short+" is not on this machine.",
			fmt.Sprintf("It is downloaded with the first cluster; without a network, load it from a file (%s load -i FILE), or make one of the runtime pack: wheelhouse pack node-image.", e.name))}
	}
	findings := []host.Finding{host.Found("node image", host.OK, short+" is here.", "")}
	id, err := e.imageID(ctx, ref)
	if err != nil {
		return findings
	}
	tag := p.workstationTag(id)
	if _, err := e.imageID(ctx, tag); err == nil {
		return append(findings, host.Found("workstation image", host.OK, tag+" is here.", ""))
	}
	if _, err := e.imageID(ctx, tag+basic); err == nil {
		return append(findings, host.Found("workstation image", host.Warning,
			"It was built without a network and has neither nano nor the full completion.",
			"Nothing: the first cluster after the next start builds it again, when a package mirror can be reached."))
	}
	return append(findings, host.Found("workstation image", host.OK, "It is built with the first cluster, in about half a minute.", ""))
}

func checkMemory(i info) host.Finding {
	const name = "memory"
	gigabytes := float64(i.Memory) / (1 << 30)
	message := fmt.Sprintf("The engine's machine has %.1f GB, enough for about %d clusters at once.", gigabytes, max(0, (i.Memory-1<<30)/clusterMemory))
	switch {
	case i.Memory == 0:
		return host.Found(name, host.Warning, "The engine does not say how much its machine has.", "Give it at least 4 GB.")
	case i.Memory < leastMemory:
		return host.Found(name, host.Failure, fmt.Sprintf("The engine's machine has %.1f GB, too little for a cluster.", gigabytes), "Give the engine at least 4 GB.")
	case i.Memory < wantMemory:
		return host.Found(name, host.Warning, message, "Give the engine 4 GB or more if you can.")
	}
	return host.Found(name, host.OK, message, "")
}

// failure makes a finding of an Error: its first sentence says what happened,
// the others what to do.
func failure(name string, err error) host.Finding {
	what, next, _ := strings.Cut(explain(err, "look at this machine").Message, ". ")
	return host.Found(name, host.Failure, strings.TrimSuffix(what, ".")+".", next)
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown system"
	}
	return s
}
