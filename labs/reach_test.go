package labs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"wheelhouse/content"
	"wheelhouse/labs"
	"wheelhouse/labs/terminal/agent"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// workstation is an agent that can be started anew, with an empty home folder.
type workstation struct {
	socket, home string
	stop         func() error
}

func newWorkstation(t *testing.T) *workstation {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	w := &workstation{socket: filepath.Join(dir, "agent.sock")}
	w.start(t)
	t.Cleanup(func() {
		if err := errors.Join(w.stop(), os.RemoveAll(dir)); err != nil {
			t.Errorf("workstation: %v", err)
		}
	})
	return w
}

func (w *workstation) start(t *testing.T) {
	t.Helper()
	w.home = t.TempDir()
	listener, err := net.Listen("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx, listener, agent.Options{Home: w.home}) }()
	w.stop = func() error {
		cancel()
		return <-done
	}
}

func (w *workstation) has(name string) bool {
	_, err := os.Stat(filepath.Join(w.home, name))
	return err == nil
}

func TestReach(t *testing.T) {
	station := newWorkstation(t)
	var broken atomic.Bool
	provider, err := provisionertest.NewFake(provisionertest.FakeOptions{
		API: func(string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" || broken.Load() {
					w.WriteHeader(http.StatusInternalServerError)
				}
			})
		},
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", station.socket)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	if _, err := provider.Create(t.Context(), "wh-test", provisioner.Spec{}, nil); err != nil {
		t.Fatal(err)
	}
	access, err := provider.Access(t.Context(), "wh-test")
	if err != nil {
		t.Fatal(err)
	}
	lab := &content.Lab{Files: fstest.MapFS{"notes.txt": {Data: []byte("Hello\n")}}}
	reach, err := labs.NewReach(lab, access)
	if err != nil {
		t.Fatal(err)
	}
	look := func(want bool) {
		t.Helper()
		if err := reach(t.Context()); (err == nil) != want {
			t.Errorf("reach: got %v, want it to answer: %v", err, want)
		}
	}

	look(true)
	if !station.has(".kube/config") || !station.has("notes.txt") {
		t.Error("an empty home folder did not get its files")
	}
	// What the student deletes stays deleted for as long as the workstation runs.
	if err := os.Remove(filepath.Join(station.home, ".kube/config")); err != nil {
		t.Fatal(err)
	}
	look(true)
	if station.has(".kube/config") {
		t.Error("the student's own deletion was undone")
	}

	broken.Store(true)
	look(false)
	broken.Store(false)
	if err := station.stop(); err != nil {
		t.Fatal(err)
	}
	look(false)
	station.start(t)
	look(true)
	if !station.has(".kube/config") || !station.has("notes.txt") {
		t.Error("a workstation that started anew did not get its files")
	}
}
