package setup_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/content"
	"wheelhouse/labs/setup"
)

const manifest = `# A namespace, and what is in it.
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: web, image: nginx}]}
---
---
apiVersion: v1
kind: Pod
metadata: {name: web}
`

func labOf(files ...string) *content.Lab {
	lab := &content.Lab{}
	for i, text := range files {
		lab.Setup = append(lab.Setup, content.SetupFile{Name: string(rune('1'+i)) + "0.yaml", Text: text})
	}
	return lab
}

func TestManifests(t *testing.T) {
	w := newWorld(t)
	if err := setup.Run(t.Context(), labOf(manifest), w.access); err != nil {
		t.Fatal(err)
	}
	want := []string{"/api/v1/namespaces/shop", "/api/v1/namespaces/shop/pods/web", "/api/v1/namespaces/default/pods/web"}
	if got := w.api.paths(); !reflect.DeepEqual(got, want) {
		t.Fatalf("applied were %v, want %v", got, want)
	}
	pod := w.api.objects[1]
	if want := "fieldManager=wheelhouse-setup&force=true"; pod.query != want || !strings.Contains(pod.body, `"image":"nginx"`) {
		t.Errorf("got %q with %s, want %q", pod.query, pod.body, want)
	}
}

// A fresh cluster takes some things only after a while.
func TestManifestsBeforeTheirTime(t *testing.T) {
	for _, test := range []struct {
		name   string
		status metav1.Status
	}{
		{"namespace", metav1.Status{Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: `namespaces "shop" not found`}},
		{"service account", metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
			Message: `pods "web" is forbidden: error looking up service account shop/default: serviceaccount "default" not found`}},
		{"webhook", metav1.Status{Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: "failed calling webhook"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			refusals := 0
			w.api.refuse = func(path string) *metav1.Status {
				if strings.HasSuffix(path, "/shop/pods/web") && refusals < 2 {
					refusals++
					return &test.status
				}
				return nil
			}
			if err := setup.Run(t.Context(), labOf(manifest), w.access); err != nil {
				t.Fatal(err)
			}
			if got := len(w.api.paths()); got != 3 {
				t.Errorf("%d objects were applied, want 3", got)
			}
		})
	}
}

func TestKindThatIsMadeInTheSetup(t *testing.T) {
	w := newWorld(t)
	w.api.refuse = func(path string) *metav1.Status {
		if strings.HasSuffix(path, "/configmaps/kind") { // stands for the definition of the kind
			w.api.kinds = map[string]bool{"Wheel": true}
		}
		return nil
	}
	lab := labOf(
		"apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n", // so that the kinds are known before
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kind}\n---\napiVersion: example.dev/v1\nkind: Wheel\nmetadata: {name: big}\n",
	)
	if err := setup.Run(t.Context(), lab, w.access); err != nil {
		t.Fatal(err)
	}
	paths := w.api.paths()
	if got, want := paths[len(paths)-1], "/apis/example.dev/v1/namespaces/default/wheels/big"; got != want {
		t.Errorf("applied last was %s, want %s", got, want)
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"invalid", manifest, []string{"10.yaml could not be applied", "Pod web in namespace shop"}},
		{"no YAML", "kind: [", []string{"Document 1 of the set-up's 10.yaml is no YAML"}},
		{"a key twice", "kind: Pod\nkind: Pod\n", []string{"is no YAML"}},
		{"no name", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: Pod\n", []string{"Document 2", "metadata.name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.api.refuse = func(path string) *metav1.Status {
				if strings.HasSuffix(path, "/pods/web") {
					return &metav1.Status{Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Message: "spec.containers: Required value"}
				}
				return nil
			}
			wantMessage(t, setup.Run(t.Context(), labOf(test.text), w.access), test.want...)
		})
	}
}
