package kind

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/exec"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/host"
)

// What the tests need to see from inside.
var (
	KindPhase     = kindPhase
	HasCapability = hasCapability
	ProcessStatus = processStatus
	Overlaps      = overlapsAny
)

// HostConfig returns the image and the configuration of a cluster on the engine
// here, so that a benchmark can let kind alone make the same.
func (p *Provider) HostConfig(ctx context.Context, name string) (*v1alpha4.Cluster, error) {
	e, err := p.findEngine(ctx)
	if err != nil {
		return nil, err
	}
	image, _, err := p.nodeImage(ctx, e)
	config := clusterConfig(name, image, 0, provisioner.Spec{}, kernelOf(e))
	config.KubeadmConfigPatchesJSON6902 = nil // these are ours
	return config, err
}

// Config is clusterConfig for a machine that lacks what the arguments say.
func Config(spec provisioner.Spec, cgroupV1, lacksSysResource bool) *v1alpha4.Cluster {
	return clusterConfig("wh-test", "image", 6443, spec, kernel{cgroupV1, lacksSysResource})
}

// DialExec dials the cluster's agent as it is done where the engine is elsewhere.
func (p *Provider) DialExec(cluster string) func(context.Context) (net.Conn, error) {
	return p.dialer(p.engine, cluster, dialExec)
}

// EnsureWorkstation builds the workstation's image and returns its tag.
func (p *Provider) EnsureWorkstation(ctx context.Context) (string, error) {
	e, err := p.findEngine(ctx)
	if err != nil {
		return "", err
	}
	image, _, err := p.nodeImage(ctx, e)
	if err != nil {
		return "", err
	}
	return p.ensureWorkstation(ctx, e, image, newTracker(nil))
}

// Explain is explain for an error of a command that printed the output.
func Explain(output string, err error) *provisioner.Error {
	return explain(command.Failed("docker", err, []byte(output)), "do")
}

// Subnets lists the pieces of a range that clusters' networks are cut from.
func Subnets(pool netip.Prefix) []netip.Prefix { return slices.Collect(shuffled(pool, networkBits)) }

// Pulled feeds what an engine prints to what counts its layers.
func Pulled(output string, report func(done, all int)) {
	_, _ = (&layers{report: report}).Write([]byte(output))
}

// Memory is checkMemory for a machine with so many bytes.
func Memory(bytes int64) host.Finding { return checkMemory(info{Memory: bytes}) }

// ExplainKind is explain for an error of a command that kind ran and that printed the
// output.
func ExplainKind(output string, err error) *provisioner.Error {
	return explain(&exec.RunError{Command: []string{"docker", "run"}, Output: []byte(output), Inner: err}, "do")
}
