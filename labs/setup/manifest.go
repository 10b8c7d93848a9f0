package setup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/provisioner"
)

const (
	// fieldOwner is whose the fields of a set-up's objects are in server-side
	// apply.
	fieldOwner = "wheelhouse-setup"

	// A fresh cluster makes a namespace's service account and a new kind's API in
	// the background: what needs them is tried again for so long.
	applyPatience = 30 * time.Second
	applyEvery    = 200 * time.Millisecond
)

// applier applies manifests to one cluster.
type applier struct {
	http      *http.Client
	objects   dynamic.Interface
	resources *restmapper.DeferredDiscoveryRESTMapper
}

func newApplier(access *provisioner.Access) (*applier, error) {
	kubeconfig, err := access.Admin()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // one cluster, one client: the API server's own limits are enough
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	groups, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	return &applier{
		http:      client,
		objects:   objects,
		resources: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(groups)),
	}, nil
}

func (a *applier) close() { a.http.CloseIdleConnections() }

// apply applies the documents of a manifest one after the other, so that a
// namespace or a new kind may stand before what needs it.
func (a *applier) apply(ctx context.Context, file content.SetupFile) error {
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(file.Text)))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		object := &unstructured.Unstructured{}
		if err == nil {
			err = yaml.UnmarshalStrict(document, &object.Object)
		}
		if err != nil {
			return &Error{Message: fmt.Sprintf("Document %d of the set-up's %s is no YAML.", number, file.Name), Err: err}
		}
		if len(object.Object) == 0 {
			continue // only comments
		}
		if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
			return &Error{
				Message: fmt.Sprintf("Document %d of the set-up's %s names no object: it needs apiVersion, kind and metadata.name.", number, file.Name),
				Err:     errors.New(string(document)),
			}
		}
		if err := a.applyObject(ctx, object); err != nil {
			return &Error{Message: fmt.Sprintf("The set-up's %s could not be applied: the cluster did not take %s.", file.Name, nameOf(object)), Err: err}
		}
	}
}

// applyObject tries until the object is taken, or refused for good.
func (a *applier) applyObject(ctx context.Context, object *unstructured.Unstructured) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, applyPatience)
	defer cancel()
	var last error
	for {
		err := a.patch(within, object, text)
		if within.Err() != nil && last != nil {
			return last // tells more than that the time is over
		}
		if err == nil || !mayPass(err) {
			return err
		}
		last = err
		if meta.IsNoMatchError(err) {
			a.resources.Reset() // the kind may be a moment old
		}
		select {
		case <-time.After(applyEvery):
		case <-within.Done():
			return last
		}
	}
}

func (a *applier) patch(ctx context.Context, object *unstructured.Unstructured, text []byte) error {
	kind := object.GroupVersionKind()
	mapping, err := a.resources.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	var target dynamic.ResourceInterface = a.objects.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace := object.GetNamespace()
		if namespace == "" {
			namespace = metav1.NamespaceDefault
		}
		target = a.objects.Resource(mapping.Resource).Namespace(namespace)
	}
	force := true
	_, err = target.Patch(ctx, object.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: fieldOwner, Force: &force})
	return err
}

// mayPass tells whether an error goes away by itself on a cluster that has just
// come up.
func mayPass(err error) bool {
	switch {
	case meta.IsNoMatchError(err), apierrors.IsConflict(err), apierrors.IsInternalError(err), apierrors.IsServiceUnavailable(err),
		apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsAlreadyExists(err):
		return true
	case apierrors.IsNotFound(err): // the namespace, or an API that is being served anew
		return true
	case apierrors.IsForbidden(err): // by the admission plugin ServiceAccount
		return strings.Contains(err.Error(), "error looking up service account")
	}
	var answered apierrors.APIStatus
	return !errors.As(err, &answered) && !errors.Is(err, context.Canceled) // the connection
}

func nameOf(object *unstructured.Unstructured) string {
	name := fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
	if object.GetNamespace() != "" {
		name += " in namespace " + object.GetNamespace()
	}
	return name
}
