package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Resources are what a cluster, or one node, has of the machine.
type Resources struct {
	Memory int64 // bytes
	CPUs   int64 // 0 is as many as the machine has
}

// What is set aside of a cluster's memory before its pods get the rest, in bytes. An
// idle control plane's node has 300 MB in use that is no pod's, a worker's 100.
const (
	mebibyte        = 1 << 20
	outermostMemory = 64 * mebibyte  // of the cluster's first process
	controlReserved = 768 * mebibyte // etcd, API server and managers, kubelet, containerd; and what they grow by
	workerReserved  = 160 * mebibyte
	leastForPods    = 128 * mebibyte // on each node: the add-ons take 90

	// evictBelow is what a node has left of its pods' memory when it begins to evict,
	// kubelet's default. A node with little for pods takes a quarter of that.
	evictBelow = 100 * mebibyte
)

// Shares is how a cluster's memory is divided.
type Shares struct {
	Workstation int64 // bytes, its limit
	Control     Share // of the control plane's node
	Worker      Share // of each other node
	CPUs        int64 // that each node reports; 0 is as many as the machine has
}

// Share is the memory of one node, in bytes.
type Share struct {
	Memory   int64 // all of it, the node's capacity
	Reserved int64 // of Memory, for what is no pod
	Evict    int64 // of the rest, what is left when pods are evicted
}

// Pods is the limit of the pods' control group.
func (s Share) Pods() int64 { return s.Memory - s.Reserved }

// Allocatable is what the scheduler gives to pods.
func (s Share) Allocatable() int64 { return s.Pods() - s.Evict }

// Divide divides what a cluster has among its workstation and its nodes: first
// what each needs that is no pod, then the rest in equal parts for the nodes' pods.
// Only pods are held to their part by a limit of the kernel's, so what is set aside
// is there for the system and the system may take more while pods do not use theirs.
func Divide(all Resources, nodes int) (Shares, error) {
	shares := Shares{Workstation: min(workstationMemory, all.Memory/4), CPUs: all.CPUs}
	control, worker := min(controlReserved, all.Memory/4), min(workerReserved, all.Memory/16)
	system := outermostMemory + shares.Workstation + control + int64(nodes-1)*worker
	pods := (all.Memory - system) / int64(nodes) / mebibyte * mebibyte
	if pods < leastForPods {
		return Shares{}, fmt.Errorf("%d MiB of memory are too few for a cluster of %d nodes: it needs %d MiB",
			all.Memory/mebibyte, nodes, leastMemory(nodes)/mebibyte)
	}
	evict := min(evictBelow, pods/4)
	shares.Control = Share{Memory: control + pods, Reserved: control, Evict: evict}
	shares.Worker = Share{Memory: worker + pods, Reserved: worker, Evict: evict}
	return shares, nil
}

// leastMemory is enough for so many nodes.
func leastMemory(nodes int) int64 {
	return outermostMemory + workstationMemory + controlReserved + int64(nodes-1)*workerReserved + int64(nodes)*leastForPods
}

// of returns the share of a node.
func (s Shares) of(n *Node) Share {
	if n.Control {
		return s.Control
	}
	return s.Worker
}

// ownResources reads what the control group of the cluster's first process is
// limited to. It is that process's root group.
func ownResources() (Resources, error) { return resourcesAt("/sys/fs/cgroup") }

func resourcesAt(groups string) (Resources, error) {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return Resources{}, fmt.Errorf("ask how much memory there is: %w", err)
	}
	own := Resources{Memory: int64(uint64(machine.Totalram) * uint64(machine.Unit))}
	first := func(paths ...string) string {
		for _, path := range paths {
			if text, err := os.ReadFile(filepath.Join(groups, path)); err == nil {
				return strings.TrimSpace(string(text))
			}
		}
		return ""
	}
	// With version 2, then with version 1 of control groups. "max" is no number, and a
	// limit that is none is a very large one.
	if limit, err := strconv.ParseInt(first("memory.max", "memory/memory.limit_in_bytes"), 10, 64); err == nil {
		own.Memory = min(own.Memory, limit)
	}
	quota := strings.Fields(first("cpu.max", "cpu/cpu.cfs_quota_us"))
	if len(quota) == 1 {
		quota = append(quota, first("cpu/cpu.cfs_period_us"))
	}
	if len(quota) == 2 {
		used, errUsed := strconv.ParseInt(quota[0], 10, 64) // microseconds in each period; -1 and "max" are no limit
		period, errPeriod := strconv.ParseInt(quota[1], 10, 64)
		if errUsed == nil && errPeriod == nil && used > 0 && period > 0 {
			own.CPUs = max(1, used/period)
		}
	}
	return own, nil
}

// share has the cluster's first process know what it may divide.
func (c *Cluster) share() (err error) {
	if c.resources, err = ownResources(); err != nil {
		return err
	}
	c.shares, err = Divide(c.resources, len(c.Nodes))
	return err
}

// The variables of a node's first process that say what its cluster has; a node
// sees no control group but its own.
const (
	memoryVariable = "WHEELHOUSE_MEMORY" // bytes
	cpusVariable   = "WHEELHOUSE_CPUS"
)

// environment is how the cluster's first process tells a node.
func (r Resources) environment() []string {
	return []string{fmt.Sprintf("%s=%d", memoryVariable, r.Memory), fmt.Sprintf("%s=%d", cpusVariable, r.CPUs)}
}

// resourcesFromEnvironment is how a node reads it.
func resourcesFromEnvironment() (Resources, error) {
	memory, err := strconv.ParseInt(os.Getenv(memoryVariable), 10, 64)
	if err != nil {
		return Resources{}, fmt.Errorf("%s: %w", memoryVariable, err)
	}
	cpus, err := strconv.ParseInt(os.Getenv(cpusVariable), 10, 64)
	if err != nil {
		return Resources{}, fmt.Errorf("%s: %w", cpusVariable, err)
	}
	return Resources{Memory: memory, CPUs: cpus}, nil
}

// tellKubelet has the kubelet, which inherits this process's environment, report the
// node's share. Package capacity of provisioner/runtime/kubernetes reads it.
func (s Shares) tellKubelet(n *Node) error {
	return errors.Join(
		os.Setenv("WHEELHOUSE_NODE_MEMORY", strconv.FormatInt(s.of(n).Memory, 10)),
		os.Setenv("WHEELHOUSE_NODE_CPUS", strconv.FormatInt(s.CPUs, 10)),
	)
}

// nodeShares returns how the memory of the cluster is divided, on a node.
func (c *Cluster) nodeShares() (Shares, error) {
	all, err := resourcesFromEnvironment()
	if err != nil {
		return Shares{}, err
	}
	return Divide(all, len(c.Nodes))
}
