package activity_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"

	"wheelhouse/provisioner/runtime/kubernetes/activity"
)

// listen returns how many datagrams wait on a socket of its own, and that socket.
func listen(t *testing.T) (func() int, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return func() int {
		for n := 0; ; n++ {
			// A datagram is there as soon as it is sent; a deadline that has passed
			// would refuse to read even that.
			if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 8)); err != nil {
				return n
			}
		}
	}, socket
}

// ask has handler answer a request, with what the API server knows of it.
func ask(t *testing.T, ctx context.Context, handler http.Handler, method, path string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil).WithContext(ctx)
	resolver := &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	info, err := resolver.NewRequestInfo(r)
	if err != nil {
		t.Fatal(err)
	}
	handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(request.WithRequestInfo(ctx, info)))
}

func TestHandler(t *testing.T) {
	for _, test := range []struct {
		method, path string
		rings        bool
	}{
		{"POST", "/api/v1/namespaces/default/pods", true},
		{"PATCH", "/apis/apps/v1/namespaces/default/deployments/web", true},
		{"DELETE", "/api/v1/namespaces/default/pods/web", true},
		{"DELETE", "/api/v1/namespaces/default/pods", true},
		{"PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/mine", true},
		{"POST", "/api/v1/namespaces/default/pods/web/exec?command=sh", true},
		{"GET", "/api/v1/namespaces/default/pods/web/exec?command=sh", true}, // by WebSocket
		{"GET", "/api/v1/namespaces/default/pods/web/log?follow=true", true},
		{"GET", "/api/v1/namespaces/default/services/web/proxy/", true},
		{"GET", "/api/v1/namespaces/default/pods", false},
		{"GET", "/api/v1/pods?watch=true", false},
		{"GET", "/readyz", false},
		{"POST", "/readyz", false},
		{"PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-1", false},
		{"PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/apiserver-1", false},
		{"PATCH", "/api/v1/nodes/worker-1/status", false},
		{"PATCH", "/api/v1/nodes/worker-1", true},
		{"POST", "/apis/authentication.k8s.io/v1/tokenreviews", false},
		{"POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", false},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			heard, socket := listen(t)
			reached := false
			handler := activity.NewBell([]string{filepath.Join(t.TempDir(), "nobody"), socket}).
				Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
			ask(t, t.Context(), handler, test.method, test.path)
			if !reached {
				t.Error("the request was not answered")
			}
			if got := heard() > 0; got != test.rings {
				t.Errorf("rung: %v, want %v", got, test.rings)
			}
		})
	}
}

// TestBellStaysSilent for a while after it was rung: a rollout makes hundreds of
// requests.
func TestBellStaysSilent(t *testing.T) {
	heard, socket := listen(t)
	bell := activity.NewBell([]string{socket})
	for range 100 {
		bell.Ring()
	}
	if got := heard(); got != 1 {
		t.Errorf("heard %d times, want once", got)
	}
}

// TestOpenStream: as long as somebody is in a pod, something is going on.
func TestOpenStream(t *testing.T) {
	heard, socket := listen(t)
	synctest.Test(t, func(t *testing.T) {
		handler := activity.NewBell([]string{socket}).
			Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) }))
		ask(t, t.Context(), handler, "POST", "/api/v1/namespaces/default/pods/web/exec?command=sh")
		time.Sleep(time.Hour)
	})
	if got := heard(); got < 4 || got > 60 {
		t.Errorf("heard %d times in a minute, want at least each 15 s and at most each second", got)
	}
}
