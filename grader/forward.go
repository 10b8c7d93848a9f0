package grader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// forward opens a connection to a port of a pod, over the API server, as kubectl
// port-forward does. It ends with Close.
func (c *cluster) forward(ctx context.Context, in target, port int) (net.Conn, error) {
	where := c.plain.Get().AbsPath("/api/v1/namespaces", in.namespace, "pods", in.pod, "portforward").URL()
	config := rest.CopyConfig(c.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bound{ctx, next} })
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport, Timeout: time.Minute}, http.MethodPost, where)
	webSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(where, config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialerForStreaming(webSocket, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	streams, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	conn, err := forwarded(streams, port)
	if err != nil {
		return nil, errors.Join(err, streams.Close())
	}
	context.AfterFunc(ctx, func() { streams.Close() })
	return conn, nil
}

// bound gives requests that are made without one a context.
type bound struct {
	ctx  context.Context
	next http.RoundTripper
}

func (b bound) RoundTrip(request *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(request.WithContext(b.ctx))
}

// forwarded opens the two streams of one connection: what goes wrong, then what
// is sent and received.
func forwarded(streams httpstream.Connection, port int) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	problems, err := streams.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("open the stream of errors: %w", err)
	}
	if err := problems.Close(); err != nil { // we have nothing to say there
		return nil, err
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := streams.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("open the stream of data: %w", err)
	}
	near, far := net.Pipe()
	go func() { // ends when either side is closed
		_, _ = io.Copy(data, far)
		data.Close()
	}()
	go func() {
		_, _ = io.Copy(far, data)
		far.Close()
		streams.Close()
	}()
	return near, nil
}
