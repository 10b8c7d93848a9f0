package provisioner

import "context"

// AddonKeeper is what a Provider also is whose clusters' add-ons, such as DNS, stay
// away when a student deletes them. Other providers' clusters restore them by
// themselves.
type AddonKeeper interface {
	// MissingAddons names the objects of the ready cluster name's add-ons that are not
	// there, each as "Deployment kube-system/coredns". What was changed is not missing.
	MissingAddons(ctx context.Context, name string) ([]string, error)
	// RestoreAddons makes those objects again, with what they need. It blocks for
	// seconds; their Pods run some seconds later.
	RestoreAddons(ctx context.Context, name string) error
}

// MissingAddons is AddonKeeper's; none are missing where the provider is no AddonKeeper.
func (p *Pool) MissingAddons(ctx context.Context, name string) ([]string, error) {
	if keeper, ok := p.options.Provider.(AddonKeeper); ok {
		return keeper.MissingAddons(ctx, name)
	}
	return nil, nil
}

// RestoreAddons is AddonKeeper's; nothing is done where the provider is no AddonKeeper.
func (p *Pool) RestoreAddons(ctx context.Context, name string) error {
	if keeper, ok := p.options.Provider.(AddonKeeper); ok {
		return keeper.RestoreAddons(ctx, name)
	}
	return nil
}

// There reports whether the API server has an object at path, such as
// "/api/v1/namespaces/kube-system/services/kube-dns".
func (a *Health) There(ctx context.Context, path string) (bool, error) {
	return a.get(ctx, path, nil)
}

// Close ends the connections that are kept for further questions.
func (a *Health) Close() { a.client.CloseIdleConnections() }
