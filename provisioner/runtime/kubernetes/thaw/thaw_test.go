package thaw_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner/runtime/kubernetes/thaw"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errReached = errors.New("the API server was reached")

func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := thaw.NewGuard(t.Context())
		client := guard.Wrap(roundTripper(func(*http.Request) (*http.Response, error) { return nil, errReached }))
		send := func(method, path string) error {
			request, err := http.NewRequest(method, "https://it"+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.RoundTrip(request)
			return err
		}
		const status = "/api/v1/nodes/worker-1/status"
		time.Sleep(time.Minute)
		if err := send("PUT", status); err != errReached {
			t.Errorf("at all times: got %v", err)
		}
		thaw.Freeze(guard, time.Hour)
		if err := send("PUT", status); err != thaw.ErrThawed {
			t.Errorf("just after a thaw: got %v, want ErrThawed", err)
		}
		for method, path := range map[string]string{"GET": status, "PUT": "/api/v1/nodes/worker-1", "PATCH": "/api/v1/namespaces/a/pods/b/status"} {
			if err := send(method, path); err != errReached {
				t.Errorf("just after a thaw %s %s: got %v", method, path, err)
			}
		}
		time.Sleep(5 * time.Second)
		if err := send("PUT", status); err != errReached {
			t.Errorf("five seconds later: got %v", err)
		}
	})
}
