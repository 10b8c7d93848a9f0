package lint

import (
	"errors"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"

	"wheelhouse/content"
)

// setup is what a cluster holds before the student starts, as far as the lab's
// files tell.
type setup struct {
	objects []unstructured.Unstructured // of the manifests
	scripts string                      // the scripts' text: what they make is not known
	whole   string                      // all of it
}

// readSetup reads the manifests of a lab's setup. What is no manifest is left to
// package content.
func readSetup(lab *content.Lab) *setup {
	s := &setup{}
	for _, file := range lab.Setup {
		s.whole += file.Text + "\n"
		if strings.HasSuffix(file.Name, ".sh") {
			s.scripts += file.Text + "\n"
			continue
		}
		decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(file.Text), 4096)
		for {
			var object map[string]any
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) || err != nil {
				break
			}
			if object != nil {
				s.objects = append(s.objects, unstructured.Unstructured{Object: object})
			}
		}
	}
	return s
}

// The kinds of which a namespace has objects that no manifest makes, those of which
// it has one by itself, and those of which controllers make objects when others are
// there.
var (
	everywhere = []string{"Event"}
	given      = map[string]string{"ConfigMap": "kube-root-ca.crt", "ServiceAccount": "default", "Service": "kubernetes",
		"Endpoints": "kubernetes", "EndpointSlice": "kubernetes"}
	derived = []string{"Pod", "ReplicaSet", "Job", "ControllerRevision", "Endpoints", "EndpointSlice",
		"PersistentVolume", "PersistentVolumeClaim", "Secret", "ServiceAccount", "Lease"}
)

// find returns the manifests' objects that a check asks for. The second result is
// false where there may be others.
func (s *setup) find(object content.Object) ([]any, bool) {
	found := []any{}
	for _, made := range s.objects {
		if s.matches(object, made) {
			found = append(found, made.Object)
		}
	}
	// Which of them belong to an owner that the cluster makes, is not known here.
	return found, s.sure(object) && (object.OwnedBy == "" || len(found) == 0)
}

func (s *setup) matches(object content.Object, made unstructured.Unstructured) bool {
	namespace := made.GetNamespace()
	if namespace == "" {
		namespace = "default" // or it has none, and then the check names none
	}
	return made.GetAPIVersion() == object.APIVersion && made.GetKind() == object.Kind &&
		(object.Namespace == "" || object.Namespace == namespace) &&
		(object.Name == "" || object.Name == made.GetName()) &&
		labels.SelectorFromSet(object.Selector).Matches(labels.Set(made.GetLabels()))
}

// sure tells whether all that the check asks for is in the manifests. What scripts
// make is not known, nor what a cluster has outside of the students' namespaces.
func (s *setup) sure(object content.Object) bool {
	own, has := given[object.Kind]
	switch {
	case s.scripts != "", object.Namespace == "", content.SystemNamespace(object.Namespace):
		return false
	case slices.Contains(everywhere, object.Kind):
		return false
	case object.Name != "":
		return object.Name != own
	case has:
		return false
	}
	return len(s.objects) == 0 || !slices.Contains(derived, object.Kind)
}
