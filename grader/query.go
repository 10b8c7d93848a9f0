package grader

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"wheelhouse/content"
)

// query names objects of one kind. Two checks that ask for the same share one
// watch, so a query can be compared.
type query struct {
	apiVersion, kind string
	namespace        string // empty for all, or for a cluster-scoped kind
	name             string // empty for all
	selector         string // labels; empty for all
	namesOnly        bool   // only names are kept, and only their coming and going counts
	labelled         bool   // with namesOnly: labels are kept too, and their changes count
	ended            ended  // of the pod called name: not the pod, but what this run said last
}

// ended is one run of a container that is over. The zero value is none.
type ended struct {
	container string
	pod       types.UID
	restarts  int32 // of the container, after this run
}

func queryOf(object content.Object) query {
	return query{
		apiVersion: object.APIVersion, kind: object.Kind, namespace: object.Namespace, name: object.Name,
		selector: labels.SelectorFromSet(object.Selector).String(),
	}
}

// podQuery asks for the pods that ref may mean.
func podQuery(ref *content.PodRef) query {
	return queryOf(content.Object{
		APIVersion: "v1", Kind: "Pod", Namespace: ref.Namespace, Name: ref.Pod, Selector: ref.Selector,
	})
}

// everywhere asks for the names of all objects of the query's kind: where else
// to look for one that is missing.
func (q query) everywhere() query {
	return query{apiVersion: q.apiVersion, kind: q.kind, namesOnly: true}
}

// nearby asks for the names and labels of all objects of the query's kind in its
// namespace: what a selector that finds nothing may have missed.
func (q query) nearby() query {
	return query{apiVersion: q.apiVersion, kind: q.kind, namespace: q.namespace, namesOnly: true, labelled: true}
}

// namespaces asks for the names of all namespaces.
var namespaces = query{apiVersion: "v1", kind: "Namespace", namesOnly: true}

func (q query) groupVersion() (schema.GroupVersion, error) {
	return schema.ParseGroupVersion(q.apiVersion)
}

// what names what the query asks for in the words of a sentence: "Deployment
// named web in namespace default".
func (q query) what() string {
	text := q.kind
	if q.name != "" {
		text += " named " + q.name
	}
	if q.selector != "" {
		text += " with the labels " + strings.ReplaceAll(q.selector, ",", ", ")
	}
	if q.namespace != "" {
		text += " in namespace " + q.namespace
	}
	return text
}

// objectKey is what an object is called within its kind.
type objectKey struct {
	namespace, name string // namespace is empty for a cluster-scoped kind
}

func (k objectKey) String() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

func (k objectKey) compare(other objectKey) int {
	return cmp.Or(cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
}
