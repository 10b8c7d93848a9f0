package grader_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/provisioner/provisionertest"
)

// realCluster is a namespace of its own on a real cluster, which tests may break:
// they restart its API server. It has to have the image busybox:1.36.
type realCluster struct {
	testing.TB
	config    *rest.Config
	client    dynamic.Interface
	namespace string
}

func onRealCluster(t testing.TB) *realCluster {
	t.Helper()
	provisionertest.NeedsEngine(t)
	file, err := testKubeconfig()
	if err != nil {
		t.Fatalf("make a cluster for the tests: %v", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &realCluster{TB: t, config: config, client: client, namespace: fmt.Sprintf("grader-%x", time.Now().UnixNano())}
	c.apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + c.namespace + "}}")
	t.Cleanup(func() { c.remove("v1", "namespaces", "", c.namespace) })
	return c
}

// resources are the kinds that these tests make.
var resources = map[string]string{
	"Namespace": "namespaces", "Pod": "pods", "ConfigMap": "configmaps", "Secret": "secrets", "Deployment": "deployments",
	"CustomResourceDefinition": "customresourcedefinitions", "Widget": "widgets",
	"Service": "services", "APIService": "apiservices", "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
	"MutatingAdmissionPolicy": "mutatingadmissionpolicies", "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
	"ValidatingAdmissionPolicy": "validatingadmissionpolicies", "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// apply creates the object of a manifest, or makes it what the manifest says.
func (c *realCluster) apply(manifest string) {
	c.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(manifest, "NAMESPACE", c.namespace)), &o.Object); err != nil {
		c.Fatalf("manifest: %v", err)
	}
	version := o.GroupVersionKind().GroupVersion()
	_, err := c.client.Resource(version.WithResource(resources[o.GetKind()])).Namespace(o.GetNamespace()).
		Apply(context.Background(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "test", Force: true})
	if err != nil {
		c.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

func (c *realCluster) remove(apiVersion, plural, namespace, name string) {
	c.Helper()
	version, _ := schema.ParseGroupVersion(apiVersion)
	now := int64(0)
	if err := c.client.Resource(version.WithResource(plural)).Namespace(namespace).Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		c.Errorf("delete %s %s: %v", plural, name, err)
	}
}

// watch runs a Watcher of the lab's only step until the test ends.
func (c *realCluster) watch(lab *content.Lab) <-chan []grader.Result {
	c.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		c.Fatal(err)
	}
	told := make(chan []grader.Result, 1000)
	watcher := program.Watch(c.config, grader.Options{OnResults: func(results []grader.Result) { told <- results }})
	watcher.Open([]string{"step"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- watcher.Run(ctx) }()
	c.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.Errorf("Run: %v", err)
		}
	})
	return told
}

// await waits for the results of one check to be "reason: message…".
func await(t testing.TB, told <-chan []grader.Result, limit time.Duration, want string) grader.Result {
	t.Helper()
	deadline, last := time.After(limit), "nothing"
	for {
		select {
		case results := <-told:
			last = strings.TrimSuffix(results[0].Reason+": "+results[0].Message, ": ")
			if strings.HasPrefix(last, want) {
				return results[0]
			}
		case <-deadline:
			t.Fatalf("after %v\ngot  %s\nwant %s…", limit, last, want)
		}
	}
}

func TestRealDeployment(t *testing.T) {
	c := onRealCluster(t)
	told := c.watch(lab(map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: c.namespace, Name: "web"}},
		content.Validation{Expression: "deploy.spec.replicas == 2", MessageExpression: "'want 2 replicas, the deployment asks for ' + string(deploy.spec.replicas)"},
		content.Validation{Expression: "deploy.status.?readyReplicas.orValue(0) == deploy.spec.replicas", Pending: true, Message: "the pods are still starting"}))
	await(t, told, 10*time.Second, "NotFound: There is no Deployment named web in namespace "+c.namespace)
	deployment := func(name string, replicas int) {
		c.apply(fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %s, namespace: NAMESPACE}, spec: {replicas: %d, selector: {matchLabels: {app: %[1]s}},
  template: {metadata: {labels: {app: %[1]s}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "busybox:1.36", command: [sleep, "3600"]}]}}}}`, name, replicas))
	}
	deployment("wbe", 0)
	await(t, told, 10*time.Second, "NotFound: There is no Deployment named web in namespace "+c.namespace+"; there is one named wbe")
	deployment("web", 1)
	await(t, told, 10*time.Second, "Wrong: want 2 replicas, the deployment asks for 1")
	deployment("web", 2)
	await(t, told, 10*time.Second, "Pending: the pods are still starting")
	passed := await(t, told, time.Minute, "Passed")
	if text := passed.Evidence[0].String(); !strings.Contains(text, "readyReplicas: 2") || strings.Contains(text, "managedFields") {
		t.Errorf("got the evidence\n%s", text)
	}
	c.remove("apps/v1", "deployments", c.namespace, "web")
	await(t, told, 10*time.Second, "NotFound")
}

func TestRealCustomKind(t *testing.T) {
	c := onRealCluster(t)
	group := c.namespace + ".example.com"
	told := c.watch(lab(map[string]content.Object{"w": {APIVersion: group + "/v1", Kind: "Widget", Namespace: c.namespace, Name: "w"}}, is("w.spec.size == 1", "size one, please")))
	missing := "NotFound: The cluster has no kind Widget (" + group + "/v1) yet"
	await(t, told, 10*time.Second, missing)
	for round := range 2 {
		c.apply(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.` + group + `}, spec: {group: ` + group + `, scope: Namespaced,
  names: {kind: Widget, plural: widgets}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`)
		await(t, told, 15*time.Second, "NotFound: There is no Widget named w")
		widget := "{apiVersion: " + group + "/v1, kind: Widget, metadata: {name: w, namespace: NAMESPACE}, spec: {size: %d}}"
		c.apply(fmt.Sprintf(widget, 2))
		await(t, told, 10*time.Second, "Wrong: size one, please")
		c.apply(fmt.Sprintf(widget, 1))
		await(t, told, 10*time.Second, "Passed")
		c.remove("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets."+group)
		if round == 0 {
			await(t, told, 30*time.Second, missing)
		}
	}
}

func TestRealCommand(t *testing.T) {
	c := onRealCluster(t)
	c.apply(`{apiVersion: v1, kind: Pod, metadata: {name: shell, namespace: NAMESPACE, labels: {app: shell}},
  spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "busybox:1.36", command: [sleep, "3600"]}]}}`)
	tests := []struct {
		command    []string
		expression string
		want       string
	}{
		{[]string{"hostname"}, "stdout == 'shell\\n' && exitCode == 0", "Passed"},
		{[]string{"sh", "-c", "echo out; echo err >&2; exit 7"}, "stdout == 'out\\n' && stderr == 'err\\n' && exitCode == 7", "Passed"},
		{[]string{"sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x"}, "exitCode == 0", "Passed"},
		{[]string{"sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x"}, "stdout.startsWith('x')", "TooLarge: The command"},
		{[]string{"cat", "/no/such/file"}, "exitCode == 0", "Wrong: untrue"},
		{[]string{"redis-cli", "ping"}, "true", "Wrong: Container main of Pod shell cannot run `redis-cli`: it has no such program"},
		{[]string{"/bin/nothing"}, "true", "Wrong: Container main of Pod shell cannot run `/bin/nothing`: it has no such program"},
		{[]string{"/etc/passwd"}, "true", "Wrong: Container main of Pod shell cannot run `/etc/passwd`: it has no such program"},
		{[]string{"sleep", "5"}, "true", "Timeout: The command `sleep 5` did not end within 500ms in Pod shell"},
		{[]string{"yes"}, "true", "TooLarge: The command `yes` printed more than 8 MiB in Pod shell and was given up"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.command, " "), func(t *testing.T) {
			exec := content.Exec{PodRef: content.PodRef{Namespace: c.namespace, Selector: map[string]string{"app": "shell"}}, Repeat: content.Repeat{Timeout: 20 * time.Second}, Command: test.command}
			if test.command[0] == "sleep" {
				exec.Timeout = 500 * time.Millisecond
			}
			c := &realCluster{TB: t, config: c.config}
			await(t, c.watch(execLab(exec, is(test.expression, "untrue"))), 40*time.Second, test.want)
		})
	}
}

func TestRealNothingIsLeft(t *testing.T) {
	c := onRealCluster(t)
	program, err := grader.Compile(lab(map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: c.namespace, Name: "web"}}, is("true", "x")))
	if err != nil {
		t.Fatal(err)
	}
	round := func() {
		watcher := program.Watch(c.config, grader.Options{})
		watcher.Open([]string{"step"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- watcher.Run(ctx) }()
		if err := watcher.Synced(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := watcher.Evaluate(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	round()
	before := goroutines()
	for range 20 {
		round()
	}
	// Connections end a moment after they are closed, by goroutines of net/http.
	var after []byte
	c.poll(10*time.Second, "goroutines to be as few as before", func() bool {
		after = goroutines()
		return bytes.Count(after, []byte("\n\n")) <= bytes.Count(before, []byte("\n\n"))
	})
}

// TestRealAPIServerRestart comes last, because the parts of a control plane that
// lose their API server take a while to work again.
func TestRealAPIServerRestart(t *testing.T) {
	c := onRealCluster(t)
	object := map[string]content.Object{"conf": {APIVersion: "v1", Kind: "ConfigMap", Namespace: c.namespace, Name: "m"}}
	told := c.watch(lab(object, is("conf.data.x == '1'", "one, please")))
	set := func(x string) {
		c.Helper()
		c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: NAMESPACE}, data: {x: '" + x + "'}}")
	}
	set("0")
	await(t, told, 10*time.Second, "Wrong: one, please")
	c.killAPIServer()
	ready := time.Now()
	set("1")
	await(t, told, 15*time.Second, "Passed")
	t.Logf("the next change was judged %v after the API server came back", time.Since(ready))
	c.apply(`{apiVersion: v1, kind: Pod, metadata: {name: after, namespace: NAMESPACE}, spec: {restartPolicy: Never, containers: [{name: main, image: "busybox:1.36", command: ["true"]}]}}`)
	c.poll(5*time.Minute, "cluster to run pods again, as whoever uses it next needs", func() bool { return c.phase("after") == "Succeeded" })
}

// killAPIServer has a privileged pod kill the API server's process, as a crash
// would. Its node starts it again, at once or, with what was killed often, after
// up to five minutes. What tells that it did is the pod: its end can only be
// written down by an API server that runs.
func (c *realCluster) killAPIServer() {
	c.Helper()
	c.apply(`{apiVersion: v1, kind: Pod, metadata: {name: killer, namespace: NAMESPACE}, spec: {restartPolicy: Never, hostPID: true, terminationGracePeriodSeconds: 0,
  nodeSelector: {node-role.kubernetes.io/control-plane: ""}, tolerations: [{operator: Exists}],
  containers: [{name: main, image: "busybox:1.36", securityContext: {privileged: true}, command: [sh, -c, "kill -9 $(pidof kube-apiserver)"]}]}}`)
	c.poll(7*time.Minute, "API server to be killed and back", func() bool {
		phase := c.phase("killer")
		if phase == "Failed" {
			c.Fatal("the pod that was to kill the API server found none")
		}
		return phase == "Succeeded"
	})
}

// phase is that of a Pod, "" where it cannot be had.
func (c *realCluster) phase(pod string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	o, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(c.namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return phase
}

func (c *realCluster) poll(limit time.Duration, what string, done func() bool) {
	c.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !done(); <-tick.C {
		if time.Now().After(deadline) {
			c.Fatalf("waited %v in vain for the %s", limit, what)
		}
	}
}

// patch changes one value of the ConfigMap m and returns when the API server has
// answered.
func (c *realCluster) patch(value int) {
	c.Helper()
	patch := fmt.Sprintf(`{"data":{"x":"%d"}}`, value)
	_, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(c.namespace).
		Patch(context.Background(), "m", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		c.Fatal(err)
	}
}
