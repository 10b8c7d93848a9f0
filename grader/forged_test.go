package grader_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// TestHandWrittenStatus: what would pass because of a status that a person wrote
// is Unknown; what fails, and what does not ask for a status, is as without it.
func TestHandWrittenStatus(t *testing.T) {
	ready := is("deploy.status.?readyReplicas.orValue(0) == 3", "three have to be ready")
	const said = "The status of Deployment default/web was written by hand (kubectl-patch) and not by its controller, so it says nothing. Delete the Deployment and make it again"
	for _, test := range []struct {
		name                 string
		manager, subresource string
		validation           content.Validation
		status               grader.Status
		message              string // beginning
	}{
		{"by kubectl", "kubectl-patch", "status", ready, grader.Unknown, said},
		{"by kubectl, asked for in brackets", "kubectl-patch", "status", is("deploy['status'].readyReplicas == 3", "x"), grader.Unknown, said},
		{"by kubectl, asked for with a question mark", "kubectl-patch", "status", is("deploy.?status.readyReplicas.orValue(0) == 3", "x"), grader.Unknown, said},
		{"by kubectl, and not as wanted", "kubectl-patch", "status", is("deploy.status.readyReplicas == 4", "four, please"), grader.False, "four, please"},
		{"by kubectl, and not asked for", "kubectl-patch", "status", is("deploy.spec.replicas == 3", "x"), grader.True, ""},
		{"by curl", "curl", "status", ready, grader.Unknown, strings.ReplaceAll(said, "kubectl-patch", "curl")},
		{"by its controller", "kube-controller-manager", "status", ready, grader.True, ""},
		{"its spec by kubectl", "kubectl-patch", "", ready, grader.True, ""},
		{"its scale by kubectl", "kubectl", "scale", ready, grader.True, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.put(t, fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3}, status: {readyReplicas: 3},
  metadata: {name: web, namespace: default, managedFields: [{manager: %s, operation: Update, subresource: '%s', apiVersion: apps/v1, fieldsType: FieldsV1}]}}`,
				test.manager, test.subresource))
			got := evaluate(t, api, lab(web, test.validation))
			if got.Status != test.status || !strings.HasPrefix(got.Message, test.message) || (test.message == "") != (got.Message == "") {
				t.Errorf("got  %s %q\nwant %s %q", got.Status, got.Message, test.status, test.message)
			}
			if forged := got.Status == grader.Unknown; forged != (got.Reason == grader.ReasonForged) || forged && got.Object != "Deployment default/web" {
				t.Errorf("got the reason %s and the object %q", got.Reason, got.Object)
			}
			if got.Reason == grader.ReasonForged && (got.Record() != nil || len(got.Evidence) != 1) {
				t.Errorf("got a record %q and %d pieces of evidence", got.Record(), len(got.Evidence))
			}
		})
	}
}

// TestHandWrittenNode: what a node is, its kubelet tells; what it offers beside CPU
// and memory, people advertise by hand.
func TestHandWrittenNode(t *testing.T) {
	node := map[string]content.Object{"node": {APIVersion: "v1", Kind: "Node", Name: "one"}}
	for field, want := range map[string]string{
		"nodeInfo": "The status of Node one was written by hand (kubectl-patch) and not by its controller, so it says nothing. Its kubelet mends it in a moment.",
		"capacity": "",
	} {
		api := newAPIServer(t)
		api.update(func() { api.kinds = append(api.kinds, kind{"v1", "Node", "nodes", false}) })
		api.put(t, fmt.Sprintf(`{apiVersion: v1, kind: Node, status: {nodeInfo: {kubeletVersion: v9}, capacity: {example.com/dongle: "4"}},
  metadata: {name: one, managedFields: [{manager: kubectl-patch, operation: Update, subresource: status, apiVersion: v1, fieldsType: FieldsV1,
    fieldsV1: {"f:status": {"f:%s": {}}}}]}}`, field))
		if got := evaluate(t, api, lab(node, is("node.status.nodeInfo.kubeletVersion == 'v9'", "x"))); got.Message != want {
			t.Errorf("%s: got %s %q, want %q", field, got.Status, got.Message, want)
		}
	}
}

// TestHandWrittenOnTheWay: a state that was written by hand is none that a change
// may go through.
func TestHandWrittenOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		forged := strings.Replace(state(2, 2), "namespace: default", "namespace: default, managedFields: [{manager: kubectl-edit, operation: Update, subresource: status, apiVersion: apps/v1, fieldsType: FieldsV1}]", 1)
		_, seen := watch(t, api, gentle(), "step")
		for _, s := range []string{state(1, 3), forged, state(2, 3)} {
			api.put(t, s)
		}
		within(t, time.Second, seen, "StatusForged: The status of Deployment default/web was written by hand (kubectl-edit)")
	})
}

// TestForgedPod writes on a real cluster what no kubelet corrects: the status of a
// pod of a node that does not exist.
func TestForgedPod(t *testing.T) {
	c := onRealCluster(t)
	pod := map[string]content.Object{"pod": {APIVersion: "v1", Kind: "Pod", Namespace: c.namespace, Name: "ghost"}}
	told := c.watch(lab(pod, is("pod.status.phase == 'Running'", "it has to run")))
	c.apply("{apiVersion: v1, kind: Pod, metadata: {name: ghost, namespace: NAMESPACE}, spec: {nodeName: nowhere, containers: [{name: main, image: 'busybox:1.36'}]}}")
	await(t, told, 10*time.Second, "Wrong: it has to run")
	pods := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(c.namespace)
	_, err := pods.Patch(context.Background(), "ghost", types.MergePatchType, []byte(`{"status": {"phase": "Running"}}`),
		metav1.PatchOptions{FieldManager: "kubectl-patch"}, "status")
	if err != nil {
		t.Fatal(err)
	}
	await(t, told, 10*time.Second, fmt.Sprintf("StatusForged: The status of Pod %s/ghost was written by hand (kubectl-patch)", c.namespace))
}

// TestLastWordsOfARealContainer has a kubelet tell what a container said.
func TestLastWordsOfARealContainer(t *testing.T) {
	c := onRealCluster(t)
	pod := map[string]content.Object{"pod": {APIVersion: "v1", Kind: "Pod", Namespace: c.namespace, Name: "web"}}
	told := c.watch(lab(pod, is("pod.status.containerStatuses.all(s, s.ready)", "it has to be ready")))
	c.apply(`{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: NAMESPACE},
  spec: {containers: [{name: main, image: "busybox:1.36", command: [sh, -c, "echo starting; echo there is no conf.yaml >&2; exit 3"]}]}}`)
	deadline := time.After(2 * time.Minute)
	const want = "with exit code 3. The last that it said: there is no conf.yaml"
	for hint := ""; !strings.HasSuffix(hint, want); {
		select {
		case results := <-told:
			hint = results[0].Hint
		case <-deadline:
			t.Fatalf("got  %q\nwant …%s", hint, want)
		}
	}
}
