package kind_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// BenchmarkColdCreate makes a cluster with this provider and then one with kind
// alone, as `kind create cluster --wait` does, from the same image on the same
// host. kind returns when the node is Ready; Create returns when DNS is ready,
// too, and the workstation answers. The metric ratio is Create's time divided by
// kind's.
func BenchmarkColdCreate(b *testing.B) {
	provisionertest.NeedsEngine(b)
	p := newProvider(b, options(b))
	timed(b, p) // builds the workstation's image, once in a machine's life

	var ours, kinds time.Duration
	for range b.N {
		ours += timed(b, p)
		kinds += kindAlone(b, p)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/create")
	b.ReportMetric(kinds.Seconds()/float64(b.N), "s/kind")
	b.ReportMetric(ours.Seconds()/kinds.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// timed makes and deletes a cluster and returns how long making it took.
func timed(b *testing.B, p *kind.Provider) time.Duration {
	name := newName()
	start := time.Now()
	if _, err := p.Create(b.Context(), name, provisioner.Spec{}, nil); err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	if err := p.Delete(b.Context(), name); err != nil {
		b.Fatal(err)
	}
	return took
}

// kindAlone makes and deletes a cluster without this provider and returns how
// long making it took.
func kindAlone(b *testing.B, p *kind.Provider) time.Duration {
	ctx, cancel := context.WithTimeout(b.Context(), createWithin)
	defer cancel()
	name := newName()
	config, err := p.HostConfig(ctx, name)
	if err != nil {
		b.Fatal(err)
	}
	hadNetwork := docker(b, "network", "ls", "-q", "--filter", "name=^kind$") != ""
	alone := cluster.NewProvider(cluster.ProviderWithDocker())
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	start := time.Now()
	err = alone.Create(name,
		cluster.CreateWithV1Alpha4Config(config),
		cluster.CreateWithKubeconfigPath(kubeconfig),
		cluster.CreateWithWaitForReady(createWithin))
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	if err := alone.Delete(name, kubeconfig); err != nil {
		b.Fatal(err)
	}
	if !hadNetwork {
		docker(b, "network", "rm", "kind")
	}
	return took
}
