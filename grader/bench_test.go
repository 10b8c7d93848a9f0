package grader_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/grader/gradertest"
)

func goroutines() []byte {
	stacks := make([]byte, 4<<20)
	return stacks[:runtime.Stack(stacks, true)]
}

// BenchmarkChangeToResult measures the time from just before an object is
// changed on a real cluster until the results are handed over: 40 changes an
// operation. The promise is a median of 60 ms.
func BenchmarkChangeToResult(b *testing.B) {
	c := onRealCluster(b)
	c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: NAMESPACE}, data: {x: '0'}}")
	object := map[string]content.Object{"conf": {APIVersion: "v1", Kind: "ConfigMap", Namespace: c.namespace, Name: "m"}}
	told := c.watch(lab(object, content.Validation{Expression: "false", MessageExpression: "'x is ' + conf.data.x"}))
	await(b, told, 10*time.Second, "Wrong: x is 0")
	var times []time.Duration
	n := 0
	for b.Loop() {
		for range 40 {
			n++
			started := time.Now()
			c.patch(n)
			await(b, told, 10*time.Second, fmt.Sprintf("Wrong: x is %d", n))
			times = append(times, time.Since(started))
		}
	}
	slices.Sort(times)
	for _, percent := range []int{50, 99} {
		at := times[min(len(times)*percent/100, len(times)-1)]
		b.ReportMetric(float64(at.Microseconds())/1000, fmt.Sprintf("p%d-ms", percent))
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStorm counts how often 1000 changes on a real cluster are judged.
func BenchmarkStorm(b *testing.B) {
	c := onRealCluster(b)
	c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: NAMESPACE}, data: {x: '0'}}")
	object := map[string]content.Object{"conf": {APIVersion: "v1", Kind: "ConfigMap", Namespace: c.namespace, Name: "m"}}
	told := c.watch(lab(object, content.Validation{Expression: "false", MessageExpression: "'x is ' + conf.data.x"}))
	await(b, told, 10*time.Second, "Wrong: x is 0")
	judged, n, started := 0, 0, time.Now()
	for b.Loop() {
		for range 1000 {
			n++
			c.patch(n)
		}
		for last := ""; last != fmt.Sprintf("x is %d", n); judged++ {
			last = (<-told)[0].Message
		}
	}
	b.ReportMetric(float64(judged)/float64(b.N), "evaluations/1000-changes")
	b.ReportMetric(float64(n)/time.Since(started).Seconds(), "changes/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCompile measures the start of a course: one lab of one check.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := grader.Compile(lab(web, is("deploy.spec.replicas == 3", "three, please"))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJudge measures one check on one object that has changed: the
// expressions; the evidence is written down when a page asks for it.
func BenchmarkJudge(b *testing.B) {
	judge := grader.JudgeRepeatedly(b, lab(web, is("deploy.spec.template.spec.containers.all(c, c.image.startsWith('nginx:'))", "nginx, please"),
		content.Validation{Expression: "deploy.status.?readyReplicas.orValue(0) == deploy.spec.replicas", Pending: true, Message: "the pods are still starting"}), deploymentYAML)
	b.ReportAllocs()
	for b.Loop() {
		if result := judge(); result.Status != grader.True {
			b.Fatalf("got %s %s", result.Status, result.Message)
		}
	}
}

// BenchmarkTypical measures the five checks of gradertest.Lab: their expressions on
// objects that are known, and what a change of every object costs. The evidence for
// people is written down later, when a page asks for it. Package compare measures
// others on the same objects.
func BenchmarkTypical(b *testing.B) {
	objects := typicalObjects(b)
	for _, part := range []struct {
		name   string
		change bool
	}{{"expressions", false}, {"change", true}} {
		b.Run(part.name, func(b *testing.B) {
			judge := grader.JudgeAllRepeatedly(b, gradertest.Lab("typical", 3), objects, part.change)
			b.ReportAllocs()
			before := gradertest.ProcessorTime(b)
			for b.Loop() {
				for _, result := range judge() {
					if result.Status != grader.True {
						b.Fatalf("%s is %s: %s", result.Check, result.Status, result.Message)
					}
				}
			}
			b.ReportMetric((gradertest.ProcessorTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}

func typicalObjects(b *testing.B) []*unstructured.Unstructured {
	b.Helper()
	var named map[string]any
	if err := json.Unmarshal(gradertest.Objects(), &named); err != nil {
		b.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, value := range named {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, o := range list {
			objects = append(objects, &unstructured.Unstructured{Object: o.(map[string]any)})
		}
	}
	return objects
}

const deploymentYAML = `
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations: {deployment.kubernetes.io/revision: "1"}
  creationTimestamp: "2026-01-01T00:00:00Z"
  generation: 1
  labels: {app: web}
  name: web
  namespace: default
  uid: 0b0d4b1e-0b6c-4f0c-8f4f-3c9a0c1f2d3e
spec:
  progressDeadlineSeconds: 600
  replicas: 3
  revisionHistoryLimit: 10
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}, type: RollingUpdate}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {image: "nginx:1.28", imagePullPolicy: IfNotPresent, name: nginx, resources: {}, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}
      dnsPolicy: ClusterFirst
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {}
      terminationGracePeriodSeconds: 30
status:
  availableReplicas: 3
  conditions:
  - {lastTransitionTime: "2026-01-01T00:00:00Z", lastUpdateTime: "2026-01-01T00:00:00Z", message: Deployment has minimum availability., reason: MinimumReplicasAvailable, status: "True", type: Available}
  - {lastTransitionTime: "2026-01-01T00:00:00Z", lastUpdateTime: "2026-01-01T00:00:00Z", message: ReplicaSet "web-7c5ddbdf54" has successfully progressed., reason: NewReplicaSetAvailable, status: "True", type: Progressing}
  observedGeneration: 1
  readyReplicas: 3
  replicas: 3
  updatedReplicas: 3
`
