package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wheelhouse/provisioner"
)

// container is what is asked of a container.
type container struct {
	ID    string
	Name  string
	State struct {
		Status   string
		ExitCode int
	}
	Config struct{ Labels map[string]string }
}

// List returns the clusters of this data directory, and what is left of ones
// whose record was lost.
func (p *Provider) List(ctx context.Context) ([]provisioner.Cluster, error) {
	e, err := p.findEngine(ctx)
	if err != nil {
		return nil, err
	}
	// The records come first: a cluster that is made between the two looks has no
	// record here and is left out, rather than being called broken.
	records, err := p.store.all()
	if err != nil {
		return nil, err
	}
	containers, err := e.containers(ctx, p.store.owner)
	if err != nil {
		return nil, p.explain(err, "list the clusters")
	}
	networks, err := p.ownedNetworks(ctx, e)
	if err != nil {
		return nil, p.explain(err, "list the clusters")
	}
	found := make(map[string]provisioner.Cluster)
	for name, r := range records {
		c := r.cluster()
		if r.State == provisioner.Ready {
			c.State, c.Message = judge(r, containers[name], networks[name] != nil || e.networkVariable() == "")
		}
		found[name] = c
	}
	p.addOrphans(found, containers, networks)
	names := slices.Sorted(maps.Keys(found))
	clusters := make([]provisioner.Cluster, 0, len(names))
	for _, name := range names {
		clusters = append(clusters, found[name])
	}
	return clusters, nil
}

// addOrphans adds to found what carries this owner's labels but has no record.
func (p *Provider) addOrphans(found map[string]provisioner.Cluster, containers map[string][]container, networks map[string]*network) {
	orphan := func(name string, spec provisioner.Spec, at time.Time) {
		if _, known := found[name]; known || name == "" {
			return
		}
		if _, err := p.store.load(name); err == nil {
			return // begun since the records were read
		}
		found[name] = provisioner.Cluster{Name: name, Provider: providerName, Spec: spec, State: provisioner.Broken, CreatedAt: at,
			Message: "Its record is missing from the data directory, so it can only be deleted."}
	}
	for name, n := range networks {
		workers, _ := strconv.Atoi(n.Labels[labelWorkers])
		orphan(name, provisioner.Spec{Workers: workers}, n.Created)
	}
	for _, list := range containers {
		for _, c := range list {
			if c.Config.Labels[labelOwner] == p.store.owner {
				orphan(c.Config.Labels[labelCluster], provisioner.Spec{}, time.Time{})
			}
		}
	}
}

// judge tells the state of a cluster whose record says Ready from what the
// engine has of it.
func judge(r record, containers []container, network bool) (provisioner.State, string) {
	if len(containers) == 0 {
		return provisioner.Broken, "Its containers were deleted outside Wheelhouse."
	}
	for _, name := range append(nodesOf(r), workstationOf(r.Name)) {
		i := slices.IndexFunc(containers, func(c container) bool { return c.Name == name })
		part := partOf(r.Name, name)
		switch {
		case i < 0:
			return provisioner.Broken, fmt.Sprintf("Its %s was deleted outside Wheelhouse.", part)
		case slices.Contains(r.Down, name):
		case containers[i].State.Status == "exited", containers[i].State.Status == "dead":
			return provisioner.Broken, fmt.Sprintf("Its %s stopped with exit code %d.", part, containers[i].State.ExitCode)
		case containers[i].State.Status != "running":
			return provisioner.Broken, fmt.Sprintf("Its %s does not run: it is %s.", part, containers[i].State.Status)
		}
	}
	if !network {
		return provisioner.Broken, "Its network was deleted outside Wheelhouse."
	}
	if len(r.Down) > 0 {
		return provisioner.Ready, "Stopped on request: " + strings.Join(r.Down, ", ") + "."
	}
	return provisioner.Ready, ""
}

// partOf names a cluster's container for people.
func partOf(cluster, container string) string {
	part := strings.TrimPrefix(container, cluster+"-")
	switch {
	case part == "control-plane":
		return "control plane node"
	case strings.HasPrefix(part, "worker"):
		return "worker node " + container
	}
	return part
}

// containers returns the nodes of all kind clusters and the workstations of the
// owner's, by the cluster's name.
func (e *engine) containers(ctx context.Context, owner string) (map[string][]container, error) {
	var ids []string
	for _, label := range []string{labelKind, labelOwner + "=" + owner} {
		some, err := e.lines(ctx, "ps", "-aq", "--filter", "label="+label)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	by := make(map[string][]container)
	if len(ids) == 0 {
		return by, nil
	}
	out, err := e.run(ctx, append([]string{"container", "inspect"}, ids...)...)
	if err != nil && !gone(err) { // of one that was removed meanwhile nothing is printed
		return nil, err
	}
	var all []container
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("read what `%s container inspect` says: %w", e.name, err)
	}
	for _, c := range all {
		c.Name = strings.TrimPrefix(c.Name, "/")
		cluster := c.Config.Labels[labelKind]
		if cluster == "" {
			cluster = c.Config.Labels[labelCluster]
		}
		by[cluster] = append(by[cluster], c)
	}
	return by, nil
}

// network is what is asked of a network.
type network struct {
	Labels  map[string]string
	Created time.Time
}

// ownedNetworks returns this owner's networks by their cluster's name.
func (p *Provider) ownedNetworks(ctx context.Context, e *engine) (map[string]*network, error) {
	ids, err := e.lines(ctx, "network", "ls", "-q", "--filter", "label="+labelOwner+"="+p.store.owner)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	out, err := e.run(ctx, append([]string{"network", "inspect"}, ids...)...)
	if err != nil && !gone(err) {
		return nil, err
	}
	var all []*network
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("read what `%s network inspect` says: %w", e.name, err)
	}
	by := make(map[string]*network)
	for _, n := range all {
		by[n.Labels[labelCluster]] = n
	}
	return by, nil
}
