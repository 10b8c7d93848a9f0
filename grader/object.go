package grader

import (
	"bytes"
	"fmt"
	"maps"
	"sync"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	evidenceSize  = 16 << 10 // bytes of text of one piece of evidence
	evidenceItems = 10       // objects of one list that are shown
	hidden        = "(hidden)"
)

// object is one state of one object. Several checks may look at it at once.
type object struct {
	kind    string
	key     objectKey
	content *unstructured.Unstructured // never changed; nil where only names are kept
	labels  map[string]string          // where only names and labels are kept
	writer  string                     // the tool by which a person wrote its status; empty where no person did
	size    int64                      // about how many bytes of memory it takes

	once sync.Once
	text string // its evidence; made when it is first asked for
}

// same tells whether both are the same state of the same object. Objects that
// are not stored, such as metrics, have no version and count as changed.
func (o *object) same(other *object) bool {
	version := o.content.GetResourceVersion()
	return version != "" && version == other.content.GetResourceVersion() && o.content.GetUID() == other.content.GetUID()
}

// evidence shows the object's state.
func (o *object) evidence() Evidence { return Evidence{Name: o.kind + " " + o.key.String(), object: o} }

func (o *object) shownText() string {
	o.once.Do(func() { o.text = clip(textOf(o.content), evidenceSize) })
	return o.text
}

// evidence shows the objects, the first of a long list.
func (f found) evidence() []Evidence {
	shown := make([]Evidence, 0, min(len(f.objects), evidenceItems))
	for _, o := range f.objects[:cap(shown)] {
		shown = append(shown, o.evidence())
	}
	return shown
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// textOf writes an object as YAML, as a person wants to read it.
func textOf(content *unstructured.Unstructured) string {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(shown(content)); err != nil {
		return fmt.Sprintf("this object cannot be shown: %v\n", err)
	}
	return text.String()
}

// shown is an object without the copy of itself that kubectl apply leaves in an
// annotation, and without what a secret keeps, which that copy would tell as well.
func shown(content *unstructured.Unstructured) map[string]any {
	shown := maps.Clone(content.Object)
	if _, there := content.GetAnnotations()[lastApplied]; there {
		about := maps.Clone(shown["metadata"].(map[string]any))
		annotations := maps.Clone(about["annotations"].(map[string]any))
		delete(annotations, lastApplied)
		about["annotations"] = annotations
		if len(annotations) == 0 {
			delete(about, "annotations")
		}
		shown["metadata"] = about
	}
	if content.GetKind() == "Secret" && content.GetAPIVersion() == "v1" {
		for _, field := range []string{"data", "stringData"} {
			if values, ok := shown[field].(map[string]any); ok {
				shown[field] = hide(values)
			}
		}
	}
	return shown
}

func hide(values map[string]any) map[string]any {
	names := make(map[string]any, len(values))
	for name := range values {
		names[name] = hidden
	}
	return names
}
