package grader_test

import (
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// web is the object that most tests ask for.
var web = map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}}

// lab makes a lab of one step with one check.
func lab(objects map[string]content.Object, validations ...content.Validation) *content.Lab {
	return &content.Lab{Dir: "kubernetes/01-test/lab", Steps: []content.Step{{Name: "step", Checks: []content.Check{
		{Name: "check", Title: "There is a deployment", Objects: objects, Validations: validations, Line: 10},
	}}}}
}

func is(expression, message string) content.Validation {
	return content.Validation{Expression: expression, Message: message}
}

func evaluate(t *testing.T, api *apiServer, lab *content.Lab) grader.Result {
	t.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	results, err := program.Watch(api.config(), grader.Options{}).Evaluate(t.Context())
	if err != nil {
		t.Fatalf("Evaluate: %v", err)
	}
	if len(results) != 1 {
		t.Fatalf("got %d results, want 1: %v", len(results), results)
	}
	return results[0]
}

const deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {replicas: 3}, status: {readyReplicas: 1}}`

func TestValidations(t *testing.T) {
	starting := content.Validation{Expression: "deploy.status.?readyReplicas.orValue(0) == deploy.spec.replicas", Pending: true, Message: "the pods are still starting"}
	tests := []struct {
		name        string
		validations []content.Validation
		status      grader.Status
		reason      string
		message     string // contained
	}{
		{"true", []content.Validation{is("deploy.spec.replicas == 3", "x")}, grader.True, grader.ReasonPassed, ""},
		{"wrong", []content.Validation{is("deploy.spec.replicas == 2", "two, please")}, grader.False, grader.ReasonWrong, "two, please"},
		{"pending", []content.Validation{starting}, grader.False, grader.ReasonPending, "the pods are still starting"},
		{"the first untrue one decides", []content.Validation{is("true", "x"), starting, is("false", "wrong")}, grader.False, grader.ReasonPending, "still starting"},
		{"a wrong one before a pending one", []content.Validation{is("false", "wrong"), starting}, grader.False, grader.ReasonWrong, "wrong"},
		{"made message", []content.Validation{{Expression: "false", MessageExpression: "'it asks for ' + string(deploy.spec.replicas)"}},
			grader.False, grader.ReasonWrong, "it asks for 3"},
		{"message over lines", []content.Validation{{Expression: "false", MessageExpression: `"one\n  two"`}}, grader.False, grader.ReasonWrong, "one two"},
		{"message that fails", []content.Validation{{Expression: "false", MessageExpression: "deploy.spec.nothing"}},
			grader.False, grader.ReasonWrong, "This is not so yet: There is a deployment"},
		{"long message", []content.Validation{is("false", strings.Repeat("ä", 2000))}, grader.False, grader.ReasonWrong, "ä…"},
		{"no such field", []content.Validation{is("deploy.spec.nothing == 1", "nothing, please")}, grader.False, grader.ReasonWrong, "nothing, please"},
		{"no such field yet", []content.Validation{{Expression: "deploy.spec.nothing == 1", Pending: true, Message: "wait"}}, grader.False, grader.ReasonPending, "wait"},
		{"no such field, nor one for the message", []content.Validation{{Expression: "deploy.spec.nothing == 1", MessageExpression: "'it is ' + deploy.spec.nothing"}},
			grader.False, grader.ReasonWrong, "This is not so yet: There is a deployment"},
		{"no such key of the author's", []content.Validation{is("{'a': 1}['b'] == 1", "x")}, grader.Unknown, grader.ReasonInvalid, "no such key: b (kubernetes/01-test/lab/lab.yaml:10)"},
		{"no such element of the author's", []content.Validation{is("['a'][1] == 'b'", "x")}, grader.Unknown, grader.ReasonInvalid, "index out of bounds"},
		{"a field of a number", []content.Validation{is("deploy.spec.replicas.nothing == 1", "x")}, grader.Unknown, grader.ReasonInvalid, "no such key: nothing"},
		{"after a mistake nothing counts", []content.Validation{is("deploy.spec.replicas.nothing == 1", "x"), is("false", "wrong")}, grader.Unknown, grader.ReasonInvalid, "no such key"},
		{"before a mistake it does", []content.Validation{is("false", "wrong"), is("deploy.spec.replicas.nothing == 1", "x")}, grader.False, grader.ReasonWrong, "wrong"},
		{"not a bool", []content.Validation{is("deploy.spec.replicas", "x")}, grader.Unknown, grader.ReasonInvalid, "gave a int and not true or false"},
		{"division by zero", []content.Validation{is("deploy.spec.replicas / 0 == 1", "x")}, grader.Unknown, grader.ReasonInvalid, "divi"},
		{"one dear expression", []content.Validation{is(loops(6), "x")}, grader.Unknown, grader.ReasonCost, "cost limit"},
		{"many dear expressions", slow(12), grader.Unknown, grader.ReasonCost, "more together"},
		{"quantities", []content.Validation{is("quantity('1500m').isGreaterThan(quantity('1'))", "x")}, grader.True, grader.ReasonPassed, ""},
		{"semver", []content.Validation{is("semver('1.2.3').isLessThan(semver('1.10.0'))", "x")}, grader.True, grader.ReasonPassed, ""},
		{"addresses", []content.Validation{is("cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))", "x")}, grader.True, grader.ReasonPassed, ""},
		{"lists", []content.Validation{is("[1, 2, 3].sum() == 6 && [3, 1].isSorted() == false", "x")}, grader.True, grader.ReasonPassed, ""},
		{"regular expressions", []content.Validation{is("'nginx:1.28'.find('[0-9.]+$') == '1.28'", "x")}, grader.True, grader.ReasonPassed, ""},
		{"formats", []content.Validation{is("!format.dns1123Label().validate('web').hasValue()", "x")}, grader.True, grader.ReasonPassed, ""},
	}
	api := newAPIServer(t)
	api.put(t, deployment)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := evaluate(t, api, lab(web, test.validations...))
			if got.Status != test.status || got.Reason != test.reason || !strings.Contains(got.Message, test.message) || (test.message == "") != (got.Message == "") {
				t.Errorf("got  %s %s %q\nwant %s %s %q", got.Status, got.Reason, got.Message, test.status, test.reason, test.message)
			}
			if len(got.Message) > 1100 {
				t.Errorf("the message has %d bytes", len(got.Message))
			}
			if got.Step != "step" || got.Check != "check" || got.At.IsZero() {
				t.Errorf("got step %q, check %q at %v", got.Step, got.Check, got.At)
			}
			if len(got.Evidence) != 1 || got.Evidence[0].Name != "Deployment default/web" {
				t.Errorf("got evidence %v", got.Evidence)
			}
		})
	}
}

// loops nests loops over ten elements, depth deep.
func loops(depth int) string {
	text := "true"
	for i := range depth {
		text = "[0,1,2,3,4,5,6,7,8,9].all(x" + string(rune('a'+i)) + ", " + text + ")"
	}
	return text
}

// slow is n validations of which each may be evaluated, but not all of them.
func slow(n int) []content.Validation {
	validations := make([]content.Validation, n)
	for i := range validations {
		validations[i] = is(loops(4), "x")
	}
	return validations
}

func TestMissing(t *testing.T) {
	tests := []struct {
		name    string
		objects string // manifests in the cluster
		wanted  content.Object
		want    string
	}{
		{"nothing", "", web["deploy"], "There is no Deployment named web in namespace default."},
		{"another namespace", manifest("Deployment", "shop", "web"), web["deploy"],
			"There is no Deployment named web in namespace default; one exists in namespace shop."},
		{"two letters changed places", manifest("Deployment", "default", "wbe"), web["deploy"],
			"There is no Deployment named web in namespace default; there is one named wbe."},
		{"the closest", manifest("Deployment", "default", "frontend-x", "fronten", "frontnd1"), content.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "frontend"},
			"There is no Deployment named frontend in namespace default; there is one named fronten."},
		{"a generated name", manifest("Pod", "default", "web-5d4f6c-x8z2p"), content.Object{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "web"},
			"There is no Pod named web in namespace default; there is one named web-5d4f6c-x8z2p."},
		{"similar elsewhere", manifest("Deployment", "shop", "wep"), web["deploy"],
			"There is no Deployment named web in namespace default; one named wep exists in namespace shop."},
		{"unlike", manifest("Deployment", "default", "redis", "we", "website"), web["deploy"],
			"There is no Deployment named web in namespace default; there is one named we."},
		{"too unlike", manifest("Deployment", "default", "redis", "website"), web["deploy"], "There is no Deployment named web in namespace default."},
		{"the system's", manifest("Deployment", "kube-system", "web"), web["deploy"], "There is no Deployment named web in namespace default."},
		{"no such namespace", "", content.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
			"There is no Deployment named web in namespace shop: there is no such namespace."},
		{"a cluster-scoped kind", manifest("Namespace", "", "shpo"), content.Object{APIVersion: "v1", Kind: "Namespace", Name: "shop"},
			"There is no Namespace named shop; there is one named shpo."},
		{"no such kind", "", content.Object{APIVersion: "example.com/v1", Kind: "Widget", Namespace: "default", Name: "w"},
			"The cluster has no kind Widget (example.com/v1) yet."},
		{"a list of no such kind", "", content.Object{APIVersion: "example.com/v1", Kind: "Widget"}, "The cluster has no kind Widget (example.com/v1) yet."},
		{"a known group, no such kind", "", content.Object{APIVersion: "apps/v1", Kind: "Widget"}, "The cluster has no kind Widget (apps/v1) yet."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			if test.objects != "" {
				api.put(t, test.objects)
			}
			got := evaluate(t, api, lab(map[string]content.Object{"it": test.wanted}, is("true", "x")))
			if got.Status != grader.False || got.Reason != grader.ReasonNotFound || got.Message != test.want {
				t.Errorf("got  %s %s %q\nwant False NotFound %q", got.Status, got.Reason, got.Message, test.want)
			}
		})
	}
}

// manifest makes objects of one kind in one namespace, and that namespace.
func manifest(kind, namespace string, names ...string) string {
	version := "v1"
	if kind == "Deployment" {
		version = "apps/v1"
	}
	var documents []string
	if namespace != "" {
		documents = append(documents, "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
	}
	for _, name := range names {
		documents = append(documents, "{apiVersion: "+version+", kind: "+kind+", metadata: {name: "+name+", namespace: '"+namespace+"'}}")
	}
	return strings.Join(documents, "\n---\n")
}

func TestSeveralObjects(t *testing.T) {
	service := content.Object{APIVersion: "v1", Kind: "Service", Namespace: "default", Name: "web"}
	optional := service
	optional.Optional = true
	noKind := content.Object{APIVersion: "example.com/v1", Kind: "Widget", Namespace: "default", Name: "w", Optional: true}
	pods := content.Object{APIVersion: "v1", Kind: "Pod", Namespace: "default", Selector: map[string]string{"app": "web"}}
	everyPod := content.Object{APIVersion: "v1", Kind: "Pod"}
	tests := []struct {
		name       string
		objects    map[string]content.Object
		expression string
		reason     string
		message    string
	}{
		{"both missing", map[string]content.Object{"a": service, "b": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "c"}}, "true", grader.ReasonNotFound,
			"There is no Service named web in namespace default. There is no ConfigMap named c in namespace default."},
		{"missing goes before untrue", map[string]content.Object{"deploy": web["deploy"], "svc": service}, "false", grader.ReasonNotFound, "There is no Service named web in namespace default."},
		{"optional is null", map[string]content.Object{"svc": optional}, "svc == null", grader.ReasonPassed, ""},
		{"optional of no kind is null", map[string]content.Object{"w": noKind}, "w == null", grader.ReasonPassed, ""},
		{"a list by labels", map[string]content.Object{"pods": pods}, "pods.map(p, p.metadata.name) == ['web-a', 'web-b']", grader.ReasonPassed, ""},
		{"a list of all namespaces in order", map[string]content.Object{"pods": everyPod},
			"pods.map(p, p.metadata.namespace + '/' + p.metadata.name) == ['a/web', 'default/other', 'default/web-a', 'default/web-b']", grader.ReasonPassed, ""},
		{"an empty list", map[string]content.Object{"maps": {APIVersion: "v1", Kind: "ConfigMap"}}, "maps.size() == 0", grader.ReasonPassed, ""},
		{"no namespace", map[string]content.Object{"svc": {APIVersion: "v1", Kind: "Service", Name: "web"}}, "true", grader.ReasonInvalid,
			"The lab names Service named web but not its namespace; please tell whoever runs the lab."},
		{"a namespace too many", map[string]content.Object{"ns": {APIVersion: "v1", Kind: "Namespace", Namespace: "default", Name: "default"}}, "true", grader.ReasonPassed, ""},
	}
	api := newAPIServer(t)
	api.put(t, deployment)
	api.put(t, `{apiVersion: v1, kind: Pod, metadata: {name: web-b, namespace: default, labels: {app: web, tier: front}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-a, namespace: default, labels: {app: web}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: other, namespace: default}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: a, labels: {app: web}}}`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := evaluate(t, api, lab(test.objects, is(test.expression, "untrue")))
			if got.Reason != test.reason || got.Message != test.message {
				t.Errorf("got  %s %q\nwant %s %q", got.Reason, got.Message, test.reason, test.message)
			}
		})
	}
}

func TestEvidence(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, `
apiVersion: v1
kind: Secret
metadata:
  name: token
  namespace: default
  managedFields: [{manager: kubectl}]
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"password":"aHVudGVyMg=="}}', kept: "yes"}
data: {password: aHVudGVyMg==}`)
	got := evaluate(t, api, lab(map[string]content.Object{"secret": {APIVersion: "v1", Kind: "Secret", Namespace: "default", Name: "token"}},
		is("secret.data.password == 'aHVudGVyMg=='", "another password, please")))
	if got.Status != grader.True {
		t.Fatalf("got %s %q: expressions have to see a secret's values", got.Status, got.Message)
	}
	want := `apiVersion: v1
data:
  password: (hidden)
kind: Secret
metadata:
  annotations:
    kept: "yes"
  name: token
  namespace: default
  resourceVersion: "102"
  uid: u
`
	if len(got.Evidence) != 1 || got.Evidence[0].Name != "Secret default/token" || got.Evidence[0].String() != want {
		t.Errorf("got evidence %q\nwant %q", got.Evidence, want)
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	api := newAPIServer(t)
	for _, name := range strings.Fields("a b c d e f g h i j k l") {
		api.put(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: `+name+`, namespace: default}, data: {long: "`+strings.Repeat("ü", 20000)+`"}}`)
	}
	got := evaluate(t, api, lab(map[string]content.Object{"maps": {APIVersion: "v1", Kind: "ConfigMap"}}, is("maps.size() == 12", "x")))
	if got.Status != grader.True || len(got.Evidence) != 10 {
		t.Fatalf("got %s %q with %d pieces of evidence, want True with 10", got.Status, got.Message, len(got.Evidence))
	}
	for _, e := range got.Evidence {
		if len(e.String()) > 16<<10 || !strings.HasSuffix(e.String(), "ü…") {
			t.Errorf("%s has %d bytes and ends in %q", e.Name, len(e.String()), e.String()[len(e.String())-8:])
		}
	}
}

func TestPanicIsUnknown(t *testing.T) {
	got := grader.JudgePanic()
	if got.Status != grader.Unknown || got.Reason != grader.ReasonInvalid || got.Step != "step" || !strings.HasPrefix(got.Message, "This check could not be evaluated: runtime error") {
		t.Errorf("got %+v", got)
	}
}
