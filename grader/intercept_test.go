package grader_test

import (
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
		{"a webhook on the proxy", mutatingWebhook("CONNECT", "", "services/proxy"), proxy, "The MutatingWebhookConfiguration helper may change each request to connect services/proxy, "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.kinds = append(api.kinds, kind{"metrics.k8s.io/v1beta1", "PodMetrics", "podmetrics", true})
			api.allow(map[string]bool{"list": true})
			api.program = func([]string, io.Writer, io.Writer, <-chan struct{}) (int, error) { return 0, nil }
			api.put(t, replicas(3))
			api.put(t, pod("web", "1", running, ""))
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
			if got.Status != grader.Unknown || got.Reason != grader.ReasonIntercepted || !strings.HasPrefix(got.Message, test.want) {
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
