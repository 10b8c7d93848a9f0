package control_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"wheelhouse/server/control"
)

func TestControl(t *testing.T) {
	want := control.Status{Version: "v1", Mode: "serve", URL: "https://lab.example.org", PID: 7, StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Problem: "the disk is full", Clusters: control.Clusters{Warm: 1, Creating: 2, Claimed: 3, Deleting: 4, Waiting: 5, Max: 6}}
	var closed []string
	handler := control.Handler(control.Options{
		Status: func(context.Context) control.Status { return want },
		Close: func(_ context.Context, session string) error {
			if session == "s_bad" {
				return errors.New("the disk is full")
			}
			closed = append(closed, session)
			return nil
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	path := filepath.Join(t.TempDir(), control.Socket)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	client := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	})
	if got, err := client.Status(t.Context()); err != nil || *got != want {
		t.Errorf("status: got %+v, %v; want %+v", got, err, want)
	}
	if err := client.Close(t.Context(), "s_a/b"); err != nil || len(closed) != 1 || closed[0] != "s_a/b" {
		t.Errorf("close: got %v, closed %q", err, closed)
	}
	if err := client.Close(t.Context(), "s_bad"); err == nil || err.Error() != "the disk is full" {
		t.Errorf("close that fails: got %v", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Status(t.Context()); err == nil {
		t.Error("status of a server that has ended: got no error")
	}
}
