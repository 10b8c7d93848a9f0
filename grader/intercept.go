package grader

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"wheelhouse/content"
)

// A student may give the API server an extension that answers, or changes what is
// asked, in its place: an APIService hands a whole API group to a server of theirs;
// a mutating webhook or policy rewrites a command before it is run in a Pod, and a
// review before it is answered; a conversion webhook makes what is read of an object
// that is stored in another version. A mutating webhook or policy also changes what
// controllers and kubelets report, under their names. What passes by way of one is
// Unknown. What it makes of an object that the student writes is what is stored, and
// is graded as that.

// request is one that a probe sends to the API server beside reading objects.
type request struct {
	apiVersion string
	resource   string // with its subresource: "pods/exec"
	operation  admissionv1.OperationType
}

// The requests of probes. Reading is not subject to admission and has no operation.
var (
	execRequest         = request{"v1", "pods/exec", admissionv1.Connect}
	forwardRequest      = request{"v1", "pods/portforward", admissionv1.Connect}
	podProxyRequest     = request{"v1", "pods/proxy", admissionv1.Connect}
	serviceProxyRequest = request{"v1", "services/proxy", admissionv1.Connect}
	logRequest          = request{apiVersion: "v1", resource: "pods/log"}
	reviewRequest       = request{"authorization.k8s.io/v1", "subjectaccessreviews", admissionv1.Create}
)

// builtInGroups stands in a request for all versions of Kubernetes' own groups.
const builtInGroups = "*"

// commandRequests are those by which a command on the workstation may learn something:
// what it asks the API server is not known. Without are dry runs.
var commandRequests = []request{
	{apiVersion: builtInGroups}, execRequest, {"v1", "pods/attach", admissionv1.Connect}, forwardRequest, podProxyRequest, serviceProxyRequest, reviewRequest,
	{"authorization.k8s.io/v1", "selfsubjectaccessreviews", admissionv1.Create},
	{"authorization.k8s.io/v1", "localsubjectaccessreviews", admissionv1.Create},
	{"authorization.k8s.io/v1", "selfsubjectrulesreviews", admissionv1.Create},
	{"authentication.k8s.io/v1", "selfsubjectreviews", admissionv1.Create},
}

var (
	apiServices      = query{apiVersion: "apiregistration.k8s.io/v1", kind: "APIService"}
	mutatingWebhooks = query{apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration"}
	mutatingPolicies = query{apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingAdmissionPolicy"}
	definitions      = query{apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition"}
)

// aggregated are the API groups that a server beside the API server answers for in
// most clusters, and the Service that is expected to: empty where any is.
var aggregated = map[string]string{
	"metrics.k8s.io":          "kube-system/metrics-server",
	"custom.metrics.k8s.io":   "",
	"external.metrics.k8s.io": "",
}

// unlessIntercepted returns result, or where it is True and something else may have
// answered for the API server, one that is Unknown and names it. So does one of which
// the probe has noticed that.
func (c *check) unlessIntercepted(view *view, result Result) Result {
	if result.Status != True && result.Reason != ReasonIntercepted {
		return result
	}
	by, what, unread := c.interceptor(view)
	switch {
	case view.waiting:
		return result
	case unread != nil: // too many to look through, which may be so on purpose
		return Result{Status: Unknown, Reason: unread.reason, Message: unread.problem, Evidence: result.Evidence}
	case by == nil:
		return result
	}
	return Result{Status: Unknown, Reason: ReasonIntercepted, Object: by.kind + " " + by.key.String(), Evidence: append(result.Evidence, by.evidence()),
		Message: fmt.Sprintf("The %s %s %s, so nothing that it lets through is certain. Delete it, or narrow what it applies to.", by.kind, by.key, what)}
}

// trust is what a check has of the API server, and what an extension may answer or
// change in its place.
type trust struct {
	apiServices map[string]bool // names of the APIServices of the groups that it reads
	builtIn     bool            // it may read all of Kubernetes' own groups
	admitted    []request       // of its probe, and of those who write a status that it reads: admission may change them
	custom      []query         // that it reads of kinds that the cluster may define
}

func (c *check) trusts() trust {
	t := trust{apiServices: map[string]bool{}}
	reads := func(apiVersion string) {
		if apiVersion == builtInGroups {
			t.builtIn = true
		} else if version, err := schema.ParseGroupVersion(apiVersion); err == nil {
			t.apiServices[version.Version+"."+version.Group] = true
		}
	}
	readsStatus := c.readsStatus()
	for _, q := range c.needs() {
		reads(q.apiVersion)
		if version, err := q.groupVersion(); err == nil && !scheme.Scheme.IsGroupRegistered(version.Group) {
			t.custom = append(t.custom, q)
		}
		if r, controlled := statusRequest(q); controlled && readsStatus {
			t.admitted = append(t.admitted, r)
		}
	}
	if c.probe == nil {
		return t
	}
	for _, r := range c.probe.requests() {
		reads(r.apiVersion)
		if r.operation != "" {
			t.admitted = append(t.admitted, r)
		}
	}
	return t
}

// statusRequest is that by which controllers and kubelets write the status of the
// objects of a query, where it is they who write it.
func statusRequest(q query) (r request, isControlled bool) {
	version, err := q.groupVersion()
	if err != nil || !slices.Contains(controlled, version.Group) {
		return request{}, false
	}
	resource, _ := meta.UnsafeGuessKindToResource(version.WithKind(q.kind)) // right for all of these groups
	return request{q.apiVersion, resource.Resource + "/status", admissionv1.Update}, true
}

// Intercepts says what an extension of the API server does to a check of which no
// expression is looked at, in words that go on from its name: empty where it does
// nothing. Package lint asks it of what a lab's own set-up makes.
func Intercepts(spec *content.Check, extension *unstructured.Unstructured) string {
	t := newCheck("", spec).trusts()
	switch extension.GetKind() {
	case apiServices.kind:
		return t.handsOver(extension)
	case definitions.kind:
		return t.converts(extension)
	case mutatingWebhooks.kind, mutatingPolicies.kind:
		return t.changes(extension)
	}
	return ""
}

// interceptor returns the first object that stands between the check and the API
// server, and what it does, in words that go on from its name; or why it cannot be
// known that there is none.
func (c *check) interceptor(view *view) (by *object, what string, unread *found) {
	for _, of := range []struct {
		query query
		asked bool                                    // it may be in the way of this check
		does  func(*unstructured.Unstructured) string // empty where it does nothing to the check
	}{
		{apiServices, len(c.trust.apiServices) > 0, c.trust.handsOver},
		{definitions, len(c.trust.custom) > 0, c.trust.converts},
		{mutatingWebhooks, len(c.trust.admitted) > 0, c.trust.changes},
		{mutatingPolicies, len(c.trust.admitted) > 0, c.trust.changes},
	} {
		if !of.asked {
			continue
		}
		all := view.find(of.query)
		if all.phase == failed {
			return nil, "", &all
		}
		for _, o := range all.objects {
			if what := of.does(o.content); what != "" {
				return o, what, nil
			}
		}
	}
	return nil, "", nil
}

// handsOver says that an APIService has a Service answer what the check reads.
func (t trust) handsOver(service *unstructured.Unstructured) string {
	group, _, _ := unstructured.NestedString(service.Object, "spec", "group")
	if !t.apiServices[service.GetName()] && !(t.builtIn && scheme.Scheme.IsGroupRegistered(group)) {
		return ""
	}
	if to := handedTo(service); to != "" {
		return "hands requests to the Service " + to
	}
	return ""
}

// converts says that a webhook makes what the check reads out of what is stored. An
// object may be stored in any of the kind's versions: status.storedVersions can be
// written by hand.
func (t trust) converts(definition *unstructured.Unstructured) string {
	spec := func(fields ...string) string {
		text, _, _ := unstructured.NestedString(definition.Object, append([]string{"spec"}, fields...)...)
		return text
	}
	if spec("conversion", "strategy") != "Webhook" {
		return ""
	}
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, q := range t.custom {
		read, err := q.groupVersion()
		if err != nil || read.Group != spec("group") || q.kind != spec("names", "kind") {
			continue
		}
		if slices.ContainsFunc(versions, func(v any) bool {
			version, _ := v.(map[string]any)
			return version["name"] != read.Version
		}) {
			return "has a webhook that may change each " + q.kind + " that is read"
		}
	}
	return ""
}

// changes says that a mutating webhook or policy applies to what the probe asks.
func (t trust) changes(extension *unstructured.Unstructured) string {
	for _, r := range t.admitted {
		if changes(extension, r) {
			return fmt.Sprintf("may change each request to %s %s", strings.ToLower(string(r.operation)), r.resource)
		}
	}
	return ""
}

// handedTo returns "namespace/name" of the Service that answers for the API server,
// and nothing where it answers itself or that Service is the usual one.
func handedTo(service *unstructured.Unstructured) string {
	namespace, _, _ := unstructured.NestedString(service.Object, "spec", "service", "namespace")
	name, _, _ := unstructured.NestedString(service.Object, "spec", "service", "name")
	if name == "" {
		return ""
	}
	group, _, _ := unstructured.NestedString(service.Object, "spec", "group")
	to := namespace + "/" + name
	if usual, known := aggregated[group]; known && (usual == "" || usual == to) {
		return ""
	}
	return to
}

// changes reports whether a rule of a mutating webhook or policy is about r. Where
// selectors or conditions would leave r out, that is not looked at.
func changes(extension *unstructured.Unstructured, r request) bool {
	version, err := schema.ParseGroupVersion(r.apiVersion)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(rulesOf(extension), func(rule admissionv1.RuleWithOperations) bool {
		return (slices.Contains(rule.Operations, r.operation) || slices.Contains(rule.Operations, admissionv1.OperationAll)) &&
			(slices.Contains(rule.APIGroups, version.Group) || slices.Contains(rule.APIGroups, "*")) &&
			slices.ContainsFunc(rule.Resources, func(of string) bool { return coversResource(of, r.resource) })
	})
}

// coversResource reports whether a rule's resource, which may be "*", "*/*",
// "pods/*" or "*/exec", includes a resource or subresource.
func coversResource(rule, resource string) bool {
	of, sub, _ := strings.Cut(rule, "/")
	name, subresource, _ := strings.Cut(resource, "/")
	return (of == "*" || of == name) && (sub == "*" || sub == subresource)
}

func rulesOf(extension *unstructured.Unstructured) []admissionv1.RuleWithOperations {
	convert := runtime.DefaultUnstructuredConverter.FromUnstructured
	var rules []admissionv1.RuleWithOperations
	if extension.GetKind() == mutatingPolicies.kind {
		var policy admissionv1.MutatingAdmissionPolicy
		if convert(extension.Object, &policy) == nil && policy.Spec.MatchConstraints != nil {
			for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
				rules = append(rules, rule.RuleWithOperations)
			}
		}
		return rules
	}
	var hooks admissionv1.MutatingWebhookConfiguration
	if convert(extension.Object, &hooks) == nil {
		for _, hook := range hooks.Webhooks {
			rules = append(rules, hook.Rules...)
		}
	}
	return rules
}
