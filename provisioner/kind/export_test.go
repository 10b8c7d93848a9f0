package kind

import (
	"context"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"wheelhouse/provisioner"
)

// HostConfig returns the image and the configuration of a cluster on the engine
// here, so that a benchmark can let kind alone make the same.
func (p *Provider) HostConfig(ctx context.Context, name string) (*v1alpha4.Cluster, error) {
	e, err := p.findEngine(ctx)
	if err != nil {
		return nil, err
	}
	image, _, err := p.nodeImage(ctx, e)
	return clusterConfig(name, image, 0, provisioner.Spec{}, hostOf(e)), err
}
