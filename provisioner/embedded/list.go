package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
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
		switch {
		case r.State != provisioner.Ready:
		case r.Deleted:
			c.State = provisioner.Broken
			c.Message = "It is being deleted. If that was broken off, `wheelhouse cluster delete " + r.Name + "` goes on with it."
		case !r.Process.alive():
			c.State = provisioner.Halted
			c.Message = "Its processes have ended: the machine was restarted, or something killed them. " +
				"`wheelhouse cluster start " + r.Name + "` starts it again with what it held."
		default:
			c.State, c.Message = judge(p.parts(r))
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// cluster returns what List says of a cluster that runs.
func (r record) cluster() provisioner.Cluster {
	return provisioner.Cluster{Name: r.Name, Provider: providerName, Spec: r.Spec, State: r.State, CreatedAt: r.CreatedAt}
}

// parts returns what the cluster's first processes keep running, by names that
// say where: "kubelet of control-plane". A file that is missing or damaged tells
// nothing, since it is the cluster's own.
func (p *Provider) parts(r record) map[string]machine.Part {
	all := map[string]machine.Part{}
	add := func(path, of string) {
		var some map[string]machine.Part
		text, err := p.store.readInside(r.Name, path)
		if err != nil || json.Unmarshal(text, &some) != nil {
			return
		}
		for name, part := range some {
			all[printable(name)+of] = part
		}
	}
	add(machine.PartsFile, "")
	plan, err := machine.Plan(r.Name, "", r.Spec.Workers)
	if err != nil {
		return all
	}
	for _, node := range plan.Nodes {
		add(filepath.Join("nodes", node.Name, "log", machine.PartsFile), " of "+node.Name)
	}
	return all
}

// hopeless is how often in a row a part may end soon after its start before the
// cluster counts as broken: the last tries are ten seconds apart.
const hopeless = 9

// judge tells the state of a cluster from its parts, and what to say of it.
func judge(parts map[string]machine.Part) (provisioner.State, string) {
	var gone, restarted, down []string
	for name, part := range parts {
		switch {
		case part.Message == machine.OnRequest && !part.Running:
			down = append(down, name)
		case part.Failures >= hopeless:
			gone = append(gone, fmt.Sprintf("%s does not stay up (%s)", name, printable(part.Message)))
		case part.Restarts > 0:
			restarted = append(restarted, fmt.Sprintf("%s (%s)", name, printable(part.Message)))
		}
	}
	slices.Sort(gone)
	slices.Sort(restarted)
	slices.Sort(down)
	switch {
	case len(gone) > 0:
		return provisioner.Broken, "A part of it is lost: " + strings.Join(gone, "; ") + "."
	case len(down) > 0:
		return provisioner.Ready, "Stopped on request: " + strings.Join(down, ", ") + "."
	case len(restarted) > 0:
		return provisioner.Ready, "Started again after it ended: " + strings.Join(restarted, ", ") + "."
	}
	return provisioner.Ready, ""
}

// printable shortens a text that came from a cluster, and leaves out what a
// terminal would obey.
func printable(text string) string {
	const most = 120
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
