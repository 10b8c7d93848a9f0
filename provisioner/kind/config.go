package kind

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"wheelhouse/provisioner"
)

// clusterConfig is what kind is asked to make.
func clusterConfig(name, image string, port int, spec provisioner.Spec, h kernel) *v1alpha4.Cluster {
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
	config.KubeadmConfigPatchesJSON6902 = componentPatches(h.lacksSysResource)
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

// argument is a flag of a control plane component.
type argument struct{ name, value string }

// controllerArguments let a controller manager start faster and stay. With a
// lease, the only one of a cluster ends itself when a busy machine keeps it from
// renewing that, and then waits 15 s until it has run out. With the usual limit
// of 20 requests a second it takes 5 s to make its controllers' accounts before
// the first controller runs.
var controllerArguments = []argument{{"leader-elect", "false"}, {"kube-api-qps", "200"}, {"kube-api-burst", "400"}}

// schedulerArguments spare the only scheduler the lease, too.
var schedulerArguments = []argument{{"leader-elect", "false"}}

// componentPatches adds the arguments to kind's configuration for kubeadm, which
// holds extraArgs as a list since v1beta4 and as a map before, and leaves the
// scheduler's empty where no feature gate is set.
func componentPatches(gates bool) []v1alpha4.PatchJSON6902 {
	patches := []v1alpha4.PatchJSON6902{
		{Group: "kubeadm.k8s.io", Version: "v1beta4", Kind: "ClusterConfiguration"},
		{Group: "kubeadm.k8s.io", Version: "v1beta3", Kind: "ClusterConfiguration"},
	}
	for i, empty := range []string{"[]", "{}"} {
		var operations []string
		add := func(path, value string) {
			operations = append(operations, fmt.Sprintf(`{"op": "add", "path": %q, "value": %s}`, path, value))
		}
		if !gates {
			add("/scheduler/extraArgs", empty)
		}
		for component, arguments := range map[string][]argument{
			"controllerManager": controllerArguments,
			"scheduler":         schedulerArguments,
		} {
			for _, a := range arguments {
				path := "/" + component + "/extraArgs/"
				if empty == "[]" {
					add(path+"-", fmt.Sprintf(`{"name": %q, "value": %q}`, a.name, a.value))
				} else {
					add(path+a.name, strconv.Quote(a.value))
				}
			}
		}
		patches[i].Patch = "[" + strings.Join(operations, ",") + "]"
	}
	return patches
}

// kernel is what the engine's machine lacks and kubelet has to be told about.
type kernel struct {
	cgroupV1         bool
	lacksSysResource bool // kubelet cannot lower an OOM score, nor raise a limit
}

// sysResource is the number of CAP_SYS_RESOURCE in linux/capability.h.
const sysResource = 24

// hostOf looks at the machine of an engine that has answered, without running a
// container there.
func kernelOf(e *engine) kernel {
	return kernel{
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
	if !e.local() {
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
