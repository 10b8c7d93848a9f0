package verify_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs/terminal/agent"
	"wheelhouse/labs/verify"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// newPool makes a pool whose clusters have n as their API server and a real agent
// with a real shell as their workstation. When the test ends, no cluster may be
// left.
func newPool(t *testing.T, n *notes) (*provisioner.Pool, *provisionertest.Fake) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	fake, err := provisionertest.NewFake(provisionertest.FakeOptions{
		API: func(string) http.Handler { return n },
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, home := provisioner.NewPool(provisioner.PoolOptions{Provider: fake}), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	running, serving := make(chan error, 1), make(chan error, 1)
	go func() { running <- pool.Run(ctx) }()
	go func() { serving <- agent.Serve(ctx, listener, agent.Options{Home: home}) }()
	t.Cleanup(func() {
		for deadline := time.Now().Add(20 * time.Second); ; {
			left, err := fake.List(ctx)
			if err == nil && len(left) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("left are %v, %v; want no cluster", left, err)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		if err := errors.Join(<-running, <-serving, os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		fake.Close()
	})
	return pool, fake
}

// onWorkstation is a lab whose home holds set.sh, which changes a note from a
// shell that has neither kubectl nor curl.
func onWorkstation(t *testing.T, n *notes) *content.Lab {
	t.Helper()
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	lab := labOf()
	lab.Steps = lab.Steps[:2]
	lab.Files = fstest.MapFS{"set.sh": {Data: []byte(`#!/bin/bash
exec 3<>/dev/tcp/` + host + `/` + port + `
printf 'GET /set?key=%s&value=%s HTTP/1.0\r\n\r\n' "$1" "$2" >&3
cat <&3
`)}}
	lab.Solution = []content.Part{{Step: "one", Text: "# Say yes.\n./set.sh one \\\n  yes\n"}, {Step: "two", Text: "./set.sh two yes\n"}}
	lab.Wrong = []content.WrongAnswer{{Name: "no", After: "one", Step: "two", Check: "note", Message: "the note says no", Text: "./set.sh two no\n"}}
	lab.Right = []content.RightAnswer{{Name: "again", After: "one", Step: "two", Text: "# step: two\n./set.sh two no; ./set.sh two yes\n"}}
	return lab
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string]string{
		"solution": {"one": "yes", "two": "yes"}, "without/two": {"one": "yes", "two": ""}, "wrong/no": {"one": "yes", "two": "no"},
		"right/again": {"one": "yes", "two": "yes"},
	} {
		n := newNotes()
		lab := onWorkstation(t, n)
		proof := caseOf(t, lab, name)
		t.Run(proof.Name, func(t *testing.T) {
			t.Parallel()
			pool, _ := newPool(t, n)
			outcome, err := proof.Run(t.Context(), pool)
			if err != nil {
				t.Fatal(err)
			}
			if len(outcome.Problems) > 0 || outcome.Transcript != "" || outcome.Duration <= 0 || outcome.Case.Name != proof.Name {
				t.Errorf("got %+v, want it proven", outcome)
			}
			for key, value := range want {
				if got := n.get(key); got != value {
					t.Errorf("note %s is %q, want %q", key, got, value)
				}
			}
		})
	}
}

func TestRunShowsTheTerminalOfWhatFails(t *testing.T) {
	t.Parallel()
	n := newNotes()
	lab := onWorkstation(t, n)
	lab.Solution[0].Text = "echo so far\nexit 3\n"
	pool, _ := newPool(t, n)
	outcome, err := verify.Cases(lab)[0].Run(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	wantProblems(t, outcome.Problems, `step one: the shell ended at "exit 3"`)
	if !strings.Contains(outcome.Transcript, "$ echo so far\n") || !strings.Contains(outcome.Transcript, "\rso far\n") {
		t.Errorf("transcript %q, want what was typed and printed", outcome.Transcript)
	}
}

func TestRunTellsOfASetUpThatFails(t *testing.T) {
	t.Parallel()
	n := newNotes()
	lab := onWorkstation(t, n)
	lab.Setup = []content.SetupFile{{Name: "1-break.sh", Text: "echo no such thing >&2; exit 4"}}
	pool, _ := newPool(t, n)
	outcome, err := verify.Cases(lab)[0].Run(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	wantProblems(t, outcome.Problems, "The set-up script 1-break.sh failed and printed:\nno such thing")
	if n.get("one") != "" {
		t.Error("the solution was typed after a set-up that failed")
	}
}

func TestRunWithoutACluster(t *testing.T) {
	t.Parallel()
	n := newNotes()
	pool, fake := newPool(t, n)
	defer fake.Block("Create")()
	enough := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	outcome, err := verify.Cases(onWorkstation(t, n))[0].Run(ctx, pool)
	if outcome != nil || !errors.Is(err, enough) || !strings.HasPrefix(err.Error(), "get a cluster: ") {
		t.Errorf("got %+v, %v, want %v", outcome, err, enough)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	n := newNotes()
	lab := onWorkstation(t, n)
	lab.Solution[0].Text = "./set.sh begun yes; sleep 1000\n"
	pool, _ := newPool(t, n)
	enough := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		n.until(t.Context(), "begun", "yes")
		cancel(enough)
	}()
	outcome, err := verify.Cases(lab)[0].Run(ctx, pool)
	if outcome != nil || !errors.Is(err, enough) {
		t.Errorf("got %+v, %v, want %v", outcome, err, enough)
	}
}
