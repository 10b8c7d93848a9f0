package grader_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// apiServer is as much of an API server as a Watcher talks to, on connections
// within the process, so that it can be broken in ways that a real one cannot,
// and so that time in a test can be synctest's.
type apiServer struct {
	listener *pipeListener
	server   *http.Server

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, at every change of what is below
	version  int
	kinds    []kind
	objects  map[string]*unstructured.Unstructured // by address
	logs     map[string]string                     // by "namespace/pod/container"
	events   []event
	requests []string // "list pods", "watch default/pods?web", "names pods", "get /readyz"
	trouble  trouble
	cuts     int // how often all watches were cut off
	oldest   int // watches from before this version are told that it is gone
	program  program
	onlySPDY bool
	allowed  map[string]bool // "user verb resource", by subject access reviews
	reviewed func()          // called without the lock before a review is answered; may be nil
	rewrite  func(*authorizationv1.SubjectAccessReview)
}

// trouble is what may be wrong with the API server.
type trouble int

const (
	none   trouble = iota
	frozen         // takes requests and does not answer
	down           // cuts connections off
	sick           // answers 500
)

func (t trouble) String() string { return [...]string{"none", "frozen", "down", "sick"}[t] }

type kind struct {
	apiVersion, name, plural string
	namespaced               bool
}

type event struct {
	address, change string
	object          *unstructured.Unstructured
}

func newAPIServer(t testing.TB) *apiServer {
	a := &apiServer{
		listener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})},
		changed:  make(chan struct{}), version: 100, objects: map[string]*unstructured.Unstructured{}, allowed: map[string]bool{},
		kinds: []kind{
			{"v1", "Namespace", "namespaces", false}, {"v1", "Pod", "pods", true}, {"v1", "ConfigMap", "configmaps", true},
			{"v1", "Secret", "secrets", true}, {"v1", "Service", "services", true}, {"apps/v1", "Deployment", "deployments", true},
			{"apps/v1", "ReplicaSet", "replicasets", true}, {"apiregistration.k8s.io/v1", "APIService", "apiservices", false},
			{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false},
			{"admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", false},
			{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false},
		},
	}
	a.server = &http.Server{Handler: a}
	served := make(chan struct{})
	go func() { a.server.Serve(a.listener); close(served) }()
	t.Cleanup(func() { a.server.Close(); <-served })
	a.put(t, "{apiVersion: v1, kind: Namespace, metadata: {name: default}}")
	return a
}

func (a *apiServer) config() *rest.Config {
	return &rest.Config{Host: "http://cluster", Dial: a.listener.dial}
}

// update changes the server's state under its lock and wakes the watches.
func (a *apiServer) update(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	close(a.changed)
	a.changed = make(chan struct{})
}

// put creates or replaces the objects of a manifest.
func (a *apiServer) put(t testing.TB, manifest string) {
	t.Helper()
	for _, document := range strings.Split(manifest, "\n---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			t.Fatalf("manifest: %v", err)
		}
		a.update(func() { a.set(t, &unstructured.Unstructured{Object: content}) })
	}
}

func (a *apiServer) set(t testing.TB, o *unstructured.Unstructured) {
	at := slices.IndexFunc(a.kinds, func(k kind) bool { return k.apiVersion == o.GetAPIVersion() && k.name == o.GetKind() })
	if at < 0 {
		t.Errorf("the server knows no kind %s", o.GetKind())
		return
	}
	address := address(a.kinds[at], o.GetNamespace(), o.GetName())
	a.version++
	o.SetResourceVersion(strconv.Itoa(a.version))
	if o.GetUID() == "" {
		o.SetUID("u")
	}
	change := "ADDED"
	if a.objects[address] != nil {
		change = "MODIFIED"
	}
	a.objects[address] = o
	a.events = append(a.events, event{address, change, o})
}

// remove deletes an object by "plural/namespace/name".
func (a *apiServer) remove(address string) {
	a.update(func() {
		a.version++
		o := a.objects[address].DeepCopy()
		o.SetResourceVersion(strconv.Itoa(a.version))
		delete(a.objects, address)
		a.events = append(a.events, event{address, "DELETED", o})
	})
}

func address(k kind, namespace, name string) string { return k.plural + "/" + namespace + "/" + name }

// log returns the requests that were made since it was called last, without
// probes of the server's health.
func (a *apiServer) log() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	logged := slices.DeleteFunc(a.requests, func(r string) bool { return r == "get /readyz" })
	a.requests = nil
	return logged
}

// ServeHTTP answers like an API server, or does not.
func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	trouble := a.trouble
	a.mu.Unlock()
	switch trouble {
	case frozen:
		<-r.Context().Done()
		return
	case down:
		panic(http.ErrAbortHandler)
	case sick:
		reply(w, 500, metav1.Status{Status: "Failure", Code: 500, Message: "etcd is not well"})
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "readyz" {
		a.note("get /readyz")
		io.WriteString(w, "ok")
		return
	}
	version, rest := parts[1], parts[2:]
	if parts[0] == "apis" {
		version, rest = parts[1]+"/"+parts[2], parts[3:]
	}
	if len(rest) == 0 {
		a.discover(w, version)
		return
	}
	if rest[len(rest)-1] == "exec" {
		a.serveExec(w, r)
		return
	}
	if rest[len(rest)-1] == "log" {
		a.serveLog(w, r, rest[1]+"/"+rest[3]+"/"+r.URL.Query().Get("container"))
		return
	}
	if rest[len(rest)-1] == "proxy" {
		io.WriteString(w, "hello")
		return
	}
	if rest[0] == "subjectaccessreviews" {
		a.serveReview(w, r)
		return
	}
	a.serveObjects(w, r, version, rest)
}

func (a *apiServer) serveReview(w http.ResponseWriter, r *http.Request) {
	var review authorizationv1.SubjectAccessReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		reply(w, 400, metav1.Status{Status: "Failure", Code: 400, Message: err.Error()})
		return
	}
	a.mu.Lock()
	if a.rewrite != nil {
		a.rewrite(&review)
	}
	a.mu.Unlock()
	asked := review.Spec.User + " " + review.Spec.ResourceAttributes.Verb + " " + review.Spec.ResourceAttributes.Resource
	a.note("may " + asked)
	a.mu.Lock()
	reviewed := a.reviewed
	a.mu.Unlock()
	if reviewed != nil {
		reviewed()
	}
	a.mu.Lock()
	allowed, trouble := a.allowed[asked], a.trouble
	a.mu.Unlock()
	if trouble == down { // since it was asked
		panic(http.ErrAbortHandler)
	}
	review.Status.Allowed = allowed
	reply(w, 201, review)
}

func (a *apiServer) note(request string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, request)
}

func (a *apiServer) discover(w http.ResponseWriter, version string) {
	a.note("discover " + version)
	a.mu.Lock()
	defer a.mu.Unlock()
	list := metav1.APIResourceList{GroupVersion: version}
	for _, k := range a.kinds {
		if k.apiVersion == version {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: k.plural, Kind: k.name, Namespaced: k.namespaced, Verbs: metav1.Verbs{"list", "watch"}})
		}
	}
	if list.APIResources == nil {
		reply(w, 404, metav1.Status{Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: 404, Message: "page not found"})
		return
	}
	reply(w, 200, list)
}

// request is one list or watch.
type request struct {
	kind      kind
	namespace string
	labels    labels.Selector
	fields    fields.Selector
	names     bool
}

func (q request) wants(e event) bool {
	return strings.HasPrefix(e.address, q.kind.plural+"/"+q.namespace) && q.labels.Matches(labels.Set(e.object.GetLabels())) &&
		q.fields.Matches(fields.Set{"metadata.name": e.object.GetName()}) && (q.namespace == "" || e.object.GetNamespace() == q.namespace)
}

// shown is the object as the request wants to see it.
func (q request) shown(o *unstructured.Unstructured) any {
	if !q.names {
		return o.Object
	}
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": o.Object["metadata"]}
}

func (a *apiServer) serveObjects(w http.ResponseWriter, r *http.Request, version string, rest []string) {
	query := r.URL.Query()
	q := request{names: strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")}
	if rest[0] == "namespaces" && len(rest) > 2 {
		q.namespace, rest = rest[1], rest[2:]
	}
	q.labels, _ = labels.Parse(query.Get("labelSelector"))
	q.fields, _ = fields.ParseSelector(query.Get("fieldSelector"))
	a.mu.Lock()
	at := slices.IndexFunc(a.kinds, func(k kind) bool { return k.apiVersion == version && k.plural == rest[0] })
	if at >= 0 {
		q.kind = a.kinds[at]
	}
	a.mu.Unlock()
	if at < 0 {
		reply(w, 404, metav1.Status{Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: 404, Message: "the server could not find the requested resource"})
		return
	}
	verb := "list"
	if query.Get("watch") != "" {
		verb = "watch"
	}
	what := rest[0]
	if q.namespace != "" {
		what = q.namespace + "/" + what
	}
	if q.names {
		what = "names of " + what
	}
	a.note(strings.TrimSpace(verb + " " + what + " " + query.Get("fieldSelector") + query.Get("labelSelector")))
	if verb == "watch" {
		since, _ := strconv.Atoi(query.Get("resourceVersion"))
		a.watch(r.Context(), w, q, since)
		return
	}
	a.list(w, q)
}

func (a *apiServer) serveLog(w http.ResponseWriter, r *http.Request, of string) {
	a.note("log " + of)
	a.mu.Lock()
	text, there := a.logs[of]
	a.mu.Unlock()
	if !there {
		<-r.Context().Done() // as from a node that is lost
		return
	}
	io.WriteString(w, text)
}

func (a *apiServer) list(w http.ResponseWriter, q request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	items := []any{}
	for address, o := range a.objects {
		if q.wants(event{address, "", o}) {
			items = append(items, q.shown(o))
		}
	}
	list := map[string]any{"apiVersion": q.kind.apiVersion, "kind": q.kind.name + "List", "metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": items}
	if q.names {
		list["apiVersion"], list["kind"] = "meta.k8s.io/v1", "PartialObjectMetadataList"
	}
	reply(w, 200, list)
}

func (a *apiServer) watch(ctx context.Context, w http.ResponseWriter, q request, since int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(200)
	a.mu.Lock()
	defer a.mu.Unlock()
	for cuts := a.cuts; ; {
		if since < a.oldest {
			json.NewEncoder(w).Encode(map[string]any{"type": "ERROR", "object": metav1.Status{Status: "Failure", Reason: metav1.StatusReasonExpired, Code: 410, Message: "too old resource version"}})
			return
		}
		for _, e := range a.events {
			if version, _ := strconv.Atoi(e.object.GetResourceVersion()); version > since && q.wants(e) {
				json.NewEncoder(w).Encode(map[string]any{"type": e.change, "object": q.shown(e.object)})
			}
		}
		since = a.version
		w.(http.Flusher).Flush()
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		a.mu.Lock()
		if ctx.Err() != nil || a.cuts != cuts {
			return
		}
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("reply: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked may have heard enough
}

// pipeListener connects a server and its clients within the process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "cluster"} }
