package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// cluster is an API server with services and pods: as much of one as a
// port-forward needs. It speaks the same protocol as the real one.
type cluster struct {
	t        *testing.T
	services map[string]string // name -> JSON of the spec
	slices   string            // JSON of the items
	pods     map[string]string // name -> address that answers for all of its ports; "" refuses

	mu     sync.Mutex
	dialed []string // pod:port
	hosts  []string // of requests to this API server
}

func (k *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	k.hosts = append(k.hosts, r.TLS.PeerCertificates[0].Subject.CommonName)
	k.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/default/services/"):
		spec, ok := k.services[path[len(path)-1]]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"kind":"Service","apiVersion":"v1","spec":%s}`, spec)
	case strings.HasSuffix(r.URL.Path, "/endpointslices"):
		fmt.Fprintf(w, `{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","items":[%s]}`, k.slices)
	case strings.HasSuffix(r.URL.Path, "/portforward"):
		k.forward(w, r, path[5])
	case strings.HasPrefix(r.URL.Path, "/redirected"):
		k.t.Errorf("a redirect of the API server was followed")
	default:
		http.NotFound(w, r)
	}
}

// forward answers a port-forward: the streams of one request are joined to a
// connection to the pod.
func (k *cluster) forward(w http.ResponseWriter, r *http.Request, pod string) {
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		k.t.Errorf("handshake: %v", err)
		return
	}
	streams := make(chan httpstream.Stream, 2)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	var trouble, data httpstream.Stream
	for range 2 {
		switch s := <-streams; s.Headers().Get("streamType") {
		case "error":
			trouble = s
		case "data":
			data = s
		}
	}
	port := data.Headers().Get("port")
	k.mu.Lock()
	k.dialed = append(k.dialed, pod+":"+port)
	k.mu.Unlock()
	pipe, err := net.Dial("tcp", k.pods[pod])
	if err != nil || k.pods[pod] == "" {
		fmt.Fprintf(trouble, "error forwarding port %s to pod %s: connection refused", port, pod)
		trouble.Close()
		<-conn.CloseChan()
		return
	}
	defer pipe.Close()
	trouble.Close()
	var copies sync.WaitGroup
	copies.Go(func() { io.Copy(pipe, data); pipe.(*net.TCPConn).CloseWrite() })
	io.Copy(data, pipe)
	data.Close()
	select {
	case <-conn.CloseChan():
	case <-time.After(5 * time.Second):
	}
	conn.Close()
	copies.Wait()
}

func slice(service, port string, number int, pods ...string) string {
	var endpoints []string
	for _, pod := range pods {
		name, state, _ := strings.Cut(pod, "=")
		endpoints = append(endpoints, fmt.Sprintf(`{"addresses":["169.254.169.254"],"conditions":{"ready":%t},"targetRef":{"kind":"Pod","name":%q}}`, state != "unready", name))
	}
	return fmt.Sprintf(`{"metadata":{"labels":{"kubernetes.io/service-name":%q}},"ports":[{"name":%q,"port":%d}],"endpoints":[%s]}`,
		service, port, number, strings.Join(endpoints, ","))
}
