package grader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var (
	ownLabels      = []string{"metadata", "labels"}
	templateLabels = []string{"spec", "template", "metadata", "labels"}
)

// labelHint recognises a label that an object with a pod template carries itself
// and its pods do not, or the other way round.
func labelHint(a account) string {
	if a.origin == nil || a.origin.object == nil {
		return ""
	}
	content := a.origin.object.content.Object
	if _, there, _ := unstructured.NestedMap(content, "spec", "template"); !there {
		return ""
	}
	own, _, _ := unstructured.NestedStringMap(content, ownLabels...)
	template, _, _ := unstructured.NestedStringMap(content, templateLabels...)
	wanted := wantedLabels(a)
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		value, inOwn := own[key]
		inOwn = inOwn && (wanted[key] == "" || wanted[key] == value)
		inValue, inTemplate := template[key]
		inTemplate = inTemplate && (wanted[key] == "" || wanted[key] == inValue)
		switch ofPods := !hasPrefix(a.origin.path, ownLabels); {
		case ofPods && inOwn && !inTemplate:
			return fmt.Sprintf("The label %s=%s is on the %s itself (metadata.labels) and not on its pod template (spec.template.metadata.labels), from which its Pods get theirs.",
				key, value, a.origin.object.kind)
		case !ofPods && inTemplate && !inOwn:
			return fmt.Sprintf("The label %s=%s is on the pod template (spec.template.metadata.labels) and not on the %s itself (metadata.labels).",
				key, inValue, a.origin.object.kind)
		}
	}
	return ""
}

// wantedLabels are the labels that a validation asked for where it looked at
// labels or at a selector. An empty value means any.
func wantedLabels(a account) map[string]string {
	path := a.origin.path
	for _, prefix := range [][]string{ownLabels, templateLabels, {"spec", "selector", "matchLabels"}, {"spec", "selector"}} {
		if !hasPrefix(path, prefix) {
			continue
		}
		if all, ok := a.want.(traits.Mapper); ok {
			return labelsOf(all)
		}
		wanted, _ := a.want.(types.String)
		switch rest := path[len(prefix):]; {
		case a.label != "":
			return map[string]string{a.label: ""}
		case len(rest) > 0 && a.want == nil && a.wanted == "the field "+rest[0]: // has(…)
			return map[string]string{rest[0]: ""}
		case len(rest) > 0 && wanted != "":
			return map[string]string{rest[0]: string(wanted)}
		}
		return nil
	}
	return nil
}

func labelsOf(all traits.Mapper) map[string]string {
	labels := map[string]string{}
	for _, key := range itemsOf(all, loopItems) {
		if value, ok := all.Get(key).(types.String); ok {
			labels[fmt.Sprint(key.Value())] = string(value)
		}
	}
	return labels
}

func hasPrefix(path, prefix []string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

// selectorHint recognises a service that selects no pod, where the check looks
// at pods or at endpoints that show it.
func (c *check) selectorHint(seen sight) string {
	for _, service := range c.looked(seen) {
		if service.kind != "Service" || selectorOf(service) == nil {
			continue
		}
		wanted, _, _ := unstructured.NestedStringMap(service.content.Object, "spec", "selector")
		if pods, looked := c.podsNear(seen, service); looked {
			if hint := unselected(service, wanted, pods); hint != "" {
				return hint
			}
		} else if c.noEndpoints(seen, service) {
			return fmt.Sprintf("The Service %s selects %s, and has found no Pod with that.", service.key.name, labelWords(wanted))
		}
	}
	return ""
}

// podsNear are the pods of the service's namespace that the check looks at, and
// whether it looks for any.
func (c *check) podsNear(seen sight, service *object) (pods []*object, looked bool) {
	for _, v := range c.variables {
		if v.query.kind != "Pod" || v.query.namespace != "" && v.query.namespace != service.key.namespace {
			continue
		}
		looked = true
		for _, pod := range seen.objects[v.name].objects {
			if pod.key.namespace == service.key.namespace {
				pods = append(pods, pod)
			}
		}
	}
	return pods, looked
}

// unselected says which label of the selector no pod carries, or is empty where
// there is a pod that the service selects, or none at all.
func unselected(service *object, wanted map[string]string, pods []*object) string {
	if len(pods) == 0 || len(selectedOf(pods, service, selectorOf(service))) > 0 {
		return ""
	}
	about := fmt.Sprintf("The Service %s selects %s, and no Pod that was looked at carries ", service.key.name, labelWords(wanted))
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if slices.ContainsFunc(pods, func(o *object) bool { return carries(o.content.GetLabels(), key, wanted[key]) }) {
			continue
		}
		missing := "that"
		if len(wanted) > 1 {
			missing = "the label " + key + "=" + wanted[key]
		}
		for _, o := range pods {
			if value, there := o.content.GetLabels()[key]; there {
				return about + missing + fmt.Sprintf("; Pod %s has %s=%s.", o.key.name, key, value)
			}
		}
		return about + missing + "."
	}
	return about + "all of that together."
}

func carries(labels map[string]string, key, value string) bool {
	have, there := labels[key]
	return there && have == value
}

// noEndpoints tells whether the check looks at the service's endpoints, and there
// are none.
func (c *check) noEndpoints(seen sight, service *object) bool {
	looked := false
	for _, v := range c.variables {
		for _, o := range seen.objects[v.name].objects {
			field := ""
			switch {
			case o.key.namespace != service.key.namespace:
			case o.kind == "Endpoints" && o.key.name == service.key.name:
				field = "subsets"
			case o.kind == "EndpointSlice" && o.content.GetLabels()["kubernetes.io/service-name"] == service.key.name:
				field = "endpoints"
			}
			if field == "" {
				continue
			}
			if list, _, _ := unstructured.NestedSlice(o.content.Object, field); len(list) > 0 {
				return false
			}
			looked = true
		}
	}
	return looked
}

// labelWords writes labels as kubectl does: "app=web, tier=front".
func labelWords(labels map[string]string) string {
	words := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, key+"="+labels[key])
	}
	return strings.Join(words, ", ")
}

// otherLabels recognises that a list is empty because what is there carries other
// labels.
func (c *check) otherLabels(view *view, seen sight, a account) string {
	if a.origin == nil || a.origin.variable == nil {
		return ""
	}
	v := a.origin.variable
	if v.query.selector == "" || len(seen.objects[v.name].objects) > 0 {
		return ""
	}
	if near := unlike(view.find, v.query); near != "" {
		return fmt.Sprintf("There is no %s; %s.", v.query.what(), near)
	}
	return ""
}
