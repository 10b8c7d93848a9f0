package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/provisionertest"
	"wheelhouse/server/control"
)

// serving has a data folder with Ada at the lab pods, and a server on it whose Close
// ends sessions as the real one does.
func serving(t *testing.T) (data string, closed <-chan string) {
	t.Helper()
	data = t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	stores := db.Stores()
	if err := stores.Users.Create(t.Context(), &labs.User{ID: "u_ada", Name: "Ada", Role: labs.Student, PasswordHash: "x", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	session := labs.Session{ID: "s_1", UserID: "u_ada", Lab: "pods", Phase: labs.Ready, Cluster: "wh-ada", CreatedAt: time.Now(), ReadyAt: time.Now(), ActiveAt: time.Now().Add(-90 * time.Minute)}
	if err := stores.Sessions.Save(t.Context(), &session); err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 10)
	listener, err := host.ListenUnix(data, control.Socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: control.Handler(control.Options{
		Status: func(context.Context) control.Status {
			return control.Status{Version: "v1.2.3", Mode: "serve", URL: "https://lab.example.org", PID: 42, StartedAt: time.Now().Add(-time.Hour),
				Clusters: control.Clusters{Claimed: 1, Warm: 2, Waiting: 3, Max: 4}}
		},
		Close: func(ctx context.Context, id string) error {
			session.Phase, session.Cluster, session.EndedAt = labs.Ended, "", time.Now()
			err := stores.Sessions.Save(ctx, &session)
			ended <- id
			return err
		},
		Logger: slog.New(slog.DiscardHandler),
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return data, ended
}

// TestStatus: whether a server runs, how it is, and who works where.
func TestStatus(t *testing.T) {
	data, _ := serving(t)
	out, err := said(t, data, "", "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`v1\.2\.3, serve, process 42, for 1h0m`, `https://lab\.example\.org`, `1 in use, 2 ready, .*at most 4`, `In line +3`,
		`Ada +pods +Ready +0 +wh-ada +1h30m ago`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("got\n%s\nwant %s", out, want)
		}
	}
	if out, err = said(t, data, "", "status", "-o", "json"); err != nil || !regexp.MustCompile(`"waiting": 3,(?s:.*)"cluster": "wh-ada"`).MatchString(out) {
		t.Errorf("json: got %v\n%s", err, out)
	}
	// Where none runs the exit status says so, and the next step is told.
	empty := filepath.Join(t.TempDir(), "a folder")
	out, err = said(t, empty, "", "status", "-o", "json")
	if err == nil || !strings.Contains(err.Error(), "no Wheelhouse runs on "+empty) || !strings.Contains(err.Error(), "wheelhouse serve --data '"+empty+"'") {
		t.Errorf("none runs: got %v", err)
	}
	if !strings.Contains(out, `"server": null`) {
		t.Errorf("none runs: printed\n%s", out)
	}
}

// TestUserDeleteEndsSessions: the server that runs ends what a removed user has open.
func TestUserDeleteEndsSessions(t *testing.T) {
	data, closed := serving(t)
	if _, err := said(t, data, "n\n", "user", "delete", "Ada"); err == nil || len(closed) > 0 {
		t.Errorf("not confirmed: got %v, closed %d sessions", err, len(closed))
	}
	out, err := said(t, data, "y\n", "user", "delete", "Ada")
	if err != nil || len(closed) != 1 || !strings.Contains(out, "Ada has the lab pods open") || !strings.Contains(out, "Ada is removed.") {
		t.Errorf("got %v, closed %d sessions, printed\n%s", err, len(closed), out)
	}
}

// TestDeletion: clusters of labs under way are the server's to delete, spare ones are
// left to it, and where none runs all are the command's.
func TestDeletion(t *testing.T) {
	data, closed := serving(t)
	cfg := &config{Data: data}
	server, _, err := cfg.server(t.Context())
	if err != nil || server == nil {
		t.Fatalf("got %v, %v, want the server", server, err)
	}
	owned, err := cfg.owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := owned.describe([]string{"wh-spare", "wh-ada", "play"}), "  wh-ada: Ada, lab pods, 0 steps complete\n"; got != want {
		t.Errorf("whose they are: got %q, want %q", got, want)
	}
	provider, err := provisionertest.NewFake(provisionertest.FakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	all := []string{"play", "wh-ada", "wh-spare"}
	for _, name := range all {
		if _, err := provider.Create(t.Context(), name, provisioner.Spec{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var out, said bytes.Buffer
	d := deletion{provider: provider, server: server, owners: owned, out: &out, err: &said}
	if d.names = d.withoutSpares(all); !slices.Equal(d.names, []string{"play", "wh-ada"}) || !strings.Contains(said.String(), "Left alone: 1 cluster that") {
		t.Errorf("with a server: got %q, said %q", d.names, said.String())
	}
	deleted := make(chan error, 1)
	go func() { deleted <- d.run(t.Context()) }()
	if id := <-closed; id != "s_1" {
		t.Errorf("closed %s", id)
	}
	provider.Vanish("wh-ada") // as the server does when the session has ended
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if want := "Deleted cluster play.\nDeleted cluster wh-ada.\n"; out.String() != want || !slices.Equal(provider.Deleted(), []string{"play"}) {
		t.Errorf("printed %q, deleted %q", out.String(), provider.Deleted())
	}

	alone := deletion{provider: provider, out: &out, err: &said}
	if got := alone.withoutSpares([]string{"wh-spare"}); !slices.Equal(got, []string{"wh-spare"}) {
		t.Errorf("without a server: got %q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	d.owners = owners{"wh-spare": labs.LiveSession{Session: labs.Session{ID: "s_2"}}}
	if err := d.awaitDeleted(ended, []string{"wh-spare"}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: got %v, want that the context ended", err)
	}
}
