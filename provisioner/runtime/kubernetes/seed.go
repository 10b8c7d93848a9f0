package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"

	"wheelhouse/provisioner/runtime/kubernetes/ready"
)

// rootCAConfigMap is what the controller manager gives every namespace to trust
// the API server by. A seed has none: its authority is not the cluster's.
const rootCAConfigMap = "kube-root-ca.crt"

// ripen waits until the controllers have made of a new cluster's objects what
// they make without a node. Then it gives the DNS pod to the control plane's node,
// so that its kubelet starts it as soon as it knows the API server.
func ripen(ctx context.Context, client kubernetes.Interface) error {
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		missing, err := unripe(ctx, client)
		return err == nil && missing == "", nil
	}); err != nil {
		return err
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, ready.DNSPods)
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: controlPlaneNode}}
		if err := client.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// controlPlaneNode is the node that the DNS pod of a seed is to run on, as package
// machine calls it.
const controlPlaneNode = "control-plane"

// trust makes the authorities of this cluster those that its namespaces, and its
// own extensions, trust. It has to be done before a kubelet mounts one, which looks
// at it again after a minute only.
func trust(ctx context.Context, client kubernetes.Interface, certificatesDir string) error {
	authority, err := os.ReadFile(filepath.Join(certificatesDir, constants.CACertName))
	if err != nil {
		return err
	}
	proxy, err := os.ReadFile(filepath.Join(certificatesDir, constants.FrontProxyCACertName))
	if err != nil {
		return err
	}
	namespaces, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp != nil {
			continue
		}
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: rootCAConfigMap}, Data: map[string]string{"ca.crt": string(authority)}}
		if _, err := client.CoreV1().ConfigMaps(n.Name).Create(ctx, m, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("namespace %s: %w", n.Name, err)
		}
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		// The API server adds its authorities to those that it finds, which are the seed's.
		m, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && m.Data["client-ca-file"] == string(authority) {
			return nil
		}
		if err != nil {
			return err
		}
		m.Data["client-ca-file"], m.Data["requestheader-client-ca-file"] = string(authority), string(proxy)
		_, err = client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Update(ctx, m, metav1.UpdateOptions{})
		return err
	})
}

// unripe says what is not there yet: "" when nothing is missing.
func unripe(ctx context.Context, client kubernetes.Interface) (string, error) {
	namespaces, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	for _, n := range namespaces.Items {
		if _, err := client.CoreV1().ServiceAccounts(n.Name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return fmt.Sprintf("namespace %s has no service account", n.Name), nil
		}
	}
	deployments, err := client.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	for _, d := range deployments.Items {
		if missing, err := unripePods(ctx, client, &d); missing != "" || err != nil {
			return missing, err
		}
	}
	return "", nil
}

// unripePods looks for the pods of a deployment.
func unripePods(ctx context.Context, client kubernetes.Interface, d *appsv1.Deployment) (string, error) {
	pods, err := client.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return "", err
	}
	want := 1
	if d.Spec.Replicas != nil {
		want = int(*d.Spec.Replicas)
	}
	if len(pods.Items) < want {
		return fmt.Sprintf("deployment %s has %d of %d pods", d.Name, len(pods.Items), want), nil
	}
	for _, pod := range pods.Items {
		// The scheduler has looked at it, and found no node.
		if pod.Spec.NodeName == "" && len(pod.Status.Conditions) == 0 {
			return fmt.Sprintf("pod %s has not been looked at", pod.Name), nil
		}
		if pod.Status.Phase != corev1.PodPending {
			return "", fmt.Errorf("pod %s is %s with no node to run on", pod.Name, pod.Status.Phase)
		}
	}
	return "", nil
}
