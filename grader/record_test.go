package grader_test

import (
	"io"
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

func compiled(t *testing.T, lab *content.Lab) *grader.Program {
	t.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// outcomeOf is a result, or why there is none, in one line.
func outcomeOf(result grader.Result, err error) string {
	if err != nil {
		return "no: " + err.Error()
	}
	return strings.TrimSuffix(result.Reason+": "+result.Message, ": ")
}

func TestRegrade(t *testing.T) {
	list := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "default"}}
	labelled := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Selector: map[string]string{"app": "web"}}}
	one := map[string]content.Object{"pod": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "web"}}
	elsewhere := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "shop"}}
	secret := map[string]content.Object{"s": {APIVersion: "v1", Kind: "Secret", Namespace: "default", Name: "s"}}
	owned := map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"},
		"all": list["pods"], "ours": {APIVersion: "v1", Kind: "Pod", Namespace: "default", OwnedBy: "deploy"}}
	const pods = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: default, labels: {app: web}}, spec: {priority: 3}}\n---\n" +
		"{apiVersion: v1, kind: Pod, metadata: {name: other, namespace: default}}"
	for _, test := range []struct {
		name      string
		then, now *content.Lab
		manifest  string
		want      string
	}{
		{"the same", lab(list, is("size(pods) == 2", "two, please")), lab(list, is("size(pods) == 2", "two, please")), pods, "Passed"},
		{"owned", lab(owned, is("size(all) == 4 && size(ours) == 1", "no")), lab(owned, is("size(all) == 4 && size(ours) == 2", "no")), shopOf, "Passed"},
		{"mended", lab(list, is("size(pods) == 3", "three, please")), lab(list, is("size(pods) == 2", "two, please")), pods, "Passed"},
		{"made stricter", lab(list, is("size(pods) == 2", "two, please")), lab(list, is("size(pods) == 3", "three, please")), pods, "Wrong: three, please"},
		{"one of a list", lab(list, is("true", "no")), lab(one, is("pod.spec.priority == 3", "three, please")), pods, "Passed"},
		{"some of a list", lab(list, is("true", "no")), lab(labelled, is("size(pods) == 1", "one, please")), pods, "Passed"},
		{"more than was looked at", lab(one, is("true", "no")), lab(list, is("true", "no")), pods, "no: it did not look at the Pod in namespace default then"},
		{"another namespace", lab(list, is("true", "no")), lab(elsewhere, is("true", "no")), pods, "no: it did not look at the Pod in namespace shop then"},
		{"nothing was there", lab(one, is("true", "no")), lab(one, is("true", "no")), "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default}}", "NotFound: There is no Pod named web in namespace default."},
		{"a secret", lab(secret, is("true", "no")), lab(secret, is("true", "no")), "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}, data: {word: aHVzaA==}}", "no: what a Secret holds is not kept"},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.put(t, test.manifest)
			record := evaluate(t, api, test.then).Record()
			if record == nil || strings.Contains(string(record), "aHVzaA") {
				t.Errorf("the record is %s", record)
			}
			if got := outcomeOf(compiled(t, test.now).Regrade("step", "check", record)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRegradeACommand(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, pod("web", "1", running, ""))
	api.program = func(_ []string, out, _ io.Writer, _ <-chan struct{}) (int, error) {
		io.WriteString(out, "bye\n")
		return 3, nil
	}
	exec := content.Exec{PodRef: content.PodRef{Pod: "web"}}
	record := evaluateOn(t, onTCP(t, api), execLab(exec, is("exitCode == 0", "no"))).Record()
	other := exec
	other.Command = []string{"other"}
	for _, test := range []struct {
		lab  *content.Lab
		want string
	}{
		{execLab(exec, is("exitCode == 3 && stdout == 'bye\\n'", "no")), "Passed"},
		{execLab(exec, is("exitCode == 4", "four, please")), "Wrong: four, please"},
		{execLab(other, is("exitCode == 3", "no")), "no: what it does is another thing now, or was not done then"},
	} {
		if got := outcomeOf(compiled(t, test.lab).Regrade("step", "check", record)); got != test.want {
			t.Errorf("got %q, want %q; the record is %s", got, test.want, record)
		}
	}
}

func TestRegradeWithoutARecord(t *testing.T) {
	program := compiled(t, gentle())
	for _, test := range []struct{ step, check, record, want string }{
		{"step", "check", "{}", "no: how a change went is not kept"},
		{"step", "gone", "{}", "no: the lab has no such check any more"},
	} {
		if got := outcomeOf(program.Regrade(test.step, test.check, []byte(test.record))); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	objects := compiled(t, lab(web, is("true", "no")))
	for record, want := range map[string]string{"": "no: what it saw was not kept", "{": "no: what it saw cannot be read: unexpected end of JSON input"} {
		if got := outcomeOf(objects.Regrade("step", "check", []byte(record))); got != want {
			t.Errorf("%q: got %q, want %q", record, got, want)
		}
	}
}
