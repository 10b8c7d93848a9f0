package labs_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"wheelhouse/content"
	"wheelhouse/labs"
	"wheelhouse/labs/mend"
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

// keeper is scripted.
type keeper struct{ missing []string }

func (k *keeper) MissingAddons(context.Context, string) ([]string, error) { return k.missing, nil }

func (k *keeper) RestoreAddons(context.Context, string) error {
	k.missing = nil
	return nil
}

// TestTender: a cluster that answers or not, a workstation that starts anew, and what
// a student breaks of the way between both.
func TestTender(t *testing.T) {
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
	keeper := &keeper{}
	tender, err := labs.NewTender(lab, access, keeper)
	if err != nil {
		t.Fatal(err)
	}
	look := func(want bool) []mend.Fault {
		t.Helper()
		faults, err := tender.Look(t.Context())
		if (err == nil) != want {
			t.Errorf("look: got %v, want it to answer: %v", err, want)
		}
		return faults
	}

	look(true)
	if !station.has(".kube/config") || !station.has("notes.txt") {
		t.Error("an empty home folder did not get its files")
	}
	// What the student deletes stays deleted until they have it mended.
	config := filepath.Join(station.home, ".kube/config")
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	if tender, err = labs.NewTender(lab, access, keeper); err != nil { // as a server that was started again
		t.Fatal(err)
	}
	for range 2 {
		if faults := look(true); len(faults) != 1 || station.has(".kube/config") {
			t.Errorf("got the faults %q; the student's own deletion was undone: %t", faults, station.has(".kube/config"))
		}
	}
	if err := tender.Mend(t.Context(), mend.Kubeconfig); err != nil {
		t.Error(err)
	}
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func() error
		want  string // in the message; "" for no fault
	}{
		{"whole", func() error { return nil }, ""},
		{"another context", func() error {
			return os.WriteFile(config, append(bytes.Replace(good, []byte("contexts:"), []byte("contexts:\n- {name: other, context: {cluster: wheelhouse, user: student, namespace: web}}"), 1), "\n"...), 0o600)
		}, ""},
		{"removed", func() error { return os.RemoveAll(filepath.Dir(config)) }, "is gone"},
		{"a folder in its place", func() error { return errors.Join(os.Remove(config), os.Mkdir(config, 0o755)) }, "cannot be read"},
		{"a file in its folder's place", func() error {
			return errors.Join(os.RemoveAll(filepath.Dir(config)), os.WriteFile(filepath.Dir(config), nil, 0o600))
		}, "cannot be read"},
		{"empty", func() error { return os.WriteFile(config, nil, 0o600) }, "no current context"},
		{"no YAML", func() error { return os.WriteFile(config, []byte("a: b: c"), 0o600) }, "no valid one"},
		{"no context", func() error {
			return os.WriteFile(config, bytes.ReplaceAll(good, []byte("current-context: wheelhouse"), []byte("current-context: prod")), 0o600)
		}, "names a current context"},
		{"no user", func() error {
			return os.WriteFile(config, bytes.ReplaceAll(good, []byte("user: student"), []byte("user: ada")), 0o600)
		}, "names a user"},
		{"no cluster", func() error {
			return os.WriteFile(config, bytes.ReplaceAll(good, []byte("cluster: wheelhouse"), []byte("cluster: prod")), 0o600)
		}, "names a cluster"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.spoil(); err != nil {
				t.Fatal(err)
			}
			switch faults := look(true); {
			case c.want == "" && len(faults) == 0:
				return
			case len(faults) != 1 || faults[0].Type != mend.Kubeconfig || c.want == "" || !strings.Contains(faults[0].Message, c.want):
				t.Errorf("got the faults %q, want %q", faults, c.want)
			}
			if err := tender.Mend(t.Context(), mend.Kubeconfig); err != nil {
				t.Fatal(err)
			}
			if faults := look(true); len(faults) != 0 {
				t.Errorf("got the faults %q after the repair", faults)
			}
		})
	}
	for suffix, want := range map[string]string{".saved2": "a: b: c", ".saved4": "user: ada", ".saved5": "cluster: prod"} {
		if saved, err := os.ReadFile(config + suffix); err != nil || !bytes.Contains(saved, []byte(want)) {
			t.Errorf("the student's kubeconfig is not kept as config%s: got %q, %v, want %q", suffix, saved, err, want)
		}
	}
	lab.Setup = []content.SetupFile{{Name: "10-broken.sh", Text: "rm ~/.kube/config"}}
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	if faults := look(true); len(faults) != 0 {
		t.Errorf("a lab about a broken kubeconfig: got the faults %q, want none", faults)
	}
	if err := tender.Mend(t.Context(), mend.Kubeconfig); err != nil {
		t.Error(err)
	}

	keeper.missing = []string{"Deployment kube-system/coredns"}
	if tender, err = labs.NewTender(lab, access, keeper); err != nil {
		t.Fatal(err)
	}
	if faults := look(true); len(faults) != 1 || faults[0].Type != mend.Addons || !strings.Contains(faults[0].Message, "kube-system/coredns") {
		t.Errorf("an add-on is missing: got the faults %q", faults)
	}
	if err := tender.Mend(t.Context(), mend.Addons); err != nil {
		t.Error(err)
	}
	if faults := look(true); len(faults) != 0 {
		t.Errorf("got the faults %q after the repair", faults)
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
