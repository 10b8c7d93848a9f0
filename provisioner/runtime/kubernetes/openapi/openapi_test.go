package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emicklei/go-restful/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	namer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/apiserver/pkg/server/routes"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	generated "k8s.io/kubernetes/pkg/generated/openapi"

	"wheelhouse/provisioner/runtime/kubernetes/openapi"
)

// site is an API of two groups. It counts how often the definitions of kinds are
// asked for, which is where the work of making documents begins.
type site struct {
	container *restful.Container
	v2        *common.Config
	v3        *common.OpenAPIV3Config
	asked     atomic.Int32
}

func newSite() *site {
	s := &site{container: restful.NewContainer()}
	definitions := func(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
		s.asked.Add(1)
		return generated.GetOpenAPIDefinitions(ref)
	}
	names := namer.NewDefinitionNamer(legacyscheme.Scheme)
	s.v2 = genericapiserver.DefaultOpenAPIConfig(definitions, names)
	s.v3 = genericapiserver.DefaultOpenAPIV3Config(definitions, names)
	for path, object := range map[string]any{"/api/v1": corev1.Pod{}, "/apis/apps/v1": appsv1.Deployment{}} {
		service := new(restful.WebService).Path(path).Produces(restful.MIME_JSON)
		service.Route(service.GET("/things").Operation("get"+strings.ReplaceAll(path, "/", "")).To(func(*restful.Request, *restful.Response) {}).
			Returns(http.StatusOK, "OK", object).Writes(object))
		s.container.Add(service)
	}
	s.asked.Store(0)
	return s
}

func (s *site) lazy() http.Handler {
	paths := mux.NewPathRecorderMux("lazy")
	openapi.Install(s.container, paths, s.v2, s.v3)
	return paths
}

// upstream serves what the API server would, if it were let.
func (s *site) upstream() http.Handler {
	paths := mux.NewPathRecorderMux("upstream")
	routes.OpenAPI{Config: s.v2}.InstallV2(s.container, paths)
	routes.OpenAPI{V3Config: s.v3}.InstallV3(s.container, paths)
	return paths
}

func get(handler http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// read is the JSON at the path; what is no document fails the test.
func read[T any](t *testing.T, handler http.Handler, path string) T {
	t.Helper()
	var v T
	w := get(handler, path)
	if err := json.Unmarshal(w.Body.Bytes(), &v); w.Code != http.StatusOK || err != nil {
		t.Fatalf("%s: got %d, %v: %.200s", path, w.Code, err, w.Body)
	}
	return v
}

// TestSame: the documents are those that upstream makes, whichever is asked first.
func TestSame(t *testing.T) {
	want := newSite().upstream()
	got := newSite().lazy()
	for _, path := range []string{"/openapi/v3/apis/apps/v1", "/openapi/v2", "/openapi/v3/api/v1"} {
		wanted, found := read[map[string]any](t, want, path), read[map[string]any](t, got, path)
		if !reflect.DeepEqual(found, wanted) {
			t.Errorf("%s differs from upstream's", path)
		}
		if !strings.Contains(get(got, path).Body.String(), "DeploymentSpec") && !strings.Contains(get(got, path).Body.String(), "PodSpec") {
			t.Errorf("%s describes no kind", path)
		}
	}
	wanted, found := read[handler3.OpenAPIV3Discovery](t, want, "/openapi/v3"), read[handler3.OpenAPIV3Discovery](t, got, "/openapi/v3")
	for group := range wanted.Paths {
		if found.Paths[group].ServerRelativeURL == "" {
			t.Errorf("the list lacks %s", group)
		}
	}
	if len(found.Paths) != len(wanted.Paths) {
		t.Errorf("the list has %d groups, want %d", len(found.Paths), len(wanted.Paths))
	}
}

// TestLate: nothing is made before it is asked for, and then once, however many ask.
func TestLate(t *testing.T) {
	s := newSite()
	handler := s.lazy()
	list := read[handler3.OpenAPIV3Discovery](t, handler, "/openapi/v3")
	if asked := s.asked.Load(); asked != 0 {
		t.Fatalf("the list of documents took %d documents", asked)
	}
	var all sync.WaitGroup
	for range 8 {
		for _, path := range []string{list.Paths["api/v1"].ServerRelativeURL, list.Paths["apis/apps/v1"].ServerRelativeURL, "/openapi/v2"} {
			all.Go(func() {
				if w := get(handler, path); w.Code != http.StatusOK || w.Body.Len() < 1000 {
					t.Errorf("%s: got %d and %d bytes", path, w.Code, w.Body.Len())
				}
			})
		}
	}
	all.Wait()
	made := s.asked.Load()
	for path := range list.Paths {
		get(handler, "/openapi/v3/"+path)
	}
	get(handler, "/openapi/v2")
	if made == 0 || s.asked.Load() != made {
		t.Errorf("definitions were asked for %d times at first and %d later, want some and none", made, s.asked.Load()-made)
	}
}

// TestKept: a client may keep a document under its hash, and no other.
func TestKept(t *testing.T) {
	handler := newSite().lazy()
	at := read[handler3.OpenAPIV3Discovery](t, handler, "/openapi/v3").Paths["apis/apps/v1"].ServerRelativeURL
	if w := get(handler, at); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%s: got %d with %v, want it to be kept", at, w.Code, w.Header())
	}
	if w := get(handler, "/openapi/v3/apis/apps/v1"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "" {
		t.Errorf("with no hash: got %d with %v, want nothing said of keeping it", w.Code, w.Header())
	}
	if w := get(handler, "/openapi/v3/apis/apps/v1?hash=ANOTHER"); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != at {
		t.Errorf("with another hash: got %d to %q, want it led to %s", w.Code, w.Header().Get("Location"), at)
	}
	again := read[handler3.OpenAPIV3Discovery](t, newSite().lazy(), "/openapi/v3").Paths["apis/apps/v1"].ServerRelativeURL
	if again == at {
		t.Errorf("another process has the same hash, and may have another document")
	}
	if w := get(handler, "/openapi/v3/apis/none/v1"); w.Code != http.StatusNotFound {
		t.Errorf("a group that is not there: got %d", w.Code)
	}
}
