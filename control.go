package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"wheelhouse/labs"
	"wheelhouse/provisioner/host"
	"wheelhouse/server/control"
)

// serveControl answers the commands on this machine until ctx ends.
func (p *program) serveControl(ctx context.Context) error {
	server := &http.Server{
		Handler:           control.Handler(control.Options{Status: p.status, Close: p.labs.Close, Logger: p.logger}),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(p.control); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer commands: %w", err)
	}
	return nil
}

func (p *program) status(ctx context.Context) control.Status {
	pool := p.pool.Status()
	status := control.Status{
		Version: version, Mode: string(p.mode), URL: p.url.String(), PID: os.Getpid(), StartedAt: p.began,
		Clusters: control.Clusters{Warm: pool.Warm, Creating: pool.Creating, Claimed: pool.Claimed, Deleting: pool.Deleting, Waiting: pool.Waiting, Max: p.max},
	}
	if err := p.ready(ctx); err != nil {
		status.Problem = err.Error()
	}
	return status
}

// server returns who answers for the Wheelhouse that serves the data folder, and how
// that is: nil where none runs.
func (c *config) server(ctx context.Context) (*control.Client, *control.Status, error) {
	data, err := c.dataFolder()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := control.NewClient(func(ctx context.Context) (net.Conn, error) { return host.DialUnix(ctx, data, control.Socket) })
	status, err := client.Status(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, nil, nil // none, or one that was killed
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("the Wheelhouse of %s belongs to another user: %w; try with sudo", data, err)
	case err != nil:
		return nil, nil, fmt.Errorf("a Wheelhouse runs on %s but does not answer; if it does not in a minute either, stop it and try again: %w", data, err)
	}
	return client, status, nil
}

// owners are the sessions under way of a data folder, by their clusters' names.
type owners map[string]labs.LiveSession

// liveSessions reads the sessions under way of the data folder. A folder that has never
// been served holds none.
func (c *config) liveSessions(ctx context.Context) (live []labs.LiveSession, err error) {
	if _, err := os.Stat(filepath.Join(c.Data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	err = c.operate(ctx, func(o *labs.Operator) error {
		live, err = o.Sessions(ctx, "")
		return err
	})
	return live, err
}

// owners reads whose the clusters of the data folder are.
func (c *config) owners(ctx context.Context) (owners, error) {
	sessions, err := c.liveSessions(ctx)
	found := owners{}
	for _, live := range sessions {
		if live.Session.Cluster != "" {
			found[live.Session.Cluster] = live
		}
	}
	return found, err
}

// describe lists those of the clusters that sessions use, a line for each.
func (o owners) describe(clusters []string) string {
	var lines strings.Builder
	for _, name := range slices.Sorted(slices.Values(clusters)) {
		if live, ok := o[name]; ok {
			fmt.Fprintf(&lines, "  %s: %s, lab %s, %d steps complete\n", name, live.User.Name, live.Session.Lab, live.Completed)
		}
	}
	return lines.String()
}
