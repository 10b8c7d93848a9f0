package grader

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// podsOf returns the pods whose trouble explains why a check fails: those that
// it looks at. Where it also looks at what makes pods, they are the newest pod of
// each of those, and where it looks at services, the pods that they select.
func (c *check) podsOf(seen sight) []*object {
	var pods, owned, selected []*object
	for _, o := range c.looked(seen) {
		if o.kind == "Pod" {
			pods = append(pods, o)
		}
	}
	owners, services := false, false
	for _, o := range c.looked(seen) {
		switch selector := selectorOf(o); {
		case selector == nil:
		case o.kind == "Service":
			services = true
			selected = append(selected, selectedOf(pods, o, selector)...)
		default:
			owners = true
			if all := selectedOf(pods, o, selector); len(all) > 0 {
				owned = append(owned, newest(all))
			}
		}
	}
	switch {
	case owners:
		return owned
	case services:
		return selected
	}
	return pods
}

// looked lists the objects of all variables, those of the first one first.
func (c *check) looked(seen sight) []*object {
	var all []*object
	for _, v := range c.variables {
		all = append(all, seen.objects[v.name].objects...)
	}
	return all
}

// selectorOf is what a workload or a service selects its pods by; nil for other
// kinds and where it selects nothing.
func selectorOf(o *object) labels.Selector {
	switch o.kind {
	case "Service":
		if set, _, _ := unstructured.NestedStringMap(o.content.Object, "spec", "selector"); len(set) > 0 {
			return labels.SelectorFromSet(set)
		}
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job":
		written, there, err := unstructured.NestedMap(o.content.Object, "spec", "selector")
		if !there || err != nil {
			return nil
		}
		var selector metav1.LabelSelector
		if runtime.DefaultUnstructuredConverter.FromUnstructured(written, &selector) != nil {
			return nil
		}
		if read, err := metav1.LabelSelectorAsSelector(&selector); err == nil && !read.Empty() {
			return read
		}
	}
	return nil
}

func selectedOf(pods []*object, by *object, selector labels.Selector) []*object {
	var selected []*object
	for _, pod := range pods {
		if pod.key.namespace == by.key.namespace && selector.Matches(labels.Set(pod.content.GetLabels())) {
			selected = append(selected, pod)
		}
	}
	return selected
}

func newest(pods []*object) *object {
	return slices.MaxFunc(pods, func(a, b *object) int {
		return a.content.GetCreationTimestamp().Compare(b.content.GetCreationTimestamp().Time)
	})
}

// trouble is why a container of a pod does not run.
type trouble struct {
	pod       *corev1.Pod
	container string // its name
	image     string // empty where nothing tells it
	reason    string // Kubernetes' own: "CrashLoopBackOff"
	message   string // Kubernetes' own; may be empty
	ended     *corev1.ContainerStateTerminated
	restarts  int32
}

// troubleOf says in a sentence what is wrong with the first container that
// crashes or cannot start, and what it said last. It is empty where none does.
func troubleOf(look lookup, pods []*object) string {
	t := firstTrouble(pods)
	if t == nil {
		return ""
	}
	sentence := t.sentence()
	if t.ended != nil {
		said := look(query{namespace: t.pod.Namespace, name: t.pod.Name, ended: ended{t.container, t.pod.UID, t.restarts}}).said
		if said != "" {
			sentence += " The last that it said: " + clip(said, valueSize)
		}
	}
	return sentence
}

// firstTrouble finds that container.
func firstTrouble(pods []*object) *trouble {
	for _, o := range pods {
		var pod corev1.Pod
		if o.content == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(o.content.Object, &pod) != nil || pod.DeletionTimestamp != nil {
			continue
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if t := troubleIn(status); t != nil {
				t.pod = &pod
				for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
					if c.Name == t.container {
						t.image = c.Image // as the student wrote it
					}
				}
				return t
			}
		}
	}
	return nil
}

func troubleIn(status corev1.ContainerStatus) *trouble {
	t := &trouble{container: status.Name, image: status.Image, ended: status.LastTerminationState.Terminated, restarts: status.RestartCount}
	switch state := status.State; {
	case state.Waiting != nil:
		t.reason, t.message = state.Waiting.Reason, state.Waiting.Message
		if Starting(state.Waiting) {
			return nil
		}
	case state.Terminated != nil && state.Terminated.ExitCode != 0:
		t.reason, t.ended = state.Terminated.Reason, state.Terminated
	default:
		return nil
	}
	return t
}

func (t *trouble) sentence() string {
	who := fmt.Sprintf("The container %s of Pod %s", t.container, t.pod.Name)
	switch t.reason {
	case "CrashLoopBackOff":
		if t.ended == nil {
			return who + " ends again and again (CrashLoopBackOff)."
		}
		return fmt.Sprintf("%s ends again and again (CrashLoopBackOff); the last time %s.", who, endOf(t.ended))
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull":
		return fmt.Sprintf("%s cannot start, because its image %scannot be pulled (%s).", who, strings.TrimLeft(t.image+" ", " "), t.reason)
	}
	if t.ended != nil && t.message == "" {
		return fmt.Sprintf("%s has ended: %s.", who, endOf(t.ended))
	}
	if t.message == "" {
		return fmt.Sprintf("%s cannot start (%s).", who, t.reason)
	}
	return fmt.Sprintf("%s cannot start (%s): %s.", who, t.reason, strings.TrimSuffix(clip(oneLine(t.message), valueSize), "."))
}

func endOf(ended *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("with exit code %d", ended.ExitCode)
	if ended.Reason != "" && ended.Reason != "Error" {
		text += ", " + ended.Reason
	}
	return text
}
