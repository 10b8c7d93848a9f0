package ready

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
)

// DNSPods chooses the pods that cluster DNS is.
var DNSPods = metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"}

// dnsFirst is how long the rest leaves the processor to the DNS pod of a seeded
// cluster, which a student waits for. It is ready in half of that.
const dnsFirst = 5 * time.Second

// AwaitDNS blocks until a DNS pod is ready, for dnsFirst at most.
func AwaitDNS(ctx context.Context, client kubernetes.Interface) {
	ctx, cancel := context.WithTimeout(ctx, dnsFirst)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		found, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, DNSPods)
		return err == nil && slices.ContainsFunc(found.Items, func(pod corev1.Pod) bool { return podutil.IsPodReady(&pod) }), nil
	})
}

// servicesFirst is how long no pod is given to a node for lack of services.
const servicesFirst = 3 * time.Second

// ProxyHealth is where kube-proxy of this node tells of itself, as its
// configuration in package machine has it.
const ProxyHealth = "http://127.0.0.1:10256/healthz"

// AwaitServices blocks until kube-proxy, which tells of itself at url, has laid the
// rules of services for the first time, for servicesFirst at most.
func AwaitServices(ctx context.Context, url string) {
	ctx, cancel := context.WithTimeout(ctx, servicesFirst)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		return laid(ctx, url), nil
	})
}

// laid reports whether kube-proxy names a family of addresses that it has rules of.
func laid(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var health struct {
		Status map[string]any `json:"status"`
	}
	return json.NewDecoder(response.Body).Decode(&health) == nil && len(health.Status) > 0
}
