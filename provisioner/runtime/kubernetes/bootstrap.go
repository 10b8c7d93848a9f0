package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/addons/dns"
	bootstraptoken "k8s.io/kubernetes/cmd/kubeadm/app/phases/bootstraptoken/node"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/kubeconfig"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/uploadconfig"
)

// addons are the objects of what every cluster has beside kubeadm's own add-ons.
//
//go:embed addons/*.yaml
var addons embed.FS

// prepare makes what has to be there before the controllers and the scheduler
// start: the nodes with the addresses of their pods, and trust in the cluster's
// own authority.
func prepare(ctx context.Context, kubeadm *kubeadmapi.InitConfiguration, c *controlPlane) error {
	client, err := adminClient()
	if err != nil {
		return err
	}
	if !c.Seed {
		if err := trust(ctx, client, kubeadm.CertificatesDir); err != nil {
			return fmt.Errorf("tell the cluster whom to trust: %w", err)
		}
	}
	for i, n := range c.Nodes {
		if err := n.register(ctx, client, i == 0); err != nil {
			return fmt.Errorf("register node %s: %w", n.Name, err)
		}
	}
	return nil
}

// bootstrap makes what a new cluster has to hold: what kubeadm would make, and
// the add-ons. A cluster that was seeded has it.
func bootstrap(ctx context.Context, kubeadm *kubeadmapi.InitConfiguration) error {
	client, err := adminClient()
	if err != nil {
		return err
	}
	// kubeadm's configuration comes last, so where it is, all is; what a student has
	// removed since does not come back at the next start.
	if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, constants.KubeadmConfigConfigMap, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	if _, err := kubeconfig.EnsureAdminClusterRoleBindingImpl(ctx, client, client, 100*time.Millisecond, time.Minute); err != nil {
		return fmt.Errorf("give the administrators their role: %w", err)
	}
	for _, allow := range []func(kubernetes.Interface) error{
		bootstraptoken.AllowAPIServerToAccessKubeletAPI, // logs, exec, port-forward: a role of its own since 1.36
		bootstraptoken.AllowBootstrapTokensToPostCSRs, bootstraptoken.AllowBootstrapTokensToGetNodes,
		bootstraptoken.AutoApproveNodeBootstrapTokens, bootstraptoken.AutoApproveNodeCertificateRotation,
	} {
		if err := allow(client); err != nil {
			return fmt.Errorf("give nodes and API server their roles: %w", err)
		}
	}
	if _, err := client.AppsV1().Deployments(metav1.NamespaceSystem).Get(ctx, constants.CoreDNSDeploymentName, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		if err := installDNS(kubeadm, client); err != nil {
			return fmt.Errorf("install the DNS add-on: %w", err)
		}
	}
	if err := installAddons(ctx); err != nil {
		return err
	}
	if err := uploadconfig.UploadConfiguration(kubeadm, client); err != nil {
		return fmt.Errorf("store kubeadm's configuration: %w", err)
	}
	return nil
}

// register makes the node's object ahead of its kubelet, so that its pods have
// addresses from the first moment, and the same at each start.
func (n node) register(ctx context.Context, client kubernetes.Interface, control bool) error {
	object := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name}},
		Spec:       corev1.NodeSpec{PodCIDR: n.Pods.String(), PodCIDRs: []string{n.Pods.String()}},
	}
	if control {
		object.Labels[constants.LabelNodeRoleControlPlane] = ""
	}
	_, err := client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	// From an earlier start, or its kubelet was faster.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": object.Labels}, "spec": object.Spec})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, n.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}

// dnsPatch is what differs from kubeadm's DNS add-on: one pod is enough for a
// lab, and is asked each second whether it is ready. With a startup probe, which
// would be asked only until then, a kubelet takes up to a second longer to notice:
// it waits for its next look at all containers.
const dnsPatch = `
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: coredns
        env:
        - {name: GOGC, value: "50"}
        readinessProbe:
          periodSeconds: 1
`

// installDNS installs kubeadm's DNS add-on with dnsPatch, which kubeadm reads
// from a folder.
func installDNS(kubeadm *kubeadmapi.InitConfiguration, client kubernetes.Interface) error {
	dir, err := os.MkdirTemp("", "patches-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "corednsdeployment+strategic.yaml"), []byte(dnsPatch), 0o600); err != nil {
		return err
	}
	return dns.EnsureDNSAddon(&kubeadm.ClusterConfiguration, client, dir, io.Discard, false)
}

// installAddons makes the objects of the files in addons.
func installAddons(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", adminFile)
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	return fs.WalkDir(addons, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := addons.ReadFile(path)
		if err != nil {
			return err
		}
		if err := create(ctx, client, string(text)); err != nil {
			return fmt.Errorf("install the add-on %s: %w", path, err)
		}
		return nil
	})
}

// create makes the objects of a YAML file with several documents.
func create(ctx context.Context, client dynamic.Interface, text string) error {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
		var err error
		if namespace := object.GetNamespace(); namespace != "" {
			_, err = client.Resource(resource).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{})
		} else {
			_, err = client.Resource(resource).Create(ctx, object, metav1.CreateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}
