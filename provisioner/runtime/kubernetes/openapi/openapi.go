// Package openapi serves the documents that describe the API server's own kinds,
// and makes each of them when somebody first asks for it. The API server would make
// all before it serves anything, which takes it most of a second of the processor's
// time and memory for as long as it runs; kubectl explain or apply ask for few.
//
// What is served is the same, made by the API server's own code. What custom
// resources and aggregated APIs add is not this package's: it comes from the API
// servers before and behind, as ever.
package openapi

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/emicklei/go-restful/v3"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/apiserver/pkg/server/routes"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/handler3"
)

// Where the documents are: one of version 2, and one of version 3 for each group
// and version of the API below a list of them.
const (
	pathV2 = "/openapi/v2"
	pathV3 = "/openapi/v3"
)

// documents are those of an API server.
type documents struct {
	container *restful.Container
	config    *common.OpenAPIV3Config

	// hash is what a client keeps a document of version 3 under, for ever. Upstream
	// takes the digest of the document, for which it has to be made. While this
	// process runs they do not change, so its own is as good.
	hash string

	building sync.Mutex // the builders share what names the kinds
	mu       sync.Mutex
	groups   map[string]func() http.Handler // by name: apis/apps/v1
}

// Install adds the handlers of both versions to paths, which serves what container
// does not. The container's services may be added until the first request.
func Install(container *restful.Container, paths *mux.PathRecorderMux, v2 *common.Config, v3 *common.OpenAPIV3Config) {
	d := &documents{container: container, config: v3, hash: rand.Text()}
	document := sync.OnceValue(func() http.Handler {
		d.building.Lock()
		defer d.building.Unlock()
		made := mux.NewPathRecorderMux("openapi-v2")
		routes.OpenAPI{Config: v2}.InstallV2(container, made)
		return made
	})
	paths.HandleFunc(pathV2, func(w http.ResponseWriter, r *http.Request) { document().ServeHTTP(w, r) })
	paths.HandleFunc(pathV3, d.serveList)
	paths.HandlePrefix(pathV3+"/", http.HandlerFunc(d.serveGroup))
}

// all returns what makes the document of each group and version, once. The groups
// are the roots of the services.
func (d *documents) all() map[string]func() http.Handler {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.groups == nil {
		d.groups = map[string]func() http.Handler{}
		for _, service := range d.container.RegisteredWebServices() {
			d.groups[strings.TrimPrefix(service.RootPath(), "/")] = sync.OnceValue(func() http.Handler { return d.build(service) })
		}
	}
	return d.groups
}

// build makes the document of one service, at the path that it is asked for by.
func (d *documents) build(service *restful.WebService) http.Handler {
	d.building.Lock()
	defer d.building.Unlock()
	alone := restful.NewContainer()
	alone.Add(service)
	made := mux.NewPathRecorderMux("openapi-v3")
	routes.OpenAPI{V3Config: d.config}.InstallV3(alone, made)
	return made
}

// serveList names the documents, with no need of any.
func (d *documents) serveList(w http.ResponseWriter, _ *http.Request) {
	list := handler3.OpenAPIV3Discovery{Paths: map[string]handler3.OpenAPIV3DiscoveryGroupVersion{}}
	for group := range d.all() {
		list.Paths[group] = handler3.OpenAPIV3DiscoveryGroupVersion{ServerRelativeURL: d.url(group)}
	}
	text, err := json.Marshal(list)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // who asked may have gone
}

func (d *documents) url(group string) string {
	u := url.URL{Path: pathV3 + "/" + group, RawQuery: url.Values{"hash": {d.hash}}.Encode()}
	return u.String()
}

// serveGroup serves the document of a group and version. Under its hash it may be
// kept, as upstream has it; another hash is led to this one.
func (d *documents) serveGroup(w http.ResponseWriter, r *http.Request) {
	group := strings.TrimPrefix(r.URL.Path, pathV3+"/")
	document, ok := d.all()[group]
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch r.URL.Query().Get("hash") {
	case "":
	case d.hash:
		w.Header().Set("Cache-Control", "public, immutable")
		w.Header().Set("Expires", time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat))
	default:
		http.Redirect(w, r, d.url(group), http.StatusMovedPermanently)
		return
	}
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = ""
	document().ServeHTTP(w, plain)
}
