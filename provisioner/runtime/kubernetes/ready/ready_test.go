package ready_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"wheelhouse/provisioner/runtime/kubernetes/ready"
)

// TestAwait: a server that has yet to make roles is ready where they are seeded.
func TestAwait(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL)
		}
		roles := slices.Contains(r.URL.Query()["exclude"], "poststarthook/rbac/bootstrap-roles")
		if asked < 3 || !roles && asked < 6 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		seeded bool
		want   int
	}{{true, 3}, {false, 6}} {
		asked = 0
		if err := ready.Await(t.Context(), client, test.seeded); err != nil || asked != test.want {
			t.Errorf("seeded %v: got %v after %d questions, want %d", test.seeded, err, asked, test.want)
		}
	}
}

func TestWithoutLateHooks(t *testing.T) {
	var got []string
	transport := ready.WithoutLateHooks(roundTripper(func(r *http.Request) (*http.Response, error) {
		got = append(got, r.URL.String())
		return nil, http.ErrAbortHandler
	}))
	for _, url := range []string{"https://it/healthz", "https://it/api?watch=1"} {
		request := httptest.NewRequest(http.MethodGet, url, nil)
		if _, err := transport.RoundTrip(request); err != http.ErrAbortHandler || request.URL.String() != url {
			t.Errorf("%s became %s, %v", url, request.URL, err)
		}
	}
	want := []string{"https://it/healthz?exclude=poststarthook%2Frbac%2Fbootstrap-roles&exclude=poststarthook%2Fscheduling%2Fbootstrap-system-priority-classes", "https://it/api?watch=1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAwaitServices: kube-proxy that answers, but has laid no rules, is waited for.
func TestAwaitServices(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		health := `{"lastUpdated":"2026-01-01T00:00:00Z","healthy":true}`
		if asked == 3 {
			health = `{"healthy":true,"status":{"IPv4":{"healthy":true}}}`
		}
		_, _ = io.WriteString(w, health)
	}))
	defer server.Close()
	ready.AwaitServices(t.Context(), server.URL)
	if asked != 3 {
		t.Errorf("it was asked %d times, want 3", asked)
	}
}

// TestAwaitDNS: a pod that is there is waited for until it is ready.
func TestAwaitDNS(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if got := r.URL.Query().Get("labelSelector"); got != ready.DNSPods.LabelSelector {
			t.Errorf("asked for the pods %q", got)
		}
		state := "False"
		if asked == 3 {
			state = "True"
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"PodList","apiVersion":"v1","items":[{"status":{"conditions":[{"type":"Ready","status":"`+state+`"}]}}]}`)
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ready.AwaitDNS(t.Context(), client)
	if asked != 3 {
		t.Errorf("it was asked %d times, want 3", asked)
	}
}
