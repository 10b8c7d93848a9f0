package main

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
)

// adminClient returns a client that may do everything, with no limit of its own.
func adminClient() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", adminFile)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf" // half the garbage of JSON
	return kubernetes.NewForConfig(config)
}

// dnsFirst is how long the scheduler leaves the processor to the DNS pod of a
// seeded cluster, which a student waits for. It is ready in half of that.
const dnsFirst = 5 * time.Second

// awaitDNS blocks until a DNS pod is ready, for dnsFirst at most.
func awaitDNS(ctx context.Context, client kubernetes.Interface) {
	ctx, cancel := context.WithTimeout(ctx, dnsFirst)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		found, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, dnsPods)
		return err == nil && slices.ContainsFunc(found.Items, func(pod corev1.Pod) bool { return podutil.IsPodReady(&pod) }), nil
	})
}
