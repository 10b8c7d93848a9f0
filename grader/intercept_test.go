package grader_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// apiService is a manifest of an APIService that hands a group to a Service.
func apiService(group, version, namespace, name string) string {
	return `{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: "` + version + "." + group + `"},
 spec: {group: "` + group + `", version: ` + version + `, service: {namespace: ` + namespace + `, name: ` + name + `}}}`
}

func mutatingWebhook(operation, group, resource string) string {
	return `{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: helper},
 webhooks: [{name: helper.example.com, rules: [{operations: ["` + operation + `"], apiGroups: ["` + group + `"], apiVersions: ["*"], resources: ["` + resource + `"]}]}]}`
}

func mutatingPolicy(operation, group, resource string) string {
	return `{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, metadata: {name: helper},
 spec: {matchConstraints: {resourceRules: [{operations: ["` + operation + `"], apiGroups: ["` + group + `"], apiVersions: ["*"], resources: ["` + resource + `"]}]}}}`
}

// definition is a manifest of a CustomResourceDefinition of Widgets.
func definition(group, kind, strategy string, versions ...string) string {
	return `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.` + group + `},
 spec: {group: ` + group + `, names: {kind: ` + kind + `, plural: widgets}, conversion: {strategy: ` + strategy + `}, versions: [{name: ` + strings.Join(versions, "}, {name: ") + `}]},
 status: {storedVersions: [v1]}}`
}

// manyWebhooks are more than are looked through.
func manyWebhooks() string {
	all := make([]string, 36)
	for i := range all {
		all[i] = fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: helper-%d, annotations: {x: "%s"}}}`, i, strings.Repeat("x", 250<<10))
	}
	return strings.Join(all, "\n---\n")
}

// TestWhatComesByWayOfAnExtensionIsUnknown: each check passes, and an extension of
// the API server may be why.
func TestWhatComesByWayOfAnExtensionIsUnknown(t *testing.T) {
	objects := three()
	exec := execLab(content.Exec{PodRef: content.PodRef{Pod: "web"}, Repeat: content.Repeat{Interval: time.Second}}, is("exitCode == 0", "x"))
	can := steps(may("list", true, time.Second))
	proxy := lab(nil, is("status == 200", "x"))
	proxy.Steps[0].Checks[0].HTTP = &content.HTTP{Namespace: "default", Service: "web", Via: content.ViaProxy, Scheme: "http", Method: "GET", Path: "/",
		Repeat: content.Repeat{Timeout: 5 * time.Second, Interval: time.Second}}
	metrics := lab(map[string]content.Object{"usage": {APIVersion: "metrics.k8s.io/v1beta1", Kind: "PodMetrics", Namespace: "default"}}, is("size(usage) == 0", "x"))
	widgets := lab(map[string]content.Object{"widget": {APIVersion: "example.com/v1", Kind: "Widget", Namespace: "default", Name: "w"}}, is("widget.spec.size == 1", "x"))
	const converts = "The CustomResourceDefinition widgets.example.com has a webhook that may change each Widget that is read, "
	status := lab(web, is("deploy.status.readyReplicas == 3", "x"))
	script, command, file := scriptLab("true"), lab(nil, is("exitCode == 0", "x")), lab(nil, is("content == ''", "x"))
	command.Steps[0].Checks[0].Workstation = &content.Workstation{Command: []string{"true"}, Repeat: content.Repeat{Timeout: time.Second, Interval: time.Second}}
	file.Steps[0].Checks[0].Workstation = &content.Workstation{File: "notes", Repeat: content.Repeat{Timeout: time.Second, Interval: time.Second}}
	tests := []struct {
		name, extension string
		lab             *content.Lab
		want            string // nothing where the check passes
	}{
		{"a server of the student's own for apps", apiService("apps", "v1", "default", "liar"), objects, "The APIService v1.apps hands requests to the Service default/liar, "},
		{"a server for another group", apiService("batch", "v1", "default", "liar"), objects, ""},
		{"a server for reviews", apiService("authorization.k8s.io", "v1", "default", "liar"), can, "The APIService v1.authorization.k8s.io hands"},
		{"a server for Pods", apiService("", "v1", "default", "liar"), exec, "The APIService v1. hands"},
		{"the usual metrics server", apiService("metrics.k8s.io", "v1beta1", "kube-system", "metrics-server"), metrics, ""},
		{"another metrics server", apiService("metrics.k8s.io", "v1beta1", "default", "liar"), metrics, "The APIService v1beta1.metrics.k8s.io hands"},
		{"a webhook on reviews", mutatingWebhook("CREATE", "authorization.k8s.io", "subjectaccessreviews"), can, "The MutatingWebhookConfiguration helper may change each request to create subjectaccessreviews, "},
		{"a webhook on everything", mutatingWebhook("*", "*", "*/*"), can, "The MutatingWebhookConfiguration helper"},
		{"a webhook on all resources", mutatingWebhook("*", "*", "*"), can, "The MutatingWebhookConfiguration helper"},
		{"a webhook on Pods", mutatingWebhook("CREATE", "", "pods"), can, ""},
		{"a webhook on commands", mutatingWebhook("CONNECT", "", "pods/exec"), exec, "The MutatingWebhookConfiguration helper may change each request to connect pods/exec, "},
		{"a webhook on all of Pods", mutatingWebhook("CONNECT", "", "pods/*"), exec, "The MutatingWebhookConfiguration helper"},
		{"a webhook on all commands", mutatingWebhook("CONNECT", "*", "*/exec"), exec, "The MutatingWebhookConfiguration helper"},
		{"a webhook on new Pods", mutatingWebhook("CREATE", "", "pods/exec"), exec, ""},
		{"a webhook on resources without their subresources", mutatingWebhook("*", "*", "*"), exec, ""},
		{"a policy on commands", mutatingPolicy("CONNECT", "", "pods/exec"), exec, "The MutatingAdmissionPolicy helper may change"},
		{"a policy on reviews", mutatingPolicy("*", "*", "*"), can, "The MutatingAdmissionPolicy helper may change"},
		{"a policy on Deployments", mutatingPolicy("*", "apps", "*"), objects, ""},
		{"a conversion webhook", definition("example.com", "Widget", "Webhook", "v1", "v2"), widgets, converts},
		{"a conversion webhook from a version that is not named any more", definition("example.com", "Widget", "Webhook", "v2", "v1"), widgets, converts},
		{"a conversion webhook with nothing to convert", definition("example.com", "Widget", "Webhook", "v1"), widgets, ""},
		{"a conversion without a webhook", definition("example.com", "Widget", "None", "v1", "v2"), widgets, ""},
		{"a conversion webhook of another kind", definition("example.com", "Gadget", "Webhook", "v1", "v2"), widgets, ""},
		{"a conversion webhook of another group", definition("example.org", "Widget", "Webhook", "v1", "v2"), widgets, ""},
		{"a conversion webhook, and a built-in kind", definition("example.com", "Widget", "Webhook", "v1", "v2"), objects, ""},
		{"more webhooks than can be read", manyWebhooks(), can, "A check can look at 8 MiB of objects of a kind at most, and there is more in the cluster: MutatingWebhookConfiguration"},
		{"a webhook on what a controller writes", mutatingWebhook("UPDATE", "apps", "deployments/status"), status, "The MutatingWebhookConfiguration helper may change each request to update deployments/status, "},
		{"a policy on every status", mutatingPolicy("*", "*", "*/status"), status, "The MutatingAdmissionPolicy helper may change each request to update deployments/status, "},
		{"a webhook on a status that is not asked for", mutatingWebhook("UPDATE", "apps", "deployments/status"), objects, ""},
		{"a webhook on another status", mutatingWebhook("UPDATE", "", "pods/status"), status, ""},
		{"a webhook on what a student writes", mutatingWebhook("*", "apps", "deployments"), status, ""},
		{"a webhook on commands, and a script", mutatingWebhook("CONNECT", "", "pods/exec"), script, "The MutatingWebhookConfiguration helper may change each request to connect pods/exec, "},
		{"a webhook on a student's own reviews, and a command", mutatingWebhook("CREATE", "*", "selfsubjectaccessreviews"), command, "The MutatingWebhookConfiguration helper may change each request to create selfsubjectaccessreviews, "},
		{"a server for a built-in group, and a script", apiService("batch", "v1", "default", "liar"), script, "The APIService v1.batch hands"},
		{"a server for a group of its own, and a script", apiService("example.com", "v1", "default", "own"), script, ""},
		{"a webhook on commands, and a file", mutatingWebhook("CONNECT", "*", "*/*"), file, ""},
		{"a webhook on the proxy", mutatingWebhook("CONNECT", "", "services/proxy"), proxy, "The MutatingWebhookConfiguration helper may change each request to connect services/proxy, "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.kinds = append(api.kinds, kind{"metrics.k8s.io/v1beta1", "PodMetrics", "podmetrics", true}, kind{"example.com/v1", "Widget", "widgets", true})
			api.allow(map[string]bool{"list": true})
			api.program = func([]string, io.Writer, io.Writer, <-chan struct{}) (int, error) { return 0, nil }
			api.put(t, strings.Replace(replicas(3), "spec:", "status: {readyReplicas: 3}, spec:", 1))
			api.put(t, pod("web", "1", running, ""))
			api.put(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: default}, spec: {size: 1}}")
			api.put(t, "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {ports: [{port: 80}]}}")
			config := onTCP(t, api) // where commands can be run too
			judge := func() grader.Result { return evaluateOn(t, config, test.lab) }
			if got := judge(); got.Status != grader.True {
				t.Fatalf("without it: %s: %s", got.Reason, got.Message)
			}
			api.put(t, test.extension)
			got := judge()
			if test.want == "" {
				if got.Status != grader.True {
					t.Errorf("got %s: %s, want it to pass", got.Reason, got.Message)
				}
				return
			}
			reason := grader.ReasonIntercepted
			if strings.HasPrefix(test.want, "A check can look at") {
				reason = grader.ReasonTooLarge
			}
			if got.Status != grader.Unknown || got.Reason != reason || !strings.HasPrefix(got.Message, test.want) {
				t.Errorf("got %s %s: %s\nwant %s", got.Status, got.Reason, got.Message, test.want)
			}
		})
	}
}

// A review that comes back with another question answers that one.
func TestAReviewThatWasChangedIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.update(func() {
			api.allowed["root list pods"] = true
			api.rewrite = func(review *authorizationv1.SubjectAccessReview) { review.Spec.User = "root" }
		})
		_, seen := watch(t, api, steps(may("list", true, time.Second)), "step")
		within(t, 3*time.Second, seen, "Intercepted: The API server was asked what ada may do and answered another question")
		api.update(func() { api.rewrite = nil })
		within(t, 3*time.Second, seen, "Wrong")
	})
}
