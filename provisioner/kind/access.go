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
	r, err := p.ready(name)
	if err != nil {
		return nil, err
	}
	return p.access(r)
}

// ready returns the record of a cluster that is ready: provisioner.ErrNotFound where
// none is.
func (p *Provider) ready(name string) (record, error) {
	if !validName(name) {
		return record{}, fmt.Errorf("cluster %q: %w", name, provisioner.ErrNotFound)
	}
	r, err := p.store.load(name)
	if err == nil && r.State != provisioner.Ready {
		err = fmt.Errorf("cluster %s is not ready: %w", name, provisioner.ErrNotFound)
	}
	return r, err
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
