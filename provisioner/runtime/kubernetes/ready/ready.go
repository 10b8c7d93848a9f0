// Package ready is the order in which the parts of a new cluster start. It tells when
// the API server of one whose database was seeded can be worked with, which is a second
// before it says so itself, and who waits for whom after that.
package ready

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// lateHooks are what the API server does a whole second after its start, and is
// not ready before: it makes the roles and classes that are missing. In a
// database that was seeded none is. The names are those of its /readyz.
var lateHooks = url.Values{"exclude": {"poststarthook/rbac/bootstrap-roles", "poststarthook/scheduling/bootstrap-system-priority-classes"}}

// Await blocks until the API server is ready, but for lateHooks where the database
// was seeded, or until ctx ends. Who comes sooner is refused for rights that are
// not read yet, and may wait for seconds before it asks again.
func Await(ctx context.Context, client kubernetes.Interface, seeded bool) error {
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		request := client.Discovery().RESTClient().Get().AbsPath("/readyz")
		if seeded {
			for _, hook := range lateHooks["exclude"] {
				request.Param("exclude", hook)
			}
		}
		_, err := request.DoRaw(ctx)
		return err == nil, nil
	})
}

// WithoutLateHooks asks whether the API server is healthy, as the controller
// manager does once a second before it begins, without lateHooks.
func WithoutLateHooks(next http.RoundTripper) http.RoundTripper { return healthz{next} }

type healthz struct{ http.RoundTripper }

func (h healthz) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Path == "/healthz" {
		request = request.Clone(request.Context())
		request.URL.RawQuery = lateHooks.Encode()
	}
	return h.RoundTripper.RoundTrip(request)
}
