package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// rootCAConfigMap is what the controller manager gives every namespace to trust
// the API server by.
const rootCAConfigMap = "kube-root-ca.crt"

// ripen waits until the controllers have made of a new cluster's objects what
// they make without a node.
func ripen(ctx context.Context) error {
	client, err := adminClient()
	if err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		missing, err := unripe(ctx, client)
		return err == nil && missing == "", nil
	})
}

// trust makes the authority of this cluster what a seed's namespaces trust. It
// has to be done before a pod is scheduled: what a kubelet has mounted it looks
// at again after a minute only.
func trust(ctx context.Context, client kubernetes.Interface, authority []byte) error {
	found, err := client.CoreV1().ConfigMaps(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + rootCAConfigMap})
	if err != nil {
		return err
	}
	const key = "ca.crt"
	for _, m := range found.Items {
		if m.Data[key] == string(authority) {
			continue
		}
		m.Data = map[string]string{key: string(authority)}
		if _, err := client.CoreV1().ConfigMaps(m.Namespace).Update(ctx, &m, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("namespace %s: %w", m.Namespace, err)
		}
	}
	return nil
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
		if _, err := client.CoreV1().ConfigMaps(n.Name).Get(ctx, rootCAConfigMap, metav1.GetOptions{}); err != nil {
			return fmt.Sprintf("namespace %s has no authority", n.Name), nil
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
