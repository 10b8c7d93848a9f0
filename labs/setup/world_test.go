package setup_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/labs/setup"
	"wheelhouse/labs/terminal/agent"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// world is one cluster: a real agent on a home folder of its own, and an API
// server that knows discovery and server-side apply, no more.
type world struct {
	access *provisioner.Access
	home   string
	api    *apiServer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{home: t.TempDir(), api: &apiServer{}}
	dial := serveAgent(t, w.home)
	provider, err := provisionertest.NewFake(provisionertest.FakeOptions{
		API:  func(string) http.Handler { return w.api },
		Dial: func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	if _, err := provider.Create(t.Context(), "wh-test", provisioner.Spec{}, nil); err != nil {
		t.Fatal(err)
	}
	if w.access, err = provider.Access(t.Context(), "wh-test"); err != nil {
		t.Fatal(err)
	}
	return w
}

// serveAgent starts an agent for home, which ends with the test.
func serveAgent(t *testing.T, home string) func(ctx context.Context) (net.Conn, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx, listener, agent.Options{Home: home}) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, os.RemoveAll(dir)); err != nil {
			t.Errorf("agent: %v", err)
		}
	})
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", socket) }
}

// applied is one object that a set-up applied.
type applied struct {
	path  string // "/api/v1/namespaces/default/pods/web"
	query string
	body  string
}

// apiServer takes what is applied to it.
type apiServer struct {
	mu      sync.Mutex
	objects []applied
	refuse  func(path string) *metav1.Status // nil takes everything
	kinds   map[string]bool                  // of the group example.dev; they appear when the test says so
	listed  func() []map[string]any          // the Pods and the objects that make them, each time they are asked for; nil is none
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet {
		answer, ok := s.discovery(r.URL.Path)
		if !ok {
			answer, ok = s.list(r.URL.Path)
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		json.NewEncoder(w).Encode(answer)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPatch || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch+yaml") {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if s.refuse != nil {
		if status := s.refuse(r.URL.Path); status != nil {
			status.Kind, status.APIVersion, status.Status = "Status", "v1", metav1.StatusFailure
			w.WriteHeader(int(status.Code))
			json.NewEncoder(w).Encode(status)
			return
		}
	}
	s.objects = append(s.objects, applied{r.URL.Path, r.URL.RawQuery, string(body)})
	w.Write(body)
}

func (s *apiServer) discovery(path string) (answer any, ok bool) {
	resource := func(name, kind string, namespaced bool) metav1.APIResource {
		return metav1.APIResource{Name: name, Kind: kind, Namespaced: namespaced, Verbs: metav1.Verbs{"patch"}}
	}
	switch path {
	case "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}, true
	case "/apis":
		version := metav1.GroupVersionForDiscovery{GroupVersion: "example.dev/v1", Version: "v1"}
		return metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{
			{Name: "example.dev", Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version},
		}}, true
	case "/api/v1":
		return metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			resource("namespaces", "Namespace", false), resource("pods", "Pod", true), resource("configmaps", "ConfigMap", true),
		}}, true
	case "/apis/example.dev/v1":
		list := metav1.APIResourceList{GroupVersion: "example.dev/v1"}
		for kind := range s.kinds {
			list.APIResources = append(list.APIResources, resource(strings.ToLower(kind)+"s", kind, true))
		}
		return list, true
	}
	return nil, false
}

// list answers with the objects of a resource that workloads and Pods have.
func (s *apiServer) list(path string) (answer any, ok bool) {
	kind, ok := map[string]string{
		"/api/v1/pods": "Pod", "/apis/apps/v1/deployments": "Deployment", "/apis/apps/v1/replicasets": "ReplicaSet",
		"/apis/apps/v1/statefulsets": "StatefulSet", "/apis/apps/v1/daemonsets": "DaemonSet",
	}[path]
	items := []map[string]any{}
	if s.listed != nil {
		for _, o := range s.listed() {
			if o["kind"] == kind {
				items = append(items, o)
			}
		}
	}
	return map[string]any{"apiVersion": "v1", "kind": kind + "List", "metadata": map[string]any{}, "items": items}, ok
}

// paths returns what was applied, in its order.
func (s *apiServer) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for _, object := range s.objects {
		paths = append(paths, object.path)
	}
	return paths
}

func wantMessage(t *testing.T, err error, wants ...string) {
	t.Helper()
	failed, ok := errors.AsType[*setup.Error](err)
	if !ok {
		t.Fatalf("got %v, want a setup.Error", err)
	}
	for _, want := range wants {
		if !strings.Contains(failed.Message, want) {
			t.Errorf("the message is %q, want something with %q", failed.Message, want)
		}
	}
}
