package embedded

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/host"
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
	if r.State != provisioner.Ready || r.Deleted {
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
	plan, err := machine.Plan(r.Name, "", r.Spec.Workers)
	if err != nil {
		return nil, err
	}
	return &provisioner.Access{
		Server:            fmt.Sprintf("https://127.0.0.1:%d", r.Port),
		WorkstationServer: fmt.Sprintf("https://%s:%d", plan.Nodes[0].Name, plan.APIServer().Port()),
		CACert:            cert,
		CAKey:             key,
		Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := host.DialUnix(ctx, folder, agentSocket)
			if err != nil {
				return nil, fmt.Errorf("dial the workstation's agent: %w", err)
			}
			return conn, nil
		},
	}, nil
}
