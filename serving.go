package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// listen opens the address of --listen, or says what is in the way.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("port %s is taken by another program (or another Wheelhouse); choose a free one with --listen, such as --listen 127.0.0.1:0", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("not allowed to listen on %s; choose a port over 1023 with --listen", address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", address, err)
	}
	return listener, nil
}

// baseURL is where browsers find the server: what --public-url says, else what
// the listener got.
func (c *config) baseURL(listener net.Listener) *url.URL {
	if c.PublicURL != "" {
		u, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
		if err == nil { // validateServing has seen to it
			return u
		}
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host := listener.Addr().String()
	if given, _, err := net.SplitHostPort(c.Listen); err == nil && given == "localhost" {
		_, port, _ := net.SplitHostPort(host)
		host = net.JoinHostPort(given, port)
	}
	return &url.URL{Scheme: scheme, Host: host}
}

// runAll runs the parts side by side until ctx ends or one of them fails, and
// returns when all have ended.
func runAll(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error {
			if err := part(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}
