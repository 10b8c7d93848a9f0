package grader_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/cert"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs/terminal"
	agent "wheelhouse/labs/terminal/agent/dist"
	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	machine "wheelhouse/provisioner/embedded/machine/dist"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// forgedCluster is an embedded cluster in which a student forges.
type forgedCluster struct {
	*realCluster
	workstation workstationtest.Workstation
	run         grader.Workstation
}

func newForgedCluster(t *testing.T) *forgedCluster {
	t.Helper()
	from := provisionertest.NeedsPack(t)
	agentProgram, agentBuilt := agent.Binary(runtime.GOARCH)
	machineProgram, machineBuilt := machine.Binary(runtime.GOARCH)
	if !agentBuilt || !machineBuilt {
		t.Fatal("the programs that run in clusters are not built; run: make parts")
	}
	provider, err := embedded.New(embedded.Options{
		DataDir: t.TempDir(), Agent: agentProgram, Machine: machineProgram,
		Pack: func() (*pack.Pack, error) { return from, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	name := "wh-" + strings.ToLower(rand.Text()[:8])
	t.Cleanup(func() {
		if err := provider.Delete(context.Background(), name); err != nil {
			t.Errorf("delete the cluster: %v", err)
		}
	})
	if _, err := provider.Create(t.Context(), name, provisioner.Spec{}, nil); err != nil {
		t.Fatal(err)
	}
	access, err := provider.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := access.Admin()
	if err != nil {
		t.Fatal(err)
	}
	student, err := access.Student()
	if err != nil {
		t.Fatal(err)
	}
	c := &forgedCluster{realCluster: &realCluster{TB: t, namespace: "default"}, workstation: workstationtest.Open(t, access), run: terminal.Student(access.Dial, student)}
	if c.config, err = clientcmd.RESTConfigFromKubeConfig(admin); err != nil {
		t.Fatal(err)
	}
	c.config.QPS = -1
	if c.client, err = dynamic.NewForConfig(c.config); err != nil {
		t.Fatal(err)
	}
	return c
}

// in is the cluster in a subtest.
func (c *forgedCluster) in(t *testing.T) *forgedCluster {
	sub, cluster := *c, *c.realCluster
	cluster.TB = t
	sub.realCluster = &cluster
	return &sub
}

// want judges a lab of one check once, and wants "reason: message…".
func (c *forgedCluster) want(lab *content.Lab, want string) {
	c.Helper()
	if got := c.judge(lab); !strings.HasPrefix(got, want) {
		c.Errorf("got  %s\nwant %s…", got, want)
	}
}

// judge judges a lab of one check once: "reason: message".
func (c *forgedCluster) judge(lab *content.Lab) string {
	c.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		c.Fatal(err)
	}
	results, err := program.Watch(c.config, grader.Options{Workstation: c.run}).Evaluate(c.Context())
	if err != nil || len(results) != 1 {
		c.Fatalf("Evaluate: %d results, %v", len(results), err)
	}
	return outcomeOf(results[0], nil)
}

// lie is what the student's server answers instead of the API server: to an
// admission review what lies has for the kind, to a conversion review that every
// Widget is of size 1, and for the group autoscaling that there is a
// HorizontalPodAutoscaler.
const lie = `#!/bin/sh
body=$(head -c "$CONTENT_LENGTH")
uid=${body#*'"uid":"'}
uid=${uid%%'"'*}
printf 'Content-Type: application/json\r\n\r\n'
case $body in
*'"kind":"ConversionReview"'*)
  objects=${body#*'"objects":'}
  objects=${objects%%',"response":'*}
  objects=$(printf %s "${objects%'}'}" | sed 's|"example.com/v2"|"example.com/v1"|g; s|"size":2|"size":1|g')
  echo '{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","response":{"uid":"'"$uid"'","result":{"status":"Success"},"convertedObjects":'"$objects"'}}' ;;
*)
  case $body in
PATCHES  esac
  echo '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"'"$uid"'","allowed":true,"patchType":"JSONPatch","patch":"'"$patch"'"}}' ;;
esac
`

const liarConfig = `events {}
http {
  default_type application/json;
  server {
    listen 8443 ssl;
    ssl_certificate /liar/tls.crt;
    ssl_certificate_key /liar/tls.key;
    location = /apis/autoscaling/v1 { return 200 '{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"autoscaling/v1","resources":[{"name":"horizontalpodautoscalers","singularName":"","namespaced":true,"kind":"HorizontalPodAutoscaler","verbs":["get","list","watch"]}]}'; }
    location = /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers { return 200 '{"kind":"HorizontalPodAutoscalerList","apiVersion":"autoscaling/v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"1"},"spec":{"maxReplicas":3}}]}'; }
    location / { proxy_pass http://127.0.0.1:8080/cgi-bin/lie; proxy_set_header Host liar; }
  }
}
`

// liar runs a server of the student's, and returns the authority of its certificate.
func (c *forgedCluster) liar() (caBundle string) {
	c.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("liar.default.svc", nil, nil)
	if err != nil {
		c.Fatal(err)
	}
	var patches strings.Builder
	for kind, patch := range lies {
		fmt.Fprintf(&patches, "  *'\"kind\":{\"group\":'*'\"kind\":\"%s\"'*) patch=%s ;;\n", kind, base64.StdEncoding.EncodeToString([]byte(patch)))
	}
	files := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "liar", "namespace": "default"},
		"data": map[string]any{"tls.crt": string(certificate), "tls.key": string(key), "nginx.conf": liarConfig, "lie": strings.Replace(lie, "PATCHES", patches.String(), 1)}}}
	if _, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("default").Create(context.Background(), files, metav1.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
	c.apply(`{apiVersion: v1, kind: Pod, metadata: {name: liar, namespace: default, labels: {app: liar}}, spec: {terminationGracePeriodSeconds: 0,
  volumes: [{name: liar, configMap: {name: liar, defaultMode: 0755}}],
  containers: [
  {name: web, image: "nginx:1.27", command: [nginx, -g, daemon off;, -c, /liar/nginx.conf], volumeMounts: [{name: liar, mountPath: /liar}],
    readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}},
  {name: lies, image: "busybox:1.36", command: [httpd, -f, -p, "8080", -h, /www], volumeMounts: [{name: liar, mountPath: /www/cgi-bin}],
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}]}}`)
	c.apply(`{apiVersion: v1, kind: Service, metadata: {name: liar, namespace: default}, spec: {selector: {app: liar}, ports: [{port: 443, targetPort: 8443}]}}`)
	return base64.StdEncoding.EncodeToString(certificate)
}

// TestForgeriesOnARealCluster: a student has all rights in the cluster, and tries
// each way to have something else answer for the API server, on a cluster where
// that something does answer: each waits until a client was lied to.
func TestForgeriesOnARealCluster(t *testing.T) {
	c := newForgedCluster(t)
	caBundle := c.liar()
	service := `{service: {namespace: default, name: liar}, caBundle: ` + caBundle + `}`

	t.Run("own tools", func(t *testing.T) { c.in(t).ownTools() }) // while the liar starts
	c.poll(time.Minute, "liar to be ready", func() bool {
		pod, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("default").Get(t.Context(), "liar", metav1.GetOptions{})
		if err != nil {
			return false
		}
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
		ready := len(statuses) == 2
		for _, status := range statuses {
			ready = ready && status.(map[string]any)["ready"] == true
		}
		return ready
	})
	t.Run("a webhook on reviews", func(t *testing.T) { c.in(t).reviews(service) })
	t.Run("webhooks on requests", func(t *testing.T) { c.in(t).requests(service) })
	t.Run("policies", func(t *testing.T) { c.in(t).policies() })
	t.Run("a webhook on what a controller writes", func(t *testing.T) { c.in(t).controllers(service) })
	t.Run("a webhook on what a student writes", func(t *testing.T) { c.in(t).writes(service) })
	t.Run("a conversion webhook", func(t *testing.T) { c.in(t).conversion(service) })
	t.Run("a server for a built-in group", func(t *testing.T) { c.in(t).builtIn(caBundle) })
	t.Run("no rights for anyone", func(t *testing.T) { c.in(t).noRights() })
}

// reviews has the liar change what is asked of ada.
func (c *forgedCluster) reviews(service string) {
	may := steps(may("list", true, time.Hour))
	c.want(may, "Wrong: ada's rights are wrong")
	c.apply(`{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: helper}, webhooks: [
  {name: helper.example.com, clientConfig: ` + service + `, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail,
   rules: [{operations: [CREATE], apiGroups: [authorization.k8s.io], apiVersions: ["*"], resources: [subjectaccessreviews]}]}]}`)
	reviews := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}
	c.poll(time.Minute, "review to be forged", func() bool {
		review := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
			"spec": map[string]any{"user": "ada", "resourceAttributes": map[string]any{"verb": "list", "resource": "pods", "namespace": "default"}}}}
		answered, err := c.client.Resource(reviews).Create(c.Context(), review, metav1.CreateOptions{})
		if err != nil {
			return false
		}
		allowed, _, _ := unstructured.NestedBool(answered.Object, "status", "allowed")
		return allowed
	})
	c.want(may, "Intercepted: The MutatingWebhookConfiguration helper may change each request to create subjectaccessreviews")
	c.remove("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "", "helper")
}

// conversion stores a Widget in a version that the check does not read.
func (c *forgedCluster) conversion(service string) {
	definition := `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, spec: {group: example.com, scope: Namespaced,
  names: {kind: Widget, plural: widgets}, CONVERSION versions: [
  {name: v1, served: true, storage: ONE, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}},
  {name: v2, served: true, storage: TWO, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`
	define := func(conversion, one, two string) {
		c.apply(strings.NewReplacer("CONVERSION", conversion, "ONE", one, "TWO", two).Replace(definition))
	}
	widget := map[string]content.Object{"w": {APIVersion: "example.com/v1", Kind: "Widget", Namespace: "default", Name: "w"}}
	size := lab(widget, is("w.spec.size == 1", "size one, please"))
	define("", "false", "true")
	v2 := schema.GroupVersionResource{Group: "example.com", Version: "v2", Resource: "widgets"}
	c.poll(30*time.Second, "kind to be served", func() bool {
		_, err := c.client.Resource(v2).Namespace("default").Apply(c.Context(), "w", &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.com/v2", "kind": "Widget", "metadata": map[string]any{"name": "w", "namespace": "default"}, "spec": map[string]any{"size": int64(2)},
		}}, metav1.ApplyOptions{FieldManager: "test"})
		return err == nil
	})
	c.want(size, "Wrong: size one, please")
	define("conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: "+service+"}},", "false", "true")
	v1 := v2
	v1.Version = "v1"
	c.poll(time.Minute, "Widget to be forged", func() bool {
		widget, err := c.client.Resource(v1).Namespace("default").Get(c.Context(), "w", metav1.GetOptions{})
		if err != nil {
			c.Logf("read a Widget: %v", err)
			return false
		}
		size, _, _ := unstructured.NestedInt64(widget.Object, "spec", "size")
		return size == 1
	})
	c.want(size, "Intercepted: The CustomResourceDefinition widgets.example.com has a webhook that may change each Widget that is read")
	c.remove("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets.example.com")
}

// builtIn hands a group of Kubernetes' own to the liar.
func (c *forgedCluster) builtIn(caBundle string) {
	scaled := lab(map[string]content.Object{"scalers": {APIVersion: "autoscaling/v1", Kind: "HorizontalPodAutoscaler", Namespace: "default"}}, is("scalers.exists(s, s.metadata.name == 'web')", "it is missing"))
	c.want(scaled, "Wrong: it is missing")
	services := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	c.apply(`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.autoscaling, labels: {kube-aggregator.kubernetes.io/automanaged: "no"}},
 spec: {group: autoscaling, version: v1, groupPriorityMinimum: 17500, versionPriority: 15, caBundle: ` + caBundle + `, service: {namespace: default, name: liar}}}`)
	scalers := schema.GroupVersionResource{Group: "autoscaling", Version: "v1", Resource: "horizontalpodautoscalers"}
	c.poll(time.Minute, "list to be forged", func() bool {
		list, err := c.client.Resource(scalers).Namespace("default").List(c.Context(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 1
	})
	c.want(scaled, "Intercepted: The APIService v1.autoscaling hands requests to the Service default/liar")
	if err := c.client.Resource(services).Delete(c.Context(), "v1.autoscaling", metav1.DeleteOptions{}); err != nil {
		c.Error(err)
	}
}

// ownTools puts programs and settings of the student's into the home folder.
func (c *forgedCluster) ownTools() {
	c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: done, namespace: kube-public}}")
	const script = `kubectl get configmap done -o name || { echo "It is not done."; exit 1; }`
	done := lab(nil)
	done.Steps[0].Checks[0].Script = &content.Script{Run: script, Repeat: content.Repeat{Timeout: 20 * time.Second, Interval: time.Hour}}
	if output, exit := c.workstation.Run(c, `mkdir -p bin .local/bin && printf '#!/bin/sh\necho configmap/done\n' >bin/kubectl && chmod +x bin/kubectl && cp bin/kubectl .local/bin/
echo 'PATH=~/bin:$PATH; kubectl() { echo configmap/done; }; alias kubectl=true' | tee .profile .bash_profile >.bashrc
kubectl config set-context --current --namespace=kube-public`); exit != 0 {
		c.Fatal(output)
	}
	c.want(done, "Wrong: It is not done.")
	own := lab(nil)
	own.Steps[0].Checks[0].Script = &content.Script{Run: script, StudentHome: true, Repeat: content.Repeat{Timeout: 20 * time.Second, Interval: time.Hour}}
	c.want(own, "Passed") // by a check that asks for it, so it is a forgery
}

// noRights takes all rights away that RBAC gives.
func (c *forgedCluster) noRights() {
	bindings := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}
	if err := c.client.Resource(bindings).DeleteCollection(c.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		c.Fatal(err)
	}
	conf := map[string]content.Object{"conf": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "answer"}}
	check := lab(conf, is("conf.data.x == '1'", "one, please"))
	c.want(check, "NotFound: ")
	c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: answer, namespace: default}, data: {x: '1'}}")
	c.want(check, "Passed")
	c.want(steps(may("list", true, time.Hour)), "Wrong: ada's rights are wrong")
}
