package main

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
	bootstraptoken "k8s.io/kubernetes/cmd/kubeadm/app/phases/bootstraptoken/node"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/kubeconfig"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/uploadconfig"
)

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
		if err := n.register(ctx, client, i == 0, len(c.Nodes) > 1); err != nil {
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
	// removed since does not come back at the next start, but for the add-ons.
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
	installed, err := newAddons(kubeadm)
	if err != nil {
		return err
	}
	if err := installed.create(ctx); err != nil {
		return err
	}
	if err := uploadconfig.UploadConfiguration(kubeadm, client); err != nil {
		return fmt.Errorf("store kubeadm's configuration: %w", err)
	}
	return nil
}
