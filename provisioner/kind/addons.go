package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"wheelhouse/provisioner"
)

// addon is one object of a cluster's add-ons, and what makes it.
type addon struct {
	kind, namespace, name string
	group                 string // with its version, as in the API server's paths: "apis/apps/v1"
	phase                 string // of `kubeadm init phase addon`; "" where manifest makes it
	manifest              string
}

// kubeadmAddons are those of every cluster that kubeadm makes.
var kubeadmAddons = []addon{
	{kind: "Deployment", namespace: "kube-system", name: "coredns", group: "apis/apps/v1", phase: "coredns"},
	{kind: "Service", namespace: "kube-system", name: "kube-dns", group: "api/v1", phase: "coredns"},
	{kind: "DaemonSet", namespace: "kube-system", name: "kube-proxy", group: "apis/apps/v1", phase: "kube-proxy"},
}

// The files of a node image in which kind finds what else it installs, by its
// actions installcni and installstorage, and the Pods' addresses where its
// configuration names none.
const (
	networkManifest = "/kind/manifests/default-cni.yaml"
	storageManifest = "/kind/manifests/default-storage.yaml"
	kubeadmConfig   = "/kind/kubeadm.conf"
	podSubnet       = "10.244.0.0/16"
)

// workloads are the kinds of object without which an add-on does nothing.
var workloads = []string{"Deployment", "DaemonSet"}

var _ provisioner.AddonKeeper = (*Provider)(nil)

// MissingAddons is provisioner.AddonKeeper's.
func (p *Provider) MissingAddons(ctx context.Context, name string) ([]string, error) {
	missing, _, err := p.missingAddons(ctx, name)
	if err != nil {
		return nil, p.explain(err, "look for the add-ons of cluster "+name)
	}
	names := make([]string, len(missing))
	for i, a := range missing {
		names[i] = a.kind + " " + a.namespace + "/" + a.name
	}
	return names, nil
}

// RestoreAddons is provisioner.AddonKeeper's.
func (p *Provider) RestoreAddons(ctx context.Context, name string) error {
	missing, e, err := p.missingAddons(ctx, name)
	if err != nil {
		return p.explain(err, "look for the add-ons of cluster "+name)
	}
	var failed []error
	done := map[string]bool{} // phases and manifests
	for _, a := range missing {
		if done[a.phase+a.manifest] {
			continue
		}
		done[a.phase+a.manifest] = true
		if a.phase != "" {
			_, err = e.run(ctx, "exec", controlPlaneOf(name), "kubeadm", "init", "phase", "addon", a.phase, "--config", kubeadmConfig)
		} else {
			_, err = e.pipe(ctx, strings.NewReader(a.manifest), nil, "exec", "-i", controlPlaneOf(name),
				"kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "apply", "-f", "-")
		}
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return p.explain(err, "restore the add-ons of cluster "+name)
	}
	return nil
}

// missingAddons returns those that the API server has not, and the cluster's engine.
func (p *Provider) missingAddons(ctx context.Context, name string) ([]addon, *engine, error) {
	r, err := p.ready(name)
	if err != nil {
		return nil, nil, err
	}
	e, err := p.findEngine(ctx)
	if err != nil {
		return nil, nil, err
	}
	e = e.of(r)
	all, err := p.addonsOf(ctx, e, name)
	if err != nil {
		return nil, nil, err
	}
	access, err := p.access(r)
	if err != nil {
		return nil, nil, err
	}
	server, err := provisioner.NewHealth(access)
	if err != nil {
		return nil, nil, err
	}
	defer server.Close()
	var missing []addon
	for _, a := range all {
		path := fmt.Sprintf("/%s/namespaces/%s/%ss/%s", a.group, a.namespace, strings.ToLower(a.kind), a.name)
		there, err := server.There(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		if !there {
			missing = append(missing, a)
		}
	}
	return missing, e, nil
}

// addonsOf lists a cluster's add-ons. Its node image has the last of them, which is
// read once.
func (p *Provider) addonsOf(ctx context.Context, e *engine, name string) ([]addon, error) {
	if known, ok := p.addons.Load(name); ok {
		return known.([]addon), nil
	}
	all := slices.Clone(kubeadmAddons)
	for _, file := range []string{networkManifest, storageManifest} {
		text, err := e.run(ctx, "exec", controlPlaneOf(name), "cat", file)
		if err != nil {
			return nil, err
		}
		of, err := readAddons(text)
		if err != nil {
			return nil, fmt.Errorf("read %s of the node image: %w", file, err)
		}
		all = append(all, of...)
	}
	p.addons.Store(name, all)
	return all, nil
}

// readAddons returns the workloads of a manifest of kind's, which may be a template
// of the Pods' addresses.
func readAddons(text string) ([]addon, error) {
	parsed, err := template.New("manifest").Parse(text)
	if err != nil {
		return nil, err
	}
	var manifest strings.Builder
	if err := parsed.Execute(&manifest, struct{ PodSubnet string }{podSubnet}); err != nil {
		return nil, err
	}
	var found []addon
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest.String()), 4096)
	for {
		var object metav1.PartialObjectMetadata
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		if !slices.Contains(workloads, object.Kind) {
			continue
		}
		namespace := object.Namespace
		if namespace == "" {
			namespace = metav1.NamespaceDefault
		}
		found = append(found, addon{kind: object.Kind, namespace: namespace, name: object.Name, group: "apis/" + object.APIVersion, manifest: manifest.String()})
	}
}
