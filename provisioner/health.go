package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// mostAnswer is how much of an answer is read, in bytes: a cluster may be hostile.
const mostAnswer = 8 << 20

const dnsPath = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

// Health asks a cluster's API server the few things that tell when a student
// can start. Providers use it.
type Health struct {
	client *http.Client
	url    string
}

// NewHealth returns the Health of the cluster that access opens.
func NewHealth(access *Access) (*Health, error) {
	text, err := access.Admin()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, err
	}
	config.Timeout = 5 * time.Second
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &Health{client: client, url: access.Server}, nil
}

// get reads the object at path into v, which may be nil, and reports whether there is one.
func (a *Health) get(ctx context.Context, path string, v any) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		if v == nil {
			return true, nil
		}
		return true, json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(v)
	case http.StatusNotFound:
		return false, nil
	default:
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return false, fmt.Errorf("the API server answers %s with %s: %s", path, response.Status, said)
	}
}

// HurryDNS has CoreDNS asked every second whether it is ready, rather than every
// ten: the first time it is asked it mostly is not, and a cluster would be ready
// up to ten seconds later. A deployment whose pods are being made already is left
// alone, because they would be replaced.
func (a *Health) HurryDNS(ctx context.Context) error {
	var dns struct {
		Status struct{ ObservedGeneration int }
	}
	if _, err := a.get(ctx, dnsPath, &dns); err != nil || dns.Status.ObservedGeneration > 0 {
		return err
	}
	const patch = `{"spec":{"template":{"spec":{"containers":[{"name":"coredns","readinessProbe":{"periodSeconds":1}}]}}}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, a.url+dnsPath, strings.NewReader(patch))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/strategic-merge-patch+json")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("patch CoreDNS: %s", response.Status)
	}
	return nil
}

// AwaitAPI blocks until the API server says that it is ready, or until ctx ends.
func (a *Health) AwaitAPI(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ready, err := a.get(ctx, "/readyz", nil)
		if err == nil && ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server is not ready: %w", errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

// Await blocks until the cluster is ready, or until ctx ends: then its error
// says what was still missing.
func (a *Health) Await(ctx context.Context, nodes int, log *slog.Logger) error {
	defer a.client.CloseIdleConnections()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var before string
	for {
		missing, err := a.missing(ctx, nodes)
		if err == nil && missing == "" {
			return nil
		}
		if missing != before {
			log.Debug("the cluster is not ready yet", "missing", missing)
			before = missing
		}
		select {
		case <-ctx.Done():
			if err != nil {
				missing = err.Error()
			}
			return fmt.Errorf("%s: %w", missing, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// missing says what is not there yet of a cluster with so many nodes: "" when it
// is ready. A pod that a student makes is then scheduled, gets its service
// account, and finds services by name.
func (a *Health) missing(ctx context.Context, want int) (string, error) {
	var nodes struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
	}
	if _, err := a.get(ctx, "/api/v1/nodes", &nodes); err != nil {
		return "", err
	}
	if len(nodes.Items) < want {
		return fmt.Sprintf("%d of %d nodes have joined", len(nodes.Items), want), nil
	}
	for _, node := range nodes.Items {
		message, ready := "it has not reported yet", false
		for _, c := range node.Status.Conditions {
			if c.Type == "Ready" {
				message, ready = c.Message, c.Status == "True"
			}
		}
		if !ready {
			return fmt.Sprintf("node %s is not ready: %s", node.Metadata.Name, message), nil
		}
	}
	var dns struct{ Status struct{ ReadyReplicas int } }
	if _, err := a.get(ctx, dnsPath, &dns); err != nil {
		return "", err
	}
	if dns.Status.ReadyReplicas == 0 {
		return "the cluster's DNS has not started", nil
	}
	var account struct{}
	if there, err := a.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", &account); err != nil || !there {
		return "the namespace default has no service account yet", err
	}
	return "", nil
}
