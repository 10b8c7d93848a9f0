// Package capacity has a kubelet report what its node has of the cluster, not what
// the machine below has. cAdvisor, which the kubelet asks, reads /proc/meminfo and
// counts processors, and both are the machine's in every container.
package capacity

import (
	"fmt"
	"os"
	"strconv"

	info "github.com/google/cadvisor/info/v1"
	infov2 "github.com/google/cadvisor/info/v2"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
)

// Capacity is what a node has. A zero field means as much as the machine.
type Capacity struct {
	Memory uint64 // bytes
	CPUs   int
}

// The variables that FromEnvironment reads. Package machine sets them.
const (
	memoryVariable = "WHEELHOUSE_NODE_MEMORY" // bytes
	cpusVariable   = "WHEELHOUSE_NODE_CPUS"
)

// FromEnvironment returns the capacity that this process's environment names.
func FromEnvironment() (Capacity, error) {
	var c Capacity
	if text := os.Getenv(memoryVariable); text != "" {
		memory, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return Capacity{}, fmt.Errorf("%s: %w", memoryVariable, err)
		}
		c.Memory = memory
	}
	if text := os.Getenv(cpusVariable); text != "" {
		cpus, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return Capacity{}, fmt.Errorf("%s: %w", cpusVariable, err)
		}
		c.CPUs = int(cpus)
	}
	return c, nil
}

// Limit returns a cAdvisor that answers as the given one does, but for the size of
// the node. A capacity that is larger than the machine's changes nothing.
func (c Capacity) Limit(machine cadvisor.Interface) cadvisor.Interface {
	return &limited{Interface: machine, capacity: c}
}

type limited struct {
	cadvisor.Interface
	capacity Capacity
}

// MachineInfo is what the node's capacity, and with it the reserves, the pods'
// control group and the scores of the OOM killer are computed from.
func (l *limited) MachineInfo() (*info.MachineInfo, error) {
	machine, err := l.Interface.MachineInfo()
	if err != nil {
		return nil, err
	}
	if l.capacity.Memory > 0 {
		machine.MemoryCapacity = min(machine.MemoryCapacity, l.capacity.Memory)
	}
	if l.capacity.CPUs > 0 {
		machine.NumCores = min(machine.NumCores, l.capacity.CPUs)
	}
	return machine, nil
}

// ContainerInfoV2 is what evictions are decided by.
func (l *limited) ContainerInfoV2(name string, options infov2.RequestOptions) (map[string]infov2.ContainerInfo, error) {
	containers, err := l.Interface.ContainerInfoV2(name, options)
	if l.capacity.Memory == 0 {
		return containers, err
	}
	machine, machineErr := l.Interface.MachineInfo()
	if machineErr != nil {
		return containers, machineErr
	}
	for name, container := range containers {
		l.limit(machine, &container.Spec.Memory.Limit)
		containers[name] = container
	}
	return containers, err // of some containers only
}

// GetRequestedContainersInfo is what /metrics/cadvisor shows.
func (l *limited) GetRequestedContainersInfo(name string, options infov2.RequestOptions) (map[string]*info.ContainerInfo, error) {
	containers, err := l.Interface.GetRequestedContainersInfo(name, options)
	if l.capacity.Memory == 0 {
		return containers, err
	}
	machine, machineErr := l.Interface.MachineInfo()
	if machineErr != nil {
		return containers, machineErr
	}
	for _, container := range containers {
		if container != nil {
			l.limit(machine, &container.Spec.Memory.Limit)
		}
	}
	return containers, err
}

// limit changes the limit of a control group that has none of its own: cAdvisor
// gives it, and the node's topmost one, the machine's memory.
func (l *limited) limit(machine *info.MachineInfo, limit *uint64) {
	if *limit == machine.MemoryCapacity {
		*limit = min(*limit, l.capacity.Memory)
	}
}
