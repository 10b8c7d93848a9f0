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
// cluster's ids are mapped to a range that is nobody's on the host, and the pack
// and the cluster's folder as all that it sees of the host's files.
func (p *Provider) spec(r record) *specs.Spec {
	folder := p.store.folder(r.Name)
	spec := machine.NewSpec(r.Name, filepath.Join(p.options.RunDir, emptyRoot), cgroupPath(r), machine.Capabilities,
		machine.Program, "init", machine.Program, "cluster")
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: r.IDs.First, Size: idCount}}
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = ids, ids
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=755", "size=64m"}},
		specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=64m"}},
		specs.Mount{Destination: machine.Program, Type: "bind", Source: filepath.Join(folder, bundleFolder, programFile),
			Options: []string{"bind", "ro", "nodev"}},
		// The files of the pack belong to the host's root; here they have to belong to
		// the cluster's, without a copy for each cluster.
		specs.Mount{Destination: machine.PackDir, Type: "bind", Source: r.Pack, Options: []string{"rbind", "ro", "nodev"},
			UIDMappings: ids, GIDMappings: ids},
		specs.Mount{Destination: machine.ClusterDir, Type: "bind", Source: filepath.Join(folder, clusterFolder),
			Options: []string{"rbind", "nodev"}},
	)
	limits := p.options.Limits
	spec.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &limits.Memory},
		Pids:   &specs.LinuxPids{Limit: &limits.PIDs},
	}
	if limits.CPUs > 0 {
		const period = 100_000 // microseconds
		p, quota := uint64(period), limits.CPUs*period
		spec.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &quota, Period: &p}
	}
	return spec
}

// emptyRoot, in the run folder, is the root of every cluster's outermost container: nothing but the
// places of its mounts. runc looks its way there as the cluster's root user, who
// cannot pass through this user's folders.
const emptyRoot = "rootfs"

// makeEmptyRoot makes emptyRoot where it is missing.
func makeEmptyRoot(runDir string) error {
	root := filepath.Join(runDir, emptyRoot)
	for _, dir := range []string{"proc", "dev", "sys", "run", "tmp", "pack", "cluster"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	// Whatever this process's mask is.
	if err := errors.Join(os.Chmod(runDir, 0o711), os.Chmod(root, 0o755)); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(root, machine.Program), os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	return file.Close()
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
	if err := os.WriteFile(filepath.Join(bundle, programFile), p.options.Machine, 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(p.spec(r))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600)
}

const programFile = "wheelhouse-machine"
