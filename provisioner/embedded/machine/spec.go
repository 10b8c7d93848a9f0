package machine

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Capabilities lists every capability that Linux has; a user namespace grants
// them over itself only.
var Capabilities = []string{
	"CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_AUDIT_WRITE", "CAP_BLOCK_SUSPEND", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
	"CAP_KILL", "CAP_LEASE", "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_RAW", "CAP_PERFMON", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
	"CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYSLOG", "CAP_SYS_MODULE", "CAP_SYS_NICE",
	"CAP_SYS_PACCT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM",
}

// NewSpec returns what every container here has: namespaces of its own, kernel
// file systems, and a program that may do what capabilities allow.
func NewSpec(hostname, rootfs, cgroup string, capabilities []string, args ...string) *specs.Spec {
	sets := &specs.LinuxCapabilities{Bounding: capabilities, Effective: capabilities, Permitted: capabilities}
	return &specs.Spec{
		Version:  specs.Version,
		Hostname: hostname,
		Root:     &specs.Root{Path: rootfs},
		Process: &specs.Process{
			Args:         args,
			Cwd:          "/",
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Capabilities: sets,
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=64m"}},
			{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: cgroup,
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.NetworkNamespace},
				{Type: specs.UTSNamespace}, {Type: specs.IPCNamespace}, {Type: specs.CgroupNamespace},
			},
			Resources: &specs.LinuxResources{},
		},
	}
}

// bind mounts a folder or file of the outside at destination.
func bind(source, destination string, options ...string) specs.Mount {
	return specs.Mount{Source: source, Destination: destination, Type: "bind", Options: append([]string{"rbind", "nodev"}, options...)}
}

// memoryFS mounts an empty file system in memory at destination.
func memoryFS(destination string, options ...string) specs.Mount {
	return specs.Mount{Source: "tmpfs", Destination: destination, Type: "tmpfs", Options: append([]string{"nodev"}, options...)}
}

// ownUsers gives a container of the cluster a user namespace of its own. It has every
// right over itself, and none over the outermost process: not over the mounts that
// it was given, whose read-only flags are locked, nor over files, descriptors and
// limits.
func ownUsers(spec *specs.Spec) {
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: NodeIDs, Size: NodeIDs}}
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = ids, ids
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
}

// What a node sees beside its own folders.
const (
	nodeProgram     = "/wheelhouse-machine"          // this program
	nodeDescription = "/etc/wheelhouse-cluster.json" // the cluster's
	nodeImages      = "/var/lib/wheelhouse/images"   // what the pack's containerd held, read-only
	nodeHandover    = "/var/lib/wheelhouse/handover" // HandoverFolder
)

// nodeSpec describes the container of a node, whose file system is mounted at root.
func (c *Cluster) nodeSpec(n *Node, root string) *specs.Spec {
	folder := nodeFolder(n.Name)
	spec := NewSpec(n.Name, root, "/"+n.Name, Capabilities, nodeProgram, "init", nodeProgram, "node", n.Name)
	ownUsers(spec)
	spec.Linux.RootfsPropagation = "shared" // what kubelet mounts, containers have to see
	spec.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "0"}
	spec.Linux.Devices = nil
	spec.Process.Env = append(spec.Process.Env, c.resources.environment()...)
	// Pods that are privileged get what the cluster has, and that is no device.
	spec.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	spec.Mounts = append(spec.Mounts,
		memoryFS("/run", "nosuid", "mode=755", "size=512m"),
		memoryFS("/tmp", "nosuid", "mode=1777", "size=1g"),
		bind(Program, nodeProgram, "ro"),
		bind(ClusterDir+"/"+DescriptionFile, nodeDescription, "ro"),
		bind(PackDir+"/containerd", nodeImages, "ro"),
		bind(ClusterDir+"/"+HandoverFolder, nodeHandover),
		bind(folder+"/kubernetes", "/etc/kubernetes"),
		bind(folder+"/kubelet", "/var/lib/kubelet", "rshared"),
		bind(folder+"/containerd", "/var/lib/containerd"),
		bind(folder+"/log", "/var/log"),
		bind(folder+"/cni", "/var/lib/cni"),
		bind(folder+"/storage", "/var/local-path-provisioner"),
	)
	if n.Control {
		spec.Mounts = append(spec.Mounts, bind(EtcdDir, "/var/lib/etcd"))
	}
	spec.Hooks = attachHook()
	return spec
}

// StudentUID is the user of the workstation's shells, inside the cluster.
const StudentUID = 1000

// Limits of one workstation, as those of the kind provider.
const (
	workstationMemory = 768 << 20 // bytes; files in its home and /tmp count
	workstationPIDs   = 512
	cpuPeriod         = 100_000 // microseconds; the quota is as much: one CPU
)

// workstationSpec describes the container that terminals open on: no rights over
// the cluster's namespaces, and nothing that can be written but home and /tmp.
func (c *Cluster) workstationSpec() *specs.Spec {
	// What the agent, which is root, needs to start shells as the student, to end
	// them, and to put files into the student's home.
	agent := []string{"CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"}
	spec := NewSpec(workstationName, PackDir+"/workstation", "/"+workstationName, agent,
		"/usr/local/bin/wheelhouse-agent", "serve", "--socket-fd", "3", "--user", "student")
	ownUsers(spec)
	spec.Root.Readonly = true
	spec.Process.NoNewPrivileges = true
	spec.Process.Cwd = "/home/student"
	spec.Process.Env = append(spec.Process.Env, "LANG=C.UTF-8", "KUBE_EDITOR=/usr/local/bin/editor", "EDITOR=/usr/local/bin/editor", "LESS=-R")
	owner := fmt.Sprintf("uid=%d", StudentUID)
	spec.Mounts = append(spec.Mounts,
		memoryFS("/tmp", "nosuid", "mode=1777", "size=64m"),
		memoryFS("/home/student", "nosuid", "mode=0700", "size=256m", owner, "g"+owner[1:]),
		bind(ClusterDir+"/"+AgentFile, "/usr/local/bin/wheelhouse-agent", "ro", "nosuid"),
		bind(ClusterDir+"/"+HostsFile, "/etc/hosts", "ro"),
		bind(ClusterDir+"/"+ResolvFile, "/etc/resolv.conf", "ro"),
	)
	// Control groups are nothing that a student's shell needs to see.
	spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool { return m.Destination == "/sys/fs/cgroup" })
	memory, pids, quota, period := c.shares.Workstation, int64(workstationPIDs), int64(cpuPeriod), uint64(cpuPeriod)
	spec.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &memory, Swap: &memory},
		Pids:   &specs.LinuxPids{Limit: &pids},
		CPU:    &specs.LinuxCPU{Quota: &quota, Period: &period},
	}
	spec.Linux.MaskedPaths = []string{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"}
	spec.Linux.Seccomp = workstationSeccomp()
	spec.Linux.ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	spec.Hooks = attachHook()
	return spec
}

const workstationName = "workstation"

// attachHook has runc call Attach once a container's namespaces are there.
func attachHook() *specs.Hooks {
	return &specs.Hooks{CreateRuntime: []specs.Hook{{Path: Program, Args: []string{Program, "attach"}}}}
}

func nodeFolder(name string) string { return ClusterDir + "/nodes/" + name }
