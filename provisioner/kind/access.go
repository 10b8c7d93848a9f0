package kind

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"wheelhouse/provisioner"
)

// Access tells how to reach the cluster name, from what is on the disk.
func (p *Provider) Access(_ context.Context, name string) (*provisioner.Access, error) {
	if !validName(name) {
		return nil, fmt.Errorf("cluster %q: %w", name, provisioner.ErrNotFound)
	}
	r, err := p.store.load(name)
	if err != nil {
		return nil, err
	}
	if r.State != provisioner.Ready {
		return nil, fmt.Errorf("cluster %s is not ready: %w", name, provisioner.ErrNotFound)
	}
	return p.access(r)
}

func (p *Provider) access(r record) (*provisioner.Access, error) {
	folder := p.store.folder(r.Name)
	cert, err := os.ReadFile(filepath.Join(folder, caCertFile))
	if err != nil {
		return nil, fmt.Errorf("read the authority of cluster %s: %w", r.Name, err)
	}
	key, err := os.ReadFile(filepath.Join(folder, caKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read the authority of cluster %s: %w", r.Name, err)
	}
	return &provisioner.Access{
		Server:            r.Server,
		WorkstationServer: r.WorkstationServer,
		CACert:            cert,
		CAKey:             key,
		Dial:              p.dialer(&engine{name: r.Engine}, r.Name, r.Dial),
	}, nil
}
