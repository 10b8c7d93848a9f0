package provisionertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/provisioner"
)

// reachTimeout is for one answer of something that is said to be ready.
const reachTimeout = 10 * time.Second

// list returns what the provider lists, by name.
func (c *contract) list(t *testing.T, provider provisioner.Provider) []provisioner.Cluster {
	t.Helper()
	clusters, err := provider.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return clusters
}

func (c *contract) find(t *testing.T, provider provisioner.Provider, name string) *provisioner.Cluster {
	t.Helper()
	for _, cluster := range c.list(t, provider) {
		if cluster.Name == name {
			return &cluster
		}
	}
	return nil
}

// wantClusters wants these clusters listed, and no others.
func (c *contract) wantClusters(t *testing.T, provider provisioner.Provider, want ...provisioner.Cluster) {
	t.Helper()
	got := c.list(t, provider)
	if len(got) != len(want) {
		t.Fatalf("listed: got %+v, want %+v", got, want)
	}
	for i := range want {
		// One of the two may have been through JSON.
		same := got[i].CreatedAt.Equal(want[i].CreatedAt)
		got[i].CreatedAt, want[i].CreatedAt = time.Time{}, time.Time{}
		if !same || got[i] != want[i] {
			t.Errorf("listed: got %+v, want %+v, in the order of their names", got[i], want[i])
		}
	}
}

// wantGone wants no trace of the cluster name.
func (c *contract) wantGone(t *testing.T, provider provisioner.Provider, name string) {
	t.Helper()
	if got := c.find(t, provider, name); got != nil {
		t.Errorf("%s is listed: %+v", name, got)
	}
	if _, err := provider.Access(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("access to %s: got %v, want ErrNotFound", name, err)
	}
}

func (c *contract) wantNoLeftovers(t *testing.T, name string) {
	t.Helper()
	if c.Leftovers == nil {
		return
	}
	if got := c.Leftovers(t, c.dir, name); len(got) != 0 {
		t.Errorf("left behind of %s: %v", name, got)
	}
}

// wantAccess wants the workstation to be dialled, and the API server to let both
// kubeconfigs in and nobody else.
func (c *contract) wantAccess(t *testing.T, provider provisioner.Provider, cluster *provisioner.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reachTimeout)
	defer cancel()
	access, err := provider.Access(ctx, cluster.Name)
	if err != nil {
		t.Fatalf("access to %s: %v", cluster.Name, err)
	}
	conn, err := access.Dial(ctx)
	if err != nil {
		t.Fatalf("dial the workstation of %s: %v", cluster.Name, err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("close the connection to the workstation: %v", err)
	}
	admin, err := access.Admin()
	if err != nil {
		t.Fatal(err)
	}
	student, err := access.Student()
	if err != nil {
		t.Fatal(err)
	}
	if !c.API {
		return
	}
	for who, kubeconfig := range map[string][]byte{"admin": admin, "student": student} {
		got, err := nodes(ctx, kubeconfig, access.Server)
		if want := 1 + cluster.Spec.Workers; err != nil || got != want {
			t.Errorf("%s's kubeconfig for %s: got %d ready nodes, %v, want %d", who, cluster.Name, got, err, want)
		}
	}
}

// wantApart wants each cluster to have an authority of its own: the kubeconfig
// of the first opens nothing on the second.
func (c *contract) wantApart(t *testing.T) {
	t.Helper()
	first, err := c.provider.Access(t.Context(), c.first.Name)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.provider.Access(t.Context(), c.second.Name)
	if err != nil {
		t.Fatal(err)
	}
	// With the second's certificate trusted, it is the server that has to refuse.
	forged, err := (&provisioner.Access{Server: second.Server, CACert: first.CACert, CAKey: first.CAKey}).Admin()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load(forged)
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		cluster.CertificateAuthorityData = second.CACert
	}
	if forged, err = clientcmd.Write(*config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), reachTimeout)
	defer cancel()
	if got, err := nodes(ctx, forged, second.Server); err == nil {
		t.Errorf("the kubeconfig of %s shows %d nodes of %s", c.first.Name, got, c.second.Name)
	}
}

// nodes returns how many nodes are Ready, as the API server at server tells a
// client with kubeconfig.
func nodes(ctx context.Context, kubeconfig []byte, server string) (int, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return 0, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return 0, err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/v1/nodes", nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 10<<20))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return readyNodes(body)
}

// readyNodes counts the Ready ones of a NodeList in JSON.
func readyNodes(body []byte) (int, error) {
	var list struct {
		Items []struct {
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return 0, err
	}
	ready := 0
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" {
				ready++
			}
		}
	}
	return ready, nil
}
