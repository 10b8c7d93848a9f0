package grader_test

import (
	"fmt"
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

const shop = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, labels: {app: web, tier: Front}, annotations: {port: "80"}}
spec:
  replicas: 2
  paused: false
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.26", args: []}
      - {name: log, image: busybox, resources: {}}
status: {readyReplicas: 1, conditions: [{type: Progressing, status: "True"}, {type: Available, status: "False"}]}`

var objects = map[string]content.Object{
	"deploy": web["deploy"],
	"pods":   {APIVersion: "v1", Kind: "Pod", Namespace: "default"},
	"notes":  {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "notes"},
	"svc":    {APIVersion: "v1", Kind: "Service", Namespace: "default", Name: "web", Optional: true},
}

const notes = `{apiVersion: v1, kind: ConfigMap, metadata: {name: notes, namespace: default}, data: {version: v1, empty: ""}}`

func TestExplanation(t *testing.T) {
	const object = "Deployment default/web"
	tests := []struct{ expression, wanted, found, object string }{
		// Comparisons.
		{"deploy.spec.replicas == 3", "3", "2", object},
		{"3 == deploy.spec.replicas", "3", "2", object},
		{"deploy.spec.replicas >= 3", "at least 3", "2", object},
		{"3 <= deploy.spec.replicas", "at least 3", "2", object},
		{"deploy.spec.replicas > 2", "more than 2", "2", object},
		{"deploy.spec.replicas < 2", "less than 2", "2", object},
		{"deploy.spec.replicas <= 1", "at most 1", "2", object},
		{"!(deploy.spec.replicas == 2)", "not 2", "2", object},
		{"!(deploy.spec.replicas < 3)", "at least 3", "2", object},
		{"deploy.metadata.name != 'web'", "not web", "web", object},
		{"deploy.spec.replicas in [3, 4]", "one of 3, 4", "2", object},
		{"!(deploy.metadata.name in ['web', 'latest'])", "none of web, latest", "web", object},
		{"'batch' in deploy.metadata.labels", "the label batch", "app, tier", object},
		{"!('app' in deploy.metadata.labels)", "no label app", "app, tier", object},
		{"'-v' in deploy.spec.template.spec.containers[0].args", "-v in the list", "nothing", object},
		{"deploy.spec.selector.matchLabels == {'app': 'shop'}", `{"app":"shop"}`, `{"app":"web"}`, object},
		{"deploy.spec.template.spec.containers.map(c, c.name) == ['web']", `["web"]`, `["web","log"]`, object},
		{"size(deploy.spec.template.spec.containers) == 1", "1", "2", object},
		{"deploy.spec.replicas == '2'", `"2"`, "2", object},
		{"deploy.metadata.annotations.port == 80", "80", `"80"`, object},
		{"deploy.spec.replicas == 2.5", "2.5", "2", object},

		// Objects, and large parts of one, are called by their names.
		{"deploy in [1]", "one of 1", "Deployment default/web", object},
		{"[deploy, notes] == []", "[]", "Deployment default/web, ConfigMap default/notes", object},
		{"deploy.spec == {}", "{}", "the fields paused, replicas, selector, template", object},
		{"deploy.spec.template.spec.containers == []", "[]", `{"args":[],"image":"nginx:1.26","name":"web"}, {"image":"busybox","name":"log","resources":{}}`, object},

		// What the cluster makes of a wish is what is found.
		{"deploy.status.readyReplicas == deploy.spec.replicas", "2", "1", object},
		{"deploy.spec.replicas == deploy.status.readyReplicas", "2", "1", object},

		// Parts.
		{"deploy.spec.replicas == 2 && deploy.metadata.name == 'shop' && deploy.spec.paused", "shop", "web", object},
		{"deploy.metadata.name == 'a' || deploy.metadata.name == 'b'", "a or b", "web", object},
		{"deploy.metadata.name == 'a' || deploy.spec.replicas == 5", "", "", ""},
		{"deploy.spec.replicas > 1 ? deploy.metadata.name == 'a' : deploy.metadata.name == 'b'", "a", "web", object},
		{"deploy.spec.paused", "true", "false", object},
		{"!(deploy.spec.replicas == 2 && deploy.metadata.name == 'web')", "", "", ""},

		// What is not there.
		{"deploy.spec.?minReadySeconds.orValue(0) == 5", "5", "nothing", object},
		{"deploy.?spec.?template.?none == optional.of(3)", "3", "nothing", object},
		{"has(deploy.spec.strategy)", "the field strategy", "nothing", object},
		{"!has(deploy.spec.paused)", "no field paused", "false", object},
		{"deploy.spec.?strategy.hasValue()", "a value", "nothing", object},
		{"deploy.spec.minReadySeconds == 5", "5", "nothing: the field minReadySeconds is not set", object},
		{"deploy.spec.template.spec.containers[1].resources.limits.cpu == '100m'", "100m", "nothing: the field limits is not set", object},
		{"deploy.spec.template.spec.containers[2].name == 'x'", "x", "nothing: the list containers has no element 2", object},
		{"deploy.metadata.labels.batch == 'x'", "x", "nothing: the label batch is not set", object},
		{"deploy.metadata.labels['a/b'] == 'x'", "x", "nothing: the label a/b is not set", object},
		{"deploy.spec.template.spec.containers.all(c, c.resources.limits.cpu == '1')", "1", "nothing: the field resources is not set", object},
		{"deploy.spec.template.spec.containers.exists(c, c.resources.limits.cpu == '1')", "1",
			"nothing: the field resources is not set, nothing: the field limits is not set", object},
		{"quantity(deploy.spec.cpu).isGreaterThan(quantity('1'))", "", "nothing: the field cpu is not set", object},
		{"deploy.spec.template.spec.containers.map(c, c.resources.limits).size() == 2", "2", "nothing: the field resources is not set", object},
		{"pods[0].metadata.name == 'x'", "x", "nothing: the list has no element 0", ""},
		{"svc.spec.type == 'ClusterIP'", "ClusterIP", "nothing: there is no Service named web in namespace default", ""},
		{"notes.data.none == 'x'", "x", "nothing: the key none is not set", "ConfigMap default/notes"},

		// Lists.
		{"deploy.spec.template.spec.containers.exists(c, c.image == 'nginx:1.27')", "nginx:1.27", "nginx:1.26, busybox", object},
		{"deploy.spec.template.spec.containers.all(c, c.image.startsWith('nginx:'))", "a text that starts with nginx:", "busybox", object},
		{"!deploy.spec.template.spec.containers.exists(c, c.image == 'busybox')", "not busybox", "busybox", object},
		{"deploy.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')", "True", "False", object},
		{"deploy.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", "Ready", "Progressing, Available", object},
		{"deploy.spec.template.spec.containers[0].args.exists(a, a == '-v')", "-v", "nothing", object},
		{"pods.size() == 2", "2", "0", ""},

		// Texts.
		{"deploy.metadata.name.contains('shop')", "a text that contains shop", "web", object},
		{"!deploy.metadata.name.endsWith('b')", "a text that does not end with b", "web", object},
		{"deploy.spec.template.spec.containers.exists(c, c.image.matches('^(docker[.]io/)?(library/)?nginx:1[.]27$'))", "nginx:1.27", "nginx:1.26, busybox", object},
		{"!deploy.spec.template.spec.containers.exists(c, c.image.matches('^(docker[.]io/)?nginx:1[.]26$'))", "not nginx:1.26", "nginx:1.26", object},
		{"deploy.metadata.name.matches('^[0-9]+$')", "a text that matches ^[0-9]+$", "web", object},
		{"notes.data.empty.trim() != ''", "something", "an empty text", "ConfigMap default/notes"},
		{"notes.data.version == 'v1 '", `"v1 "`, "v1", "ConfigMap default/notes"},

		// What would be a guess, or tell an answer.
		{"false", "", "", ""},
		{"1 == 2", "", "", ""},
		{"notes.data.version == deploy.metadata.name", "", "", ""},
		{"[deploy].exists(d, d.metadata.name == notes.data.version)", "", "", ""},
		{"deploy.spec.template.spec.containers.exists_one(c, c.name == 'x')", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			got := grader.JudgeObjects(t, lab(objects, is(test.expression, "no")), shop, notes)
			if got.Status != grader.False || got.Reason != grader.ReasonWrong || got.Message != "no" {
				t.Errorf("got %s %s %q, want False Wrong", got.Status, got.Reason, got.Message)
			}
			if got.Wanted != test.wanted || got.Found != test.found || got.Object != test.object {
				t.Errorf("got  wanted %q, found %q of %q\nwant wanted %q, found %q of %q", got.Wanted, got.Found, got.Object, test.wanted, test.found, test.object)
			}
		})
	}
}

func TestExplanationOfWhatHolds(t *testing.T) {
	got := grader.JudgeObjects(t, lab(web, is("deploy.spec.replicas == 2", "no")), shop)
	if got.Status != grader.True || got.Wanted+got.Found+got.Object+got.Hint != "" {
		t.Errorf("got %+v", got)
	}
}

func TestExplanationIsBounded(t *testing.T) {
	long := `{apiVersion: v1, kind: ConfigMap, metadata: {name: notes, namespace: default}, data: {version: "` + strings.Repeat("ä", 5000) + `"}}`
	one := map[string]content.Object{"notes": objects["notes"]}
	for _, expression := range []string{"notes.data.version == 'x'", "[notes.data.version] == []", "[notes.data.version].exists(v, v == 'y')"} {
		got := grader.JudgeObjects(t, lab(one, is(expression, "no")), long)
		if got.Found == "" || len(got.Found) > 200 || !strings.Contains(got.Found, "ä…") {
			t.Errorf("%s: found has %d bytes: %q", expression, len(got.Found), got.Found)
		}
	}
}

func TestSecretsStayHidden(t *testing.T) {
	const token = `{apiVersion: v1, kind: Secret, metadata: {name: token, namespace: default, annotations: {kubectl.kubernetes.io/last-applied-configuration: "swordfish"}},
		type: Opaque, data: {password: swordfish, user: swordfish}}`
	seen := map[string]content.Object{
		"secret":  {APIVersion: "v1", Kind: "Secret", Namespace: "default", Name: "token"},
		"secrets": {APIVersion: "v1", Kind: "Secret", Namespace: "default"},
		"notes":   objects["notes"],
	}
	tests := []struct{ expression, wanted, found string }{
		{"secret.data.password == 'x'", "x", "(hidden)"},
		{"secret.data['password'] == 'x'", "x", "(hidden)"},
		{"secret.data.password != 'swordfish'", "(hidden)", "(hidden)"},
		{"!secret.data.password.contains('fish')", "(hidden)", "(hidden)"},
		{"!(secret.data.password in ['swordfish'])", "(hidden)", "(hidden)"},
		{"secret.data.exists(k, secret.data[k] == 'x')", "x", "(hidden)"},
		{"secret.data == {}", "{}", "(hidden)"},
		{"secret == {}", "{}", "(hidden)"},
		{"[secret] == []", "[]", "(hidden)"},
		{"secret.metadata == {}", "{}", "(hidden)"},
		{"secret.metadata.annotations.map(k, secret.metadata.annotations[k]) == []", "[]", "(hidden)"},
		{"string(secret.data.password) + 'x' == 'x'", "x", "(hidden)"},
		{"notes.data.version + secret.data.password == 'x'", "x", "(hidden)"},
		{"notes.data.version == secret.data.password", "", ""},
		{"secret.type == secret.data.password", "(hidden)", "Opaque"},
		{"secret.data.?password.optMap(p, p + 'y').orValue('') == 'x'", "x", "(hidden)"},
		{"secrets.exists(s, s.data.password == 'x')", "x", "(hidden)"},
		{"secrets.map(s, s.data) == []", "[]", "(hidden)"},
		{"secrets.filter(s, true).map(s, s.data.user) == []", "[]", "(hidden)"},
		{"secrets[0].data.user == 'x'", "x", "(hidden)"},
		{"!has(secret.data.password)", "no field password", "(hidden)"},
		{"!secret.data.?password.hasValue()", "no value", "(hidden)"},
		{"'none' in secret.data", "the key none", "password, user"},
		{"secret.data.none == 'x'", "x", "nothing: the key none is not set"},
		{"secret.type == 'x'", "x", "Opaque"},
		{"secrets.exists(s, s.metadata.name == 'x')", "x", "token"},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			got := grader.JudgeObjects(t, lab(seen, is(test.expression, "no")), token, notes)
			if got.Status != grader.False || got.Wanted != test.wanted || got.Found != test.found {
				t.Errorf("got %s, wanted %q, found %q (%s)\nwant wanted %q, found %q", got.Status, got.Wanted, got.Found, got.Message, test.wanted, test.found)
			}
			if strings.Contains(got.Wanted+got.Found+got.Hint, "swordfish") {
				t.Errorf("the secret got out: %+v", got)
			}
		})
	}
}

// TestExplanationOfWhatIsNotBegun: that a value is still to change is not
// explained as "not 2"; the message says to what.
func TestExplanationOfWhatIsNotBegun(t *testing.T) {
	for expression, want := range map[string]string{
		"deploy.spec.replicas != 2":                                          "",
		"!(deploy.spec.replicas == 2)":                                       "",
		"!deploy.spec.template.spec.containers[0].image.startsWith('nginx')": "",
		"deploy.spec.replicas == 3":                                          "3",
	} {
		validation := is(expression, "no")
		for _, validation.Pending = range []bool{true, false} {
			got := grader.JudgeObjects(t, lab(web, validation), shop)
			if got.Found == "" || got.Object == "" {
				t.Errorf("%s: nothing was found: %+v", expression, got)
			}
			if validation.Pending && got.Wanted != want {
				t.Errorf("%s, not yet: wanted %q, want %q", expression, got.Wanted, want)
			}
			if !validation.Pending && got.Wanted == "" {
				t.Errorf("%s, wrong: nothing was wanted", expression)
			}
		}
	}
}

// FuzzExplanation looks for expressions whose explanation changes the verdict,
// panics, or is not bounded.
func FuzzExplanation(f *testing.F) {
	for _, seed := range []string{
		"deploy.spec.replicas == 3", "deploy.spec.x.y[0] in ['a']", "deploy.spec.template.spec.containers.exists(c, c.image.matches('^a$'))",
		"!(has(deploy.spec.x) || deploy.spec.replicas > 1)", "deploy.metadata.labels.all(k, v, v == k)", "deploy.?a.?b.or(deploy.?c).orValue(1) == 2",
		"deploy.?spec.optMap(x, x.y == 1).orValue(true)", "{'a': deploy.x}.a == deploy.spec[?'a'].orValue(1)", "deploy.spec.containers.map(c, c.x)[0] < 1",
		"[1,2,3].exists_one(x, x > deploy.spec.replicas)", "deploy == null ? deploy.x : deploy.y", "timestamp(deploy.metadata.x) < timestamp('2020-01-01T00:00:00Z')",
		"deploy.spec.replicas == 3 ? false : dyn(1)", "quantity('1') == quantity('2')", "deploy.spec.replicas / 0 == deploy.x", "deploy.spec.?x.optMap(v, v.y).hasValue()",
		"deploy.status.conditions.transformList(i, v, v.none)[7] == deploy", "b'\\xff' == deploy.spec", "1.0 / 0.0 == deploy.spec.replicas", "deploy.spec.replicas == -(0.0 / 0.0)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		checked := lab(web, is(expression, "no"))
		plain := grader.Explained(t, checked, shop)
		if plain == "mistake" {
			t.Skip("SKIPPED: the expression does not compile, so there is nothing to explain")
		}
		got := grader.JudgeObjects(t, checked, shop)
		allowed := map[string][]grader.Status{"true": {grader.True}, "false": {grader.False}, "missing": {grader.False, grader.Unknown},
			"error": {grader.Unknown}, "cost": {grader.Unknown}}[plain]
		if !strings.Contains(fmt.Sprint(allowed), string(got.Status)) {
			t.Errorf("%q: the expression is %s, and the result %s %s", expression, plain, got.Status, got.Message)
		}
		if len(got.Wanted) > 200 || len(got.Found) > 200 || len(got.Hint) > 1024 {
			t.Errorf("%q: too long: %+v", expression, got)
		}
		if got.Status != grader.False && got.Wanted+got.Found+got.Object+got.Hint != "" {
			t.Errorf("%q: explained although %s", expression, got.Status)
		}
	})
}
