package embedded

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"wheelhouse/provisioner/embedded/machine"
)

// spec describes a cluster's outermost container: a user namespace in which the
// cluster's ids are mapped to a range that no user of the host has, and the pack's
// image and the cluster's two disks as all that it sees of the host's files.
func (p *Provider) spec(r record) *specs.Spec {
	folder := p.store.folder(r.Name)
	groups := thisMachine()
	spec := machine.NewSpec(r.Name, filepath.Join(p.options.RunDir, emptyRoot), groups.path(r.Container), machine.Capabilities,
		machine.Program, "init", machine.Program, "cluster")
	spec.Root.Readonly = true
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: r.IDs.First, Size: idCount}}
	nodeIDs := []specs.LinuxIDMapping{{ContainerID: 0, HostID: uint32(r.IDs.nodes()), Size: machine.NodeIDs}}
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = ids, ids
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=755", "size=64m"}},
		specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=64m"}},
		// The files of the image have ids that the cluster does not have; a node's root has
		// to own its system all the same. No mount of the image can be written to.
		specs.Mount{Destination: machine.PackDir, Type: "bind", Source: filepath.Join(folder, packFolder), Options: []string{"bind", "ro", "nodev"},
			UIDMappings: nodeIDs, GIDMappings: nodeIDs},
		specs.Mount{Destination: machine.ClusterDir, Type: "bind", Source: filepath.Join(folder, clusterFolder), Options: []string{"bind", "nodev"}},
		specs.Mount{Destination: machine.EtcdDir, Type: "bind", Source: filepath.Join(folder, etcdFolder), Options: []string{"bind", "nodev"}},
	)
	spec.Annotations = groups.annotations(r.Name)
	limits := p.options.Limits
	spec.Linux.Resources = &specs.LinuxResources{
		Memory: groups.memory(limits.Memory),
		Pids:   &specs.LinuxPids{Limit: &limits.PIDs},
	}
	if limits.CPUs > 0 {
		const period = 100_000 // microseconds
		p, quota := uint64(period), limits.CPUs*period
		spec.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &quota, Period: &p}
	}
	spec.Linux.Seccomp = machine.ClusterSeccomp()
	return spec
}

// emptyRoot, in the run folder, is the root of every cluster's outermost container: nothing but the
// places of its mounts. runc looks its way there as the cluster's root user, who
// cannot pass through this user's folders.
const emptyRoot = "rootfs"

// makeEmptyRoot makes emptyRoot where it is missing.
func makeEmptyRoot(runDir string) error {
	root := filepath.Join(runDir, emptyRoot)
	for _, dir := range []string{"proc", "dev", "sys", "run", "tmp", "pack", "cluster", "etcd"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	// Whatever this process's mask is.
	return errors.Join(os.Chmod(runDir, 0o711), os.Chmod(root, 0o755))
}

// writeBundle writes what runc needs of the outermost container.
func (p *Provider) writeBundle(r record) error {
	if err := makeEmptyRoot(p.options.RunDir); err != nil {
		return err
	}
	bundle := filepath.Join(p.store.folder(r.Name), bundleFolder)
	if err := os.MkdirAll(bundle, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(p.spec(r))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600)
}
