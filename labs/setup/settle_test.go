package setup_test

import (
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"wheelhouse/content"
	"wheelhouse/labs/setup"
)

func TestWhereAPodStays(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, status string
		want         bool
	}{
		{"new", "{phase: Pending}", false},
		{"scheduled", `{phase: Pending, conditions: [{type: PodScheduled, status: "True"}]}`, false},
		{"unschedulable", `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable}]}`, true},
		{"gated", `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: SchedulingGated}]}`, true},
		{"being made", "{phase: Pending, containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}", false},
		{"no image", "{phase: Pending, containerStatuses: [{state: {waiting: {reason: ErrImagePull}}}]}", true},
		{"crashing", "{phase: Running, containerStatuses: [{state: {waiting: {reason: CrashLoopBackOff}}}]}", true},
		{"crashed just now", "{phase: Running, containerStatuses: [{state: {terminated: {exitCode: 1}}}]}", true},
		{"initializing", "{phase: Pending, initContainerStatuses: [{state: {running: {startedAt: 2026-01-01T11:00:00Z}}}], containerStatuses: [{state: {waiting: {reason: PodInitializing}}}]}", false},
		{"failed to initialize", "{phase: Pending, initContainerStatuses: [{state: {terminated: {exitCode: 2}}}], containerStatuses: [{state: {waiting: {reason: PodInitializing}}}]}", true},
		{"started", "{phase: Running, containerStatuses: [{state: {running: {startedAt: 2026-01-01T11:59:59Z}}}]}", false},
		{"never ready", "{phase: Running, containerStatuses: [{state: {running: {startedAt: 2026-01-01T11:59:00Z}}}]}", true},
		{"one of two started", "{phase: Running, containerStatuses: [{state: {running: {startedAt: 2026-01-01T11:00:00Z}}}, {state: {waiting: {reason: ContainerCreating}}}]}", false},
		{"ready", `{phase: Running, conditions: [{type: Ready, status: "True"}]}`, true},
		{"done", "{phase: Succeeded}", true},
	} {
		var pod corev1.Pod
		if err := yaml.Unmarshal([]byte("status: "+test.status), &pod); err != nil {
			t.Fatal(err)
		}
		if got := setup.PodSettled(&pod, now); got != test.want {
			t.Errorf("a Pod that is %s: got %t, want %t", test.name, got, test.want)
		}
	}
}

func TestWhatHasMadeItsPods(t *testing.T) {
	for _, test := range []struct {
		name, manifest string
		want           bool
	}{
		{"an unseen Deployment", "{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 1}}", false},
		{"a Deployment without Pods", "{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 1}}", false},
		{"a Deployment with all", "{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2}}", true},
		{"a Deployment of none", "{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 0}, status: {observedGeneration: 1}}", true},
		{"one that a quota stops", `{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, conditions: [{type: ReplicaFailure, status: "True"}]}}`, true},
		{"a StatefulSet at its first", "{kind: StatefulSet, metadata: {generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1, replicas: 1}}", true},
		{"a StatefulSet before it", "{kind: StatefulSet, metadata: {generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1}}", false},
		{"a DaemonSet", "{kind: DaemonSet, metadata: {generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 1}}", false},
		{"a DaemonSet on all nodes", "{kind: DaemonSet, metadata: {generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2}}", true},
	} {
		o := &unstructured.Unstructured{}
		text, err := yaml.YAMLToJSON([]byte(test.manifest)) // whose whole numbers stay so
		if err == nil {
			err = o.UnmarshalJSON(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := setup.MadePods(o); got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}

// A lab opens when the Pods of its set-up are there, and not before.
func TestTheSetUpWaitsForItsPods(t *testing.T) {
	w := newWorld(t)
	pod := func(namespace, phase string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "web", "namespace": namespace}, "status": map[string]any{"phase": phase}}
	}
	var asked atomic.Int64
	w.api.listed = func() []map[string]any {
		phase := "Pending"
		if asked.Add(1) > 12 { // five lists are asked for each time
			phase = "Succeeded"
		}
		return []map[string]any{pod("kube-system", "Pending"), pod("default", phase)}
	}
	lab := &content.Lab{Setup: []content.SetupFile{{Name: "10.yaml", Text: "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"}}}
	if err := setup.Run(t.Context(), lab, w.access); err != nil {
		t.Fatal(err)
	}
	if got := asked.Load(); got < 13 || got > 20 {
		t.Errorf("the Pods were looked at %d times, want until they had come to where they stay", got)
	}
}
