package labs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"wheelhouse/content"
	"wheelhouse/grader/gradertest"
)

const (
	students = 20
	fleet    = 50                    // Pods of a rollout
	debounce = 25 * time.Millisecond // the grader's
)

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// BenchmarkSessions measures what the grading of twenty live sessions takes, with
// the database and everything else of a service, in front of one real cluster.
func BenchmarkSessions(b *testing.B) {
	all := []*content.Lab{fleetLab()}
	for i := range students {
		all = append(all, studentLab(fmt.Sprintf("student-%02d", i)))
	}
	c := newClassroom(b, all...)
	var seats []*seat
	for _, lab := range all[1:] {
		seats = append(seats, c.open(b, lab.Name))
	}
	for _, s := range seats {
		for check, want := range map[string]string{"settings": "It says 0.", "pods": ""} {
			if err := s.await(5*time.Minute, check, want); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("ChangeToVerdict", func(b *testing.B) { changeToVerdict(b, seats) })
	b.Run("Idle", func(b *testing.B) { idle(b, seats) })
	b.Run("Rollout", func(b *testing.B) { rollout(b, c) })
}

// studentLab is never complete, so that it goes on to be judged.
func studentLab(namespace string) *content.Lab {
	lab := gradertest.Lab(namespace, 1)
	lab.Setup[0].Text = strings.Replace(lab.Setup[0].Text, "greeting: hello", "greeting: '0'", 1)
	return lab
}

// changeToVerdict measures the time from just before an object is changed until
// what the grader made of that is stored and shown: each student makes thirty
// changes, one each second.
func changeToVerdict(b *testing.B, seats []*seat) {
	const changes = 30
	n := 0
	var verdicts, answers []time.Duration
	for b.Loop() {
		var mu sync.Mutex
		var work sync.WaitGroup
		start := time.Now()
		for i, s := range seats {
			work.Go(func() {
				for change := range changes {
					<-time.After(time.Until(start.Add(time.Duration(change)*time.Second + time.Duration(i)*time.Second/students)))
					answer, verdict, err := s.greet(n + change + 1)
					if err != nil {
						b.Error(err)
						return
					}
					mu.Lock()
					answers, verdicts = append(answers, answer), append(verdicts, verdict)
					mu.Unlock()
				}
			})
		}
		work.Wait()
		n += changes
	}
	if b.Failed() {
		return
	}
	slices.Sort(verdicts)
	slices.Sort(answers)
	b.ReportMetric(percentile(verdicts, 50), "p50-ms")
	b.ReportMetric(percentile(verdicts, 99), "p99-ms")
	b.ReportMetric(percentile(answers, 50), "p50-ms-of-API")
	b.ReportMetric(percentile(answers, 99), "p99-ms-of-API")
	b.ReportMetric(0, "ns/op")
}

// greet changes the student's ConfigMap, and returns how long the API server's
// answer and the stored verdict took.
func (s *seat) greet(n int) (answer, verdict time.Duration, err error) {
	namespace := strings.TrimPrefix(s.lab, "lab-of-")
	began := time.Now()
	_, err = s.objects.Resource(configMaps).Namespace(namespace).Patch(context.Background(), "settings", types.MergePatchType,
		fmt.Appendf(nil, `{"data":{"greeting":"%d"}}`, n), metav1.PatchOptions{})
	if err != nil {
		return 0, 0, err
	}
	answer = time.Since(began)
	err = s.await(time.Minute, "settings", fmt.Sprintf("It says %d.", n))
	return answer, time.Since(began), err
}

func percentile(sorted []time.Duration, percent int) float64 {
	at := min(len(sorted)*percent/100, len(sorted)-1)
	return float64(sorted[at].Microseconds()) / 1000
}

// idle reports the share of one processor that a session takes in which nothing
// happens: the grader's, and all else that the service does for it.
func idle(b *testing.B, seats []*seat) {
	const watched = 30 * time.Second
	awaitQuiet(b, seats)
	var used, passed time.Duration
	for b.Loop() {
		began, before := time.Now(), gradertest.ProcessorTime(b)
		<-time.After(watched)
		used, passed = used+gradertest.ProcessorTime(b)-before, passed+time.Since(began)
	}
	b.ReportMetric(100*used.Seconds()/passed.Seconds()/float64(len(seats)), "%core/idle-session")
	b.ReportMetric(0, "ns/op")
}

// awaitQuiet waits until no session has changed for ten seconds.
func awaitQuiet(b *testing.B, seats []*seat) {
	const quiet = 10 * time.Second
	deadline := time.Now().Add(2 * time.Minute)
	for last := time.Now(); time.Since(last) < quiet; <-time.After(time.Second) {
		for _, s := range seats {
			if received(s.changed) {
				last = time.Now()
			}
		}
		if time.Now().After(deadline) {
			b.Fatal("the sessions did not come to rest")
		}
	}
}

// fleetLab looks at every Pod of a large Deployment and is never complete.
func fleetLab() *content.Lab {
	const ready = "pods.filter(p, p.status.?conditions.orValue([]).exists(c, c.type == 'Ready' && c.status == 'True'))"
	return &content.Lab{
		Name: "fleet", Module: "typical", Title: "A fleet", Minutes: 5, Dir: "bench/typical/fleet",
		Setup: []content.SetupFile{{Name: "fleet.yaml", Text: fleetManifests}},
		Steps: []content.Step{{Name: "fleet", Title: "A fleet", Points: 1, Checks: []content.Check{{
			Name: "ready", Title: "All Pods are ready",
			Objects: map[string]content.Object{
				"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "fleet", Name: "fleet"},
				"pods":   {APIVersion: "v1", Kind: "Pod", Namespace: "fleet", Selector: map[string]string{"app": "fleet"}},
			},
			Validations: []content.Validation{{Expression: "false", MessageExpression: "string(size(" + ready + ")) + ' ready, ' + string(deploy.status.?updatedReplicas.orValue(0)) + ' new.'"}},
		}}}},
	}
}

var fleetManifests = fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: fleet}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: fleet, namespace: fleet}
spec:
  replicas: %d
  selector: {matchLabels: {app: fleet}}
  template:
    metadata: {labels: {app: fleet}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "busybox:1.36", command: [sleep, "86400"]}]
`, fleet)

// rollout counts how often a session is judged while fifty Pods are replaced, how
// many events its watches tell of that, and how many times of a debounce hold them:
// the grader waits for longer where judging takes long.
func rollout(b *testing.B, c *classroom) {
	const limit = 10 * time.Minute
	done := fmt.Sprintf("%d ready, %d new.", fleet, fleet)
	s := c.open(b, "fleet")
	if err := s.await(limit, "ready", done); err != nil {
		b.Fatal(err)
	}
	awaitQuiet(b, []*seat{s})
	evaluations := c.evaluationsOf("fleet")
	events := c.follow(b, "fleet")
	before, began := evaluations.Load(), time.Now()
	n := 0
	for b.Loop() {
		n++
		c.rollOut(b, n, limit)
		if err := s.await(limit, "ready", done); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	told, gathered := events.count(debounce)
	b.ReportMetric(float64(evaluations.Load()-before)/float64(b.N), "evaluations/rollout")
	b.ReportMetric(float64(told)/float64(b.N), "events/rollout")
	b.ReportMetric(float64(gathered)/float64(b.N), "debounces/rollout")
	b.ReportMetric(took.Seconds()/float64(b.N), "s/rollout")
	b.ReportMetric(0, "ns/op")
}

// rollOut gives the fleet's Pods another template and waits until all are new.
func (c *classroom) rollOut(b *testing.B, n int, limit time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), limit)
	defer cancel()
	fleets := c.objects.Resource(deployments).Namespace("fleet")
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"rollout":"%d"}}}}}`, n)
	changed, err := fleets.Patch(ctx, "fleet", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		b.Fatal(err)
	}
	watching, err := fleets.Watch(ctx, metav1.ListOptions{ResourceVersion: changed.GetResourceVersion()})
	if err != nil {
		b.Fatal(err)
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		if o, ok := event.Object.(*unstructured.Unstructured); ok && rolledOut(b, o, changed.GetGeneration()) {
			return
		}
	}
	b.Fatalf("the rollout did not end within %v", limit)
}

func rolledOut(b *testing.B, o *unstructured.Unstructured, generation int64) bool {
	b.Helper()
	text, err := o.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	var deployment struct {
		Status struct{ ObservedGeneration, Replicas, UpdatedReplicas, ReadyReplicas int64 }
	}
	if err := json.Unmarshal(text, &deployment); err != nil {
		b.Fatal(err)
	}
	status := deployment.Status
	return status.ObservedGeneration >= generation && status.Replicas == fleet && status.UpdatedReplicas == fleet && status.ReadyReplicas == fleet
}

// events are when something changed.
type events struct {
	mu sync.Mutex
	at []time.Time
}

func (e *events) add() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = append(e.at, time.Now())
}

// count returns how many events there were, and how many times of debounce it took
// to gather them, each counted from the first event that it holds.
func (e *events) count(debounce time.Duration) (all, gathered int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.SortFunc(e.at, time.Time.Compare)
	var until time.Time
	for _, at := range e.at {
		if at.After(until) {
			gathered++
			until = at.Add(debounce)
		}
	}
	return len(e.at), gathered
}

// follow notes what watches of a namespace's Pods and Deployments tell from now
// on, as those of its lab are told.
func (c *classroom) follow(b *testing.B, namespace string) *events {
	b.Helper()
	var all events
	var work sync.WaitGroup
	b.Cleanup(work.Wait)
	for _, resource := range []schema.GroupVersionResource{pods, deployments} {
		objects := c.objects.Resource(resource).Namespace(namespace)
		list, err := objects.List(b.Context(), metav1.ListOptions{})
		if err != nil {
			b.Fatal(err)
		}
		watching, err := objects.Watch(b.Context(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(watching.Stop)
		work.Go(func() {
			for event := range watching.ResultChan() {
				if event.Type != watch.Bookmark {
					all.add()
				}
			}
		})
	}
	return &all
}
