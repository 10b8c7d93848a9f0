package setup_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/labs/setup"
)

func TestHome(t *testing.T) {
	w := newWorld(t)
	lab := &content.Lab{Files: fstest.MapFS{
		"notes.txt":           {Data: []byte("Hello\n")},
		"app/deploy/web.yaml": {Data: []byte("kind: Pod\n")},
		"app/build.sh":        {Data: []byte("#!/bin/bash\n")},
	}}
	for range 2 { // it may be done again
		if err := setup.Run(t.Context(), lab, w.access); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]fs.FileMode{
		".kube/config": 0o600, "notes.txt": 0o644, "app/deploy/web.yaml": 0o644, "app/build.sh": 0o755,
	} {
		info, err := os.Stat(filepath.Join(w.home, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("mode of %s is %v, want %v", name, info.Mode(), want)
		}
	}
	config, err := clientcmd.LoadFromFile(filepath.Join(w.home, ".kube/config"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server, w.access.WorkstationServer; got != want {
		t.Errorf("the student's kubeconfig is for %s, want %s", got, want)
	}
}

func TestScripts(t *testing.T) {
	w := newWorld(t)
	lab := &content.Lab{Setup: []content.SetupFile{
		{Name: "10.sh", Text: "pwd >log; test -f .kube/config"},
		{Name: "20.yaml", Text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\n"},
		{Name: "30.sh", Text: "cat >>log; echo \"$0 $HOME\" >>log"}, // its input is empty, and not its own text
	}}
	if err := setup.Run(t.Context(), lab, w.access); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(w.home, "log"))
	if want := w.home + "\n30.sh " + w.home + "\n"; err != nil || string(got) != want {
		t.Errorf("the scripts wrote %q, %v, want %q", got, err, want)
	}
	if got := len(w.api.paths()); got != 1 {
		t.Errorf("%d objects were applied, want 1", got)
	}
	entries, err := os.ReadDir(w.home)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != ".kube" && name != "log" {
			t.Errorf("the set-up left %s in the home folder", name)
		}
	}
}

func TestScriptsThatFail(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name, text string
		want       []string
		not        string
	}{
		{"status", "exit 3", []string{"10.sh failed and printed nothing."}, ""},
		{"output", "echo all is well; echo 'no such image: \x1b[31mred\x07' >&2; exit 1", []string{"printed:\nall is well\nno such image: [31mred\n"}, "\x1b"},
		{"a command in the middle", "false\necho still here", []string{"10.sh failed"}, "still here"},
		{"a variable that is not set", "echo $nothing", []string{"nothing: unbound variable"}, ""},
		{"a pipe", "false | true", []string{"10.sh failed"}, ""},
		{"a lot of output", "for i in {1..2000}; do echo line $i; done; exit 1", []string{"… ", "line 2000\n"}, "line 100\n"},
		{"binary output", `printf '\xff\xfe%0.s' {1..5000}; exit 1`, []string{"\uFFFD"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			lab := &content.Lab{Setup: []content.SetupFile{{Name: "10.sh", Text: test.text}}}
			err := setup.Run(t.Context(), lab, w.access)
			wantMessage(t, err, test.want...)
			if test.not != "" && strings.Contains(err.Error(), test.not) {
				t.Errorf("the message is %q, want nothing with %q", err, test.not)
			}
			if len(err.Error()) > 4096 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestCancelledScript(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	fifo := filepath.Join(w.home, "started")
	lab := &content.Lab{Setup: []content.SetupFile{{Name: "10.sh", Text: "mkfifo started; echo >started; exec cat"}}}
	done := make(chan error)
	go func() { done <- setup.Run(ctx, lab, w.access) }()
	for { // until the script is there to be read from
		if text, err := os.ReadFile(fifo); err == nil && len(text) > 0 {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("the script ended: %v", err)
		default:
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestNoWorkstation(t *testing.T) {
	w := newWorld(t)
	w.access.Dial = func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }
	wantMessage(t, setup.Run(t.Context(), &content.Lab{}, w.access), "The workstation could not be prepared.")
}
