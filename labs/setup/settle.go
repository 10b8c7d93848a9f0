package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"wheelhouse/content"
	"wheelhouse/grader"
)

const (
	settlePatience = time.Minute     // for all that a set-up made
	startPatience  = 5 * time.Second // for containers that have started to be ready
	settleEvery    = 200 * time.Millisecond
)

var (
	podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

	// workloads make Pods, and have status.observedGeneration.
	workloads = []schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "apps", Version: "v1", Resource: "replicasets"},
		{Group: "apps", Version: "v1", Resource: "statefulsets"}, {Group: "apps", Version: "v1", Resource: "daemonsets"},
	}
)

// settle waits until the Pods that a set-up made have come to where they stay: ready,
// ended, or unable to. A student who opens a lab should not find what only is not
// there yet, and its checks should not either. After a minute the lab opens
// nevertheless: what is broken may be what the lab is about.
func settle(ctx context.Context, objects dynamic.Interface) error {
	within, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	for {
		waiting, err := unsettled(within, objects, time.Now())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case within.Err() != nil, err == nil && waiting == "":
			return nil
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			return &Error{Message: "The cluster does not tell which Pods the set-up made.", Err: err}
		}
		select {
		case <-time.After(settleEvery):
		case <-within.Done():
		}
	}
}

// unsettled names a Pod, or an object that makes Pods, that will change by itself:
// nothing where there is none.
func unsettled(ctx context.Context, objects dynamic.Interface, now time.Time) (string, error) {
	for _, resource := range workloads {
		list, err := objects.Resource(resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", fmt.Errorf("list %s: %w", resource.Resource, err)
		}
		for i := range list.Items {
			if o := &list.Items[i]; !content.SystemNamespace(o.GetNamespace()) && !madePods(o) {
				return nameOf(o), nil
			}
		}
	}
	list, err := objects.Resource(podResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("list pods: %w", err)
	}
	var failed error
	for i := range list.Items {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &pod); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if !content.SystemNamespace(pod.Namespace) && !podSettled(&pod, now) {
			return nameOf(&list.Items[i]), nil
		}
	}
	return "", failed
}

// madePods reports whether a controller has made all the Pods that it will make for
// now, or says that it cannot.
func madePods(o *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if observed < o.GetGeneration() {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	if slices.ContainsFunc(conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["type"] == "ReplicaFailure" && condition["status"] == "True"
	}) {
		return true
	}
	path := []string{"spec", "replicas"}
	made := []string{"status", "replicas"}
	if o.GetKind() == "DaemonSet" {
		path, made = []string{"status", "desiredNumberScheduled"}, []string{"status", "currentNumberScheduled"}
	}
	wanted, _, _ := unstructured.NestedInt64(o.Object, path...)
	have, _, _ := unstructured.NestedInt64(o.Object, made...)
	if o.GetKind() == "StatefulSet" && have > 0 {
		return true // it makes them one by one, and may wait for ever
	}
	return have >= wanted
}

// podSettled reports whether a Pod has come to where it stays: it is ready, has
// ended, cannot be scheduled or started, or its containers have been running for a
// while without being ready.
func podSettled(pod *corev1.Pod, now time.Time) bool {
	switch {
	case pod.DeletionTimestamp != nil:
		return false
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return true
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue:
			return true
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable,
			condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonSchedulingGated:
			return true
		}
	}
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	if slices.ContainsFunc(statuses, containerFailed) {
		return true
	}
	return len(pod.Status.ContainerStatuses) > 0 && !slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.State.Running == nil || now.Sub(s.State.Running.StartedAt.Time) < startPatience
	})
}

// containerFailed reports whether a container cannot start, or ended in failure.
func containerFailed(s corev1.ContainerStatus) bool {
	if s.State.Waiting != nil {
		return !grader.Starting(s.State.Waiting)
	}
	return s.State.Terminated != nil && s.State.Terminated.ExitCode != 0
}
