package kind_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
)

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name                       string
		spec                       provisioner.Spec
		cgroupV1, lacksSysResource bool
		nodes                      int
		patches                    int // of kubelet's configuration
	}{
		{"modern machine", provisioner.Spec{}, false, false, 1, 0},
		{"workers", provisioner.Spec{Workers: 2}, false, false, 3, 0},
		{"cgroup v1", provisioner.Spec{}, true, false, 1, 1},
		{"no CAP_SYS_RESOURCE", provisioner.Spec{}, false, true, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := kind.Config(c.spec, c.cgroupV1, c.lacksSysResource)
			if len(got.Nodes) != c.nodes || len(got.KubeadmConfigPatches) != c.patches || got.FeatureGates["KubeletInUserNamespace"] != c.lacksSysResource {
				t.Errorf("got %+v", got)
			}
			for _, patch := range got.KubeadmConfigPatchesJSON6902 {
				var operations []struct {
					Op, Path string
					Value    any
				}
				if err := json.Unmarshal([]byte(patch.Patch), &operations); err != nil || len(operations) < 4 {
					t.Errorf("patch for %s: %v: %s", patch.Version, err, patch.Patch)
				}
				// kind leaves the scheduler's arguments null without a feature gate.
				if makes := operations[0].Path == "/scheduler/extraArgs"; makes == c.lacksSysResource {
					t.Errorf("patch for %s: %s", patch.Version, patch.Patch)
				}
			}
		})
	}
}

func TestCapability(t *testing.T) {
	with, without := "Name:\tx\nCapBnd:\t000001ffffffffff\n", "Name:\tx\nCapBnd:\t000001fffeffffff\n"
	proc := fstest.MapFS{
		"1/comm":      {Data: []byte("init\n")},
		"1/status":    {Data: []byte(with)},
		"77/comm":     {Data: []byte("dockerd\n")},
		"77/status":   {Data: []byte(without)},
		"self/status": {Data: []byte(with)},
	}
	const sysResource = 24
	if status := kind.ProcessStatus(proc, "dockerd"); kind.HasCapability(status, sysResource) {
		t.Errorf("dockerd: got CAP_SYS_RESOURCE in %q", status)
	}
	if status := kind.ProcessStatus(proc, "init"); !kind.HasCapability(status, sysResource) {
		t.Errorf("init: got no CAP_SYS_RESOURCE in %q", status)
	}
	if status := kind.ProcessStatus(proc, "podman"); status != nil {
		t.Errorf("no such process: got %q", status)
	}
	if !kind.HasCapability([]byte("nothing of the kind"), sysResource) {
		t.Error("a status that tells nothing: want it to be taken for granted")
	}
}

func TestKindPhase(t *testing.T) {
	for _, c := range []struct {
		line, phase string
		begins      bool
	}{
		{"• Ensuring node image (kindest/node:v1.37.0) 🖼️  ...", "Nodes", true},
		{"✓ Preparing nodes 📦", "Nodes", false},
		{"• Starting control-plane 🕹️  ...", "ControlPlane", true},
		{"✓ Starting control-plane 🕹️", "ControlPlane", false},
		{"✗ Starting control-plane 🕹️", "", false},
		{"• Joining worker nodes 🚜  ...", "Workers", true},
		{`Creating cluster "x" ...`, "", false},
	} {
		if phase, begins := kind.KindPhase(c.line); phase != c.phase || phase != "" && begins != c.begins {
			t.Errorf("%q: got %q %t, want %q %t", c.line, phase, begins, c.phase, c.begins)
		}
	}
}

func TestSubnets(t *testing.T) {
	got := kind.Subnets(kind.DefaultSubnets)
	seen := make(map[netip.Prefix]bool)
	for _, s := range got {
		if seen[s] || !kind.DefaultSubnets.Overlaps(s) || s.Bits() != 26 || s.Masked() != s {
			t.Errorf("got %s", s)
		}
		seen[s] = true
	}
	if len(got) != 1024 {
		t.Errorf("got %d subnets, want 1024", len(got))
	}
	for _, others := range []string{"10.244.0.0/16", "10.96.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "10.88.0.0/15"} {
		if kind.Overlaps(kind.DefaultSubnets, []netip.Prefix{netip.MustParsePrefix(others)}) {
			t.Errorf("%s is used by Kubernetes or by the engines themselves", others)
		}
	}
	if one := kind.Subnets(netip.MustParsePrefix("10.0.0.64/26")); len(one) != 1 || one[0].String() != "10.0.0.64/26" {
		t.Errorf("a range of one: got %v", one)
	}
}

func TestNewRefuses(t *testing.T) {
	agent := []byte("agent")
	for name, o := range map[string]kind.Options{
		"no data directory": {Agent: agent},
		"no agent":          {DataDir: t.TempDir()},
		"unknown engine":    {DataDir: t.TempDir(), Agent: agent, Runtime: "lxc"},
		"a small range":     {DataDir: t.TempDir(), Agent: agent, Subnets: netip.MustParsePrefix("10.0.0.0/27")},
		"an IPv6 range":     {DataDir: t.TempDir(), Agent: agent, Subnets: netip.MustParsePrefix("fd00::/64")},
	} {
		if _, err := kind.New(o); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// TestBadNames: no name leads out of the data directory.
func TestBadNames(t *testing.T) {
	engine(t, info)
	p := newProvider(t, plain(t))
	for _, name := range []string{"", ".", "..", "../x", "a/b", "-x", "x-", "X", "a b", "a.b", strings.Repeat("a", 41), "a\n"} {
		if _, err := p.Create(t.Context(), name, provisioner.Spec{}, nil); err == nil {
			t.Errorf("create %q: want an error", name)
		}
		if _, err := p.Access(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("access %q: got %v, want ErrNotFound", name, err)
		}
		if err := p.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %q: %v", name, err)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		output string
		reason provisioner.Reason
		part   string
	}{
		{"failed to create cluster: running kind with rootless provider requires cgroup v2", provisioner.NoEngine, "rootless"},
		{"OCI runtime: inotify_init: too many open files", provisioner.CreateFailed, "inotify"},
		{"driver failed programming: Bind for 127.0.0.1:1 failed: port is already allocated", provisioner.CreateFailed, "another port"},
		{"[kubelet-check] dial tcp 127.0.0.1:10248: connect: connection refused", provisioner.CreateFailed, "doctor"},
		{"fork/exec: cannot allocate memory", provisioner.CreateFailed, "memory"},
	} {
		got := kind.Explain(c.output, errors.New("exit status 1"))
		if got.Reason != c.reason || !strings.Contains(got.Message, c.part) {
			t.Errorf("%q: got %s %q, want %s and %q", c.output, got.Reason, got.Message, c.reason, c.part)
		}
		for _, logged := range []*provisioner.Error{got, kind.ExplainKind(c.output, errors.New("exit status 1"))} {
			if !strings.Contains(logged.Error(), c.output) || logged.Message != got.Message {
				t.Errorf("%q is not in the log: %v", c.output, logged)
			}
		}
	}
	// The message says that the log has what the command printed.
	if got := kind.ExplainKind("", errors.New("exit status 1")).Error(); !strings.Contains(got, `"docker run"`) || !strings.HasSuffix(got, "exit status 1: it printed nothing") {
		t.Errorf("a silent command: %s", got)
	}
}

func TestPullProgress(t *testing.T) {
	var got [2]int
	kind.Pulled("v1: Pulling from x\na: Pulling fs layer\nb: Pulling fs layer\na: Download complete\na: Pull complete\n", func(done, all int) { got = [2]int{done, all} })
	if want := [2]int{1, 2}; got != want {
		t.Errorf("got %v layers, want %v", got, want)
	}
}
