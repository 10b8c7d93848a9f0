package thaw_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"wheelhouse/provisioner/runtime/kubernetes/thaw"
)

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			status   = "/api/v1/nodes/worker-1/status"
			notReady = `{"status":{"conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"False"}]}}`
			ready    = `{"status":{"conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True"}]}}`
		)
		guard := thaw.NewGuard(t.Context())
		var reached string
		handler := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			reached = string(body)
		}))
		who := "system:node:worker-1"
		send := func(method, path, body string) int {
			reached = ""
			ctx := request.WithUser(t.Context(), &user.DefaultInfo{Name: who})
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
			return w.Code
		}
		through := func(when, method, path, body string) {
			t.Helper()
			if code := send(method, path, body); code != http.StatusOK || reached != body {
				t.Errorf("%s, %s %s: got %d and %q, want %q to be passed on", when, method, path, code, reached, body)
			}
		}
		time.Sleep(time.Minute)
		through("at all times", "PATCH", status, notReady)

		thaw.Freeze(guard, time.Hour)
		began := time.Now()
		if code := send("PATCH", status, notReady); code != http.StatusServiceUnavailable || reached != "" {
			t.Errorf("just after a thaw: got %d and %q passed on, want it refused", code, reached)
		}
		if waited := time.Since(began); waited < 500*time.Millisecond {
			t.Errorf("the answer came after %s, before a runtime can have answered", waited)
		}
		through("just after a thaw", "PATCH", status, ready)
		through("just after a thaw", "PATCH", status, "{")
		through("just after a thaw", "PATCH", "/api/v1/nodes/worker-1", notReady)
		through("just after a thaw", "PUT", status, notReady)
		through("just after a thaw", "GET", status, "")

		who = "system:serviceaccount:kube-system:node-controller"
		for _, method := range []string{"PUT", "PATCH"} {
			if code := send(method, status, ready); code != http.StatusServiceUnavailable || reached != "" {
				t.Errorf("just after a thaw, %s by the node controller: got %d and %q passed on, want it refused", method, code, reached)
			}
		}
		through("just after a thaw", "PUT", "/api/v1/namespaces/a/pods/b/status", "{}")
		time.Sleep(15 * time.Second)
		through("15 s later", "PUT", status, notReady)
		who = "system:node:worker-1"
		through("15 s later", "PATCH", status, notReady)
	})
}
