package grader_test

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/content"
)

// lies are what the liar's webhook makes of each kind that is sent to the API server:
// another user is meant, another command is run, another page is asked for, a Deployment
// without a Pod that runs is ready, and a ConfigMap says yes.
var lies = map[string]string{
	"SubjectAccessReview": `[{"op":"replace","path":"/spec/user","value":"kubernetes-admin"},{"op":"add","path":"/spec/groups","value":["system:masters"]}]`,
	"PodExecOptions":      `[{"op":"replace","path":"/command","value":["true"]}]`,
	"PodProxyOptions":     `[{"op":"replace","path":"/path","value":"/apis/autoscaling/v1"}]`,
	"ServiceProxyOptions": `[{"op":"replace","path":"/path","value":"/apis/autoscaling/v1"}]`,
	"Deployment":          `[{"op":"add","path":"/status/readyReplicas","value":1},{"op":"add","path":"/status/availableReplicas","value":1}]`,
	"ConfigMap":           `[{"op":"add","path":"/data","value":{"answer":"yes"}}]`,
}

const admission = "admissionregistration.k8s.io/v1"

// webhook has the liar asked about an operation on a resource.
func (c *forgedCluster) webhook(service, operation, group, resource string) {
	c.Helper()
	c.apply(`{apiVersion: ` + admission + `, kind: MutatingWebhookConfiguration, metadata: {name: helper}, webhooks: [
  {name: helper.example.com, clientConfig: ` + service + `, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore,
   rules: [{operations: [` + operation + `], apiGroups: ["` + group + `"], apiVersions: ["*"], resources: ["` + resource + `"]}]}]}`)
}

func (c *forgedCluster) removeWebhook() {
	c.Helper()
	c.remove(admission, "mutatingwebhookconfigurations", "", "helper")
}

// fooled judges a lab until it is no longer what it honestly is, which begins with honest,
// and wants something else.
func (c *forgedCluster) fooled(lab *content.Lab, honest, want string) {
	c.Helper()
	got := ""
	c.poll(30*time.Second, "forgery of "+honest, func() bool {
		got = c.judge(lab)
		return !strings.HasPrefix(got, honest)
	})
	if !strings.HasPrefix(got, want) {
		c.Errorf("got  %s\nwant %s…", got, want)
	}
}

// Labs of one check each, whose probe the liar's Pod fails.
func execOfLiar() *content.Lab {
	return execLab(content.Exec{PodRef: content.PodRef{Namespace: "default", Pod: "liar", Container: "lies"}, Command: []string{"cat", "/done"}, Repeat: content.Repeat{Timeout: 10 * time.Second, Interval: time.Hour}},
		is("exitCode == 0", "it is not done"))
}

func pageOfLiar(pod, service, wanted string) *content.Lab {
	page := lab(nil, is(wanted, "it is not there"))
	page.Steps[0].Checks[0].HTTP = &content.HTTP{Namespace: "default", Pod: pod, Service: service, Via: content.ViaProxy, Scheme: "https", Port: map[bool]string{true: "8443", false: "443"}[pod != ""], Method: "GET", Path: "/done",
		Repeat: content.Repeat{Timeout: 10 * time.Second, Interval: time.Hour}}
	return page
}

func scriptLab(run string) *content.Lab {
	script := lab(nil)
	script.Steps[0].Checks[0].Script = &content.Script{Run: run, Repeat: content.Repeat{Timeout: 20 * time.Second, Interval: time.Hour}}
	return script
}

const mayChange = "Intercepted: The MutatingWebhookConfiguration helper may change each request to "

// requests has the liar change what the grader's probes send.
func (c *forgedCluster) requests(service string) {
	for _, test := range []struct {
		name, resource string
		lab            *content.Lab
	}{
		{"a command", "pods/exec", execOfLiar()},
		{"a page of a Pod", "pods/proxy", pageOfLiar("liar", "", "status == 200")},
		{"a page of a Service", "services/proxy", pageOfLiar("", "liar", "status == 200")},
		{"a command that a script runs", "pods/exec", scriptLab("kubectl exec liar -c lies -- cat /done")},
	} {
		c.want(test.lab, "Wrong: ")
		c.webhook(service, "CONNECT", "", test.resource)
		c.Logf("%s", test.name)
		c.fooled(test.lab, "Wrong: ", mayChange+"connect "+test.resource)
		c.removeWebhook()
	}
	name := lab(nil, is("code == 'NOERROR'", "no such name"))
	name.Steps[0].Checks[0].DNS = &content.DNS{Name: "liar", Namespace: "default", Type: "A", Repeat: content.Repeat{Timeout: 10 * time.Second, Interval: time.Hour}}
	c.want(name, "Passed")
	c.webhook(service, "CONNECT", "", "pods/portforward")
	c.want(name, mayChange+"connect pods/portforward")
	c.removeWebhook()
}

// policy has the API server itself make a change, or refuse a request.
func (c *forgedCluster) policy(kind, resource, does string) {
	c.Helper()
	c.apply(`{apiVersion: ` + admission + `, kind: ` + kind + `, metadata: {name: helper}, spec: {failurePolicy: Fail, ` + does + `,
  matchConstraints: {resourceRules: [{operations: [CONNECT], apiGroups: [""], apiVersions: ["*"], resources: ["` + resource + `"]}]}}}`)
	binding := `{apiVersion: ` + admission + `, kind: ` + kind + `Binding, metadata: {name: helper}, spec: {policyName: helperACTIONS}}`
	actions := ""
	if strings.HasPrefix(kind, "Validating") {
		actions = ", validationActions: [Deny]"
	}
	c.apply(strings.Replace(binding, "ACTIONS", actions, 1))
}

// policies do without a server of the student's.
func (c *forgedCluster) policies() {
	command := execOfLiar()
	c.want(command, "Wrong: ")
	c.policy("MutatingAdmissionPolicy", "pods/exec", `reinvocationPolicy: Never, mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/command", value: ["true"]}]'}}]`)
	c.fooled(command, "Wrong: ", "Intercepted: The MutatingAdmissionPolicy helper may change each request to connect pods/exec")
	c.remove(admission, "mutatingadmissionpolicies", "", "helper")

	refused := pageOfLiar("", "liar", "status == 422 || status == 403")
	c.want(refused, "Wrong: ")
	c.policy("ValidatingAdmissionPolicy", "services/proxy", `validations: [{expression: "false", message: "never"}]`)
	c.fooled(refused, "Wrong: ", "Intercepted: Service liar could not be asked: the ValidatingAdmissionPolicy 'helper' of this cluster refuses such requests")
	c.remove(admission, "validatingadmissionpolicies", "", "helper")
}

// controllers has the liar change the status of a Deployment while its controller
// writes that, so that it has the controller's name.
func (c *forgedCluster) controllers(service string) {
	deployments := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	const web = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, minReadySeconds: SECONDS,
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "example.invalid/none:1"}]}}}}`
	c.apply(strings.Replace(web, "SECONDS", "0", 1))
	c.poll(30*time.Second, "Deployment's Pod", func() bool {
		deployment, err := c.client.Resource(deployments).Namespace("default").Get(c.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return false
		}
		replicas, _, _ := unstructured.NestedInt64(deployment.Object, "status", "replicas")
		return replicas == 1
	})
	ready := lab(map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}},
		is("deploy.status.observedGeneration == deploy.metadata.generation && deploy.status.?readyReplicas.orValue(0) == 1", "it is not ready"))
	c.want(ready, "Wrong: it is not ready")
	c.webhook(service, "UPDATE", "apps", "deployments/status")
	c.apply(strings.Replace(web, "SECONDS", "1", 1)) // so that the controller has something to say
	c.fooled(ready, "Wrong: it is not ready", mayChange+"update deployments/status")
	c.removeWebhook()
	c.remove("apps/v1", "deployments", "default", "web")
}

// writes has the liar change what the student writes: that is what is stored, and what
// is graded.
func (c *forgedCluster) writes(service string) {
	answer := lab(map[string]content.Object{"m": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "notes"}}, is("m.data.answer == 'yes'", "yes, please"))
	configMap := `{apiVersion: v1, kind: ConfigMap, metadata: {name: notes, namespace: default, labels: {x: "N"}}, data: {answer: "no"}}`
	c.apply(configMap)
	c.want(answer, "Wrong: yes, please")
	c.webhook(service, "CREATE, UPDATE", "", "configmaps")
	changes := 0
	configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	c.poll(30*time.Second, "ConfigMap to be changed on its way", func() bool {
		changes++
		c.apply(strings.Replace(configMap, `"N"`, `"`+strings.Repeat("n", changes%50)+`"`, 1))
		stored, err := c.client.Resource(configMaps).Namespace("default").Get(c.Context(), "notes", metav1.GetOptions{})
		if err != nil {
			return false
		}
		value, _, _ := unstructured.NestedString(stored.Object, "data", "answer")
		return value == "yes"
	})
	c.want(answer, "Passed")
	c.removeWebhook()
}
