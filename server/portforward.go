package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// forward reaches one service of one cluster by port-forward through the
// cluster's API server. It never connects to an address that the cluster names:
// services without pods of their own cannot be reached through it.
type forward struct {
	server    string // of the cluster's API, to tell when it is another one
	config    *rest.Config
	client    *http.Client // of the API server
	target    appTarget
	transport *http.Transport // of the application
}

const (
	maxObject      = 4 << 20 // bytes of one answer of the API server
	apiPatience    = 10 * time.Second
	portForwardV1  = "portforward.k8s.io"
	maxForwardNote = 4 << 10 // bytes of what the node says went wrong
)

// forwardError says on a page why a service cannot be reached.
type forwardError struct {
	status        int
	title, detail string
	err           error
}

func (e *forwardError) Error() string {
	if e.err != nil {
		return e.title + ": " + e.err.Error()
	}
	return e.title
}

func (e *forwardError) Unwrap() error { return e.err }

func unreachable(err error) error {
	return &forwardError{http.StatusServiceUnavailable, "The cluster does not answer", "Its API server cannot be reached. Look whether kubectl works in the terminal, then try again.", err}
}

// reach returns the way to the application through the cluster whose API server
// that is. admin is asked for a kubeconfig only the first time.
func (a *app) reach(server string, admin func() ([]byte, error)) (*forward, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forward != nil && a.forward.server == server {
		return a.forward, nil
	}
	kubeconfig, err := admin()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's kubeconfig: %w", err)
	}
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil } // the environment's is not for clusters
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for the cluster: %w", err)
	}
	client.CheckRedirect = noRedirect
	f := &forward{server: server, config: config, client: client, target: a.target}
	// Like a Service, each new connection goes to any ready pod; without
	// keep-alive a student who reloads sees that.
	f.transport = &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) },
		DisableKeepAlives:      true,
		DisableCompression:     true,
		ResponseHeaderTimeout:  appPatience,
		MaxResponseHeaderBytes: appHeader,
	}
	a.forward = f
	return f, nil
}

// noRedirect keeps a cluster, which is its student's, from sending our requests
// elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// dial opens a connection to a ready pod behind the service.
func (f *forward) dial(ctx context.Context) (net.Conn, error) {
	resolving, cancel := context.WithTimeout(ctx, apiPatience)
	defer cancel()
	pod, port, err := f.resolve(resolving)
	if err != nil {
		return nil, err
	}
	return f.connect(ctx, pod, port)
}

// resolve finds a ready pod and its port.
func (f *forward) resolve(ctx context.Context) (pod string, port int32, err error) {
	t := f.target
	var service corev1.Service
	found, err := f.get(ctx, "/api/v1/namespaces/"+t.namespace+"/services/"+t.service, &service)
	if err != nil {
		return "", 0, err
	}
	if !found {
		return "", 0, &forwardError{status: http.StatusNotFound, title: "There is no such Service yet",
			detail: fmt.Sprintf("The cluster has no Service %s in namespace %s. Create it, then reload this page.", t.service, t.namespace)}
	}
	name, err := f.portName(&service)
	if err != nil {
		return "", 0, err
	}
	var slices discoveryv1.EndpointSliceList
	query := url.Values{"labelSelector": {discoveryv1.LabelServiceName + "=" + t.service}}
	if _, err := f.get(ctx, "/apis/discovery.k8s.io/v1/namespaces/"+t.namespace+"/endpointslices?"+query.Encode(), &slices); err != nil {
		return "", 0, err
	}
	type endpoint struct {
		pod  string
		port int32
	}
	var ready []endpoint
	for _, slice := range slices.Items {
		for _, p := range slice.Ports {
			if p.Port == nil || (p.Name == nil && name != "") || (p.Name != nil && *p.Name != name) {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.TargetRef != nil && e.TargetRef.Kind == "Pod" && labelsPattern(e.TargetRef.Name) && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
					ready = append(ready, endpoint{e.TargetRef.Name, *p.Port})
				}
			}
		}
	}
	if len(ready) == 0 {
		return "", 0, &forwardError{status: http.StatusServiceUnavailable, title: "No pod is ready yet",
			detail: fmt.Sprintf("Service %s in namespace %s has no ready pod behind it. Compare its selector with the pods' labels, and see whether the pods are ready: kubectl get pods,endpointslices -n %s", t.service, t.namespace, t.namespace)}
	}
	chosen := ready[rand.IntN(len(ready))]
	return chosen.pod, chosen.port, nil
}

// portName returns the name, which may be empty, of the service's port.
func (f *forward) portName(service *corev1.Service) (string, error) {
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return "", &forwardError{status: http.StatusBadGateway, title: "This Service points outside the cluster",
			detail: fmt.Sprintf("Service %s is an ExternalName. Only what pods of the cluster answer can be shown here.", f.target.service)}
	}
	var has []string
	for _, p := range service.Spec.Ports {
		if int(p.Port) == f.target.port && (p.Protocol == corev1.ProtocolTCP || p.Protocol == "") {
			return p.Name, nil
		}
		has = append(has, strconv.Itoa(int(p.Port)))
	}
	return "", &forwardError{status: http.StatusNotFound, title: "The Service has no such port",
		detail: fmt.Sprintf("Service %s in namespace %s has no TCP port %d. It has: %s.", f.target.service, f.target.namespace, f.target.port, strings.Join(has, ", "))}
}

// labelsPattern tells whether a pod can have that name, so that it can stand in
// a path.
func labelsPattern(name string) bool {
	return len(name) <= 253 && !slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return !labelPattern.MatchString(label) })
}

// get reads one object of the cluster's API; found is false where there is none.
func (f *forward) get(ctx context.Context, path string, into any) (found bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.config.Host+path, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return false, unreachable(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if response.StatusCode != http.StatusOK {
		return false, unreachable(fmt.Errorf("GET %s: %s", path, response.Status))
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxObject)).Decode(into); err != nil {
		return false, unreachable(fmt.Errorf("GET %s: %w", path, err))
	}
	return true, nil
}

// connect opens a connection to a pod's port. It is one SPDY connection with an
// error stream and a data stream, as in kubectl port-forward.
func (f *forward) connect(ctx context.Context, pod string, port int32) (net.Conn, error) {
	transport, upgrader, err := spdy.RoundTripperFor(f.config)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	at := f.config.Host + "/api/v1/namespaces/" + f.target.namespace + "/pods/" + pod + "/portforward"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at, nil)
	if err != nil {
		return nil, err
	}
	connection, _, err := spdy.NegotiateStreaming(upgrader, client, request, portForwardV1)
	if err != nil {
		return nil, unreachable(fmt.Errorf("port-forward to pod %s: %w", pod, err))
	}
	header := http.Header{}
	header.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	header.Set(corev1.PortForwardRequestIDHeader, "0")
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	trouble, err := connection.CreateStream(header)
	if err == nil {
		trouble.Close() // nothing is written to it
		header.Set(corev1.StreamType, corev1.StreamTypeData)
		var data httpstream.Stream
		if data, err = connection.CreateStream(header); err == nil {
			return newForwarded(connection, data, trouble, pod, port), nil
		}
	}
	connection.Close()
	return nil, unreachable(fmt.Errorf("port-forward to pod %s: %w", pod, err))
}

// forwarded is the connection to a pod's port.
type forwarded struct {
	httpstream.Stream // the data
	connection        httpstream.Connection
	pod               string
	port              int32

	noted chan struct{} // closed when note is set
	note  string        // what the node says went wrong
}

func newForwarded(connection httpstream.Connection, data, trouble httpstream.Stream, pod string, port int32) *forwarded {
	f := &forwarded{Stream: data, connection: connection, pod: pod, port: port, noted: make(chan struct{})}
	go func() { // ends with the connection
		defer close(f.noted)
		note, _ := io.ReadAll(io.LimitReader(trouble, maxForwardNote))
		f.note = string(bytes.TrimSpace(note))
		if f.note != "" {
			data.Reset()
		}
	}()
	return f
}

// Read reports what the node says went wrong instead of a bare end.
func (f *forwarded) Read(p []byte) (int, error) {
	n, err := f.Stream.Read(p)
	if err == nil || n > 0 {
		return n, err
	}
	select {
	case <-f.noted:
	case <-time.After(time.Second):
		return 0, err
	}
	if f.note == "" {
		return 0, err
	}
	return 0, &forwardError{http.StatusBadGateway, "Nothing listens on the pod's port",
		fmt.Sprintf("The Service sends to port %d of pod %s, and no connection could be made there. Compare the Service's targetPort with the port on which the container listens, then reload this page.", f.port, f.pod),
		errors.New(f.note)}
}

func (f *forwarded) Close() error {
	f.Stream.Close()
	return f.connection.Close()
}

func (f *forwarded) LocalAddr() net.Addr  { return forwardedAddr("wheelhouse") }
func (f *forwarded) RemoteAddr() net.Addr { return forwardedAddr(f.pod) }

// Deadlines are not supported: requests end by their context.
func (f *forwarded) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (f *forwarded) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (f *forwarded) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type forwardedAddr string

func (forwardedAddr) Network() string  { return "portforward" }
func (a forwardedAddr) String() string { return string(a) }
