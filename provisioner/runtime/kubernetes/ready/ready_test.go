package ready_test

import (
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
