package capacity_test

import (
	"testing"

	info "github.com/google/cadvisor/info/v1"
	infov2 "github.com/google/cadvisor/info/v2"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"

	"wheelhouse/provisioner/runtime/kubernetes/capacity"
)

const (
	machineMemory = 24 << 30
	nodeMemory    = 1 << 30
	podMemory     = 64 << 20
	unlimited     = 1<<64 - 1
)

// machine is a cAdvisor with a root group, one with a limit, and one that has none.
type machine struct{ cadvisor.Interface }

func (machine) MachineInfo() (*info.MachineInfo, error) {
	return &info.MachineInfo{NumCores: 8, MemoryCapacity: machineMemory}, nil
}

var limits = map[string]uint64{"/": machineMemory, "/kubepods/pod": podMemory, "/kubepods/besteffort": unlimited}

func (machine) ContainerInfoV2(string, infov2.RequestOptions) (map[string]infov2.ContainerInfo, error) {
	all := map[string]infov2.ContainerInfo{}
	for name, limit := range limits {
		all[name] = infov2.ContainerInfo{Spec: infov2.ContainerSpec{HasMemory: true, Memory: infov2.MemorySpec{Limit: limit}}}
	}
	return all, nil
}

func (machine) GetRequestedContainersInfo(string, infov2.RequestOptions) (map[string]*info.ContainerInfo, error) {
	all := map[string]*info.ContainerInfo{"/gone": nil}
	for name, limit := range limits {
		all[name] = &info.ContainerInfo{Spec: info.ContainerSpec{HasMemory: true, Memory: info.MemorySpec{Limit: limit}}}
	}
	return all, nil
}

func TestLimit(t *testing.T) {
	tests := []struct {
		name       string
		capacity   capacity.Capacity
		wantMemory uint64
		wantCPUs   int
	}{
		{"nothing is said", capacity.Capacity{}, machineMemory, 8},
		{"a share", capacity.Capacity{Memory: nodeMemory, CPUs: 2}, nodeMemory, 2},
		{"more than there is", capacity.Capacity{Memory: 2 * machineMemory, CPUs: 16}, machineMemory, 8},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			node := test.capacity.Limit(machine{})
			got, err := node.MachineInfo()
			if err != nil {
				t.Fatal(err)
			}
			if got.MemoryCapacity != test.wantMemory || got.NumCores != test.wantCPUs {
				t.Errorf("got %d bytes and %d processors, want %d and %d", got.MemoryCapacity, got.NumCores, test.wantMemory, test.wantCPUs)
			}
			groups, err := node.ContainerInfoV2("/", infov2.RequestOptions{})
			if err != nil {
				t.Fatal(err)
			}
			requested, err := node.GetRequestedContainersInfo("/", infov2.RequestOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for name, limit := range limits {
				want := limit
				if name == "/" {
					want = test.wantMemory
				}
				if got := groups[name].Spec.Memory.Limit; got != want {
					t.Errorf("%s has the limit %d, want %d", name, got, want)
				}
				if got := requested[name].Spec.Memory.Limit; got != want {
					t.Errorf("as a metric %s has the limit %d, want %d", name, got, want)
				}
			}
		})
	}
}

func TestFromEnvironment(t *testing.T) {
	tests := []struct {
		memory, cpus string
		want         capacity.Capacity
		wrong        bool
	}{
		{"", "", capacity.Capacity{}, false},
		{"1073741824", "2", capacity.Capacity{Memory: 1 << 30, CPUs: 2}, false},
		{"1Gi", "", capacity.Capacity{}, true},
		{"", "-1", capacity.Capacity{}, true},
	}
	for _, test := range tests {
		t.Setenv("WHEELHOUSE_NODE_MEMORY", test.memory)
		t.Setenv("WHEELHOUSE_NODE_CPUS", test.cpus)
		got, err := capacity.FromEnvironment()
		if got != test.want || (err != nil) != test.wrong {
			t.Errorf("memory %q, CPUs %q: got %+v, %v, want %+v", test.memory, test.cpus, got, err, test.want)
		}
	}
}
