package embedded

import (
	"context"

	"wheelhouse/provisioner"
)

// List returns the clusters of this data directory. It looks at the disk and at
// /proc, and does not wait for a cluster.
func (p *Provider) List(ctx context.Context) ([]provisioner.Cluster, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	records, err := p.store.all()
	if err != nil {
		return nil, err
	}
	var clusters []provisioner.Cluster
	for _, r := range records {
		c := r.cluster()
		if r.State == provisioner.Ready && !r.Process.alive() {
			c.State = provisioner.Broken
			c.Message = "Its processes have ended: the machine was restarted, or something killed them."
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// cluster returns what List says of a cluster that runs.
func (r record) cluster() provisioner.Cluster {
	return provisioner.Cluster{Name: r.Name, Provider: providerName, Spec: r.Spec, State: r.State, CreatedAt: r.CreatedAt}
}
