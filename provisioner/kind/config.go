package kind

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"wheelhouse/provisioner"
)

// clusterConfig is what kind is asked to make.
func clusterConfig(name, image string, port int, spec provisioner.Spec, h host) *v1alpha4.Cluster {
	config := &v1alpha4.Cluster{
		TypeMeta:   v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:       name,
		Nodes:      []v1alpha4.Node{{Role: v1alpha4.ControlPlaneRole, Image: image}},
		Networking: v1alpha4.Networking{APIServerAddress: "127.0.0.1", APIServerPort: int32(port)},
	}
	for range spec.Workers {
		config.Nodes = append(config.Nodes, v1alpha4.Node{Role: v1alpha4.WorkerRole, Image: image})
	}
	if h.lacksSysResource {
		config.FeatureGates = map[string]bool{"KubeletInUserNamespace": true}
	}
	if h.cgroupV1 {
		config.KubeadmConfigPatches = append(config.KubeadmConfigPatches, acceptCgroupV1)
	}
	return config
}

// acceptCgroupV1 lets kubelet run on a host with the first version of cgroups,
// which it refuses otherwise since 1.35.
const acceptCgroupV1 = `kind: KubeletConfiguration
failCgroupV1: false
`

// host is what the engine's machine lacks and kubelet has to be told about.
type host struct {
	cgroupV1         bool
	lacksSysResource bool // kubelet cannot lower an OOM score, nor raise a limit
}

// sysResource is the number of CAP_SYS_RESOURCE in linux/capability.h.
const sysResource = 24

// hostOf looks at the machine of an engine that has answered, without running a
// container there.
func hostOf(e *engine) host {
	return host{
		cgroupV1:         !e.info.CgroupV2,
		lacksSysResource: e.info.Rootless || !grantsSysResource(e, os.DirFS("/proc")),
	}
}

// grantsSysResource reports whether a privileged container of the engine can have
// CAP_SYS_RESOURCE: its bounding set is the engine's own. Of an engine elsewhere,
// in a virtual machine for example, it is taken for granted.
func grantsSysResource(e *engine, proc fs.FS) bool {
	if e.name == "docker" {
		if status := processStatus(proc, "dockerd"); status != nil {
			return hasCapability(status, sysResource)
		}
	}
	if here, err := os.Hostname(); err != nil || here != e.info.Host {
		return true
	}
	status, err := fs.ReadFile(proc, "self/status")
	return err != nil || hasCapability(status, sysResource)
}

// processStatus returns the status document of a process with that command name:
// nil where none is to be seen.
func processStatus(proc fs.FS, command string) []byte {
	names, _ := fs.Glob(proc, "[0-9]*/comm")
	for _, name := range names {
		if comm, err := fs.ReadFile(proc, name); err != nil || string(bytes.TrimSpace(comm)) != command {
			continue
		}
		if status, err := fs.ReadFile(proc, path.Dir(name)+"/status"); err == nil {
			return status
		}
	}
	return nil
}

// hasCapability reports whether the bounding set in a /proc/PID/status document
// holds the capability; a document without one is taken to hold all.
func hasCapability(status []byte, number uint) bool {
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("CapBnd:")); ok {
			set, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
			return err != nil || set>>number&1 == 1
		}
	}
	return true
}
