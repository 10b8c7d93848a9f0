package grader_test

import (
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// TestDiagnose: where students are to find out what is wrong, a result says no more
// than the lab's author does; without that, each of these gives the fault away.
func TestDiagnose(t *testing.T) {
	const (
		store = `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {selector: {app: store}}}`
		shop  = `{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: default, labels: {app: shop}}}`
		wbe   = `{apiVersion: v1, kind: Service, metadata: {name: wbe, namespace: default}}`
	)
	const namespace = `{apiVersion: v1, kind: Namespace, metadata: {name: default}}`
	service := map[string]content.Object{"svc": objects["svc"], "pods": objects["pods"]}
	selected := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Selector: map[string]string{"app": "web"}}}
	for _, test := range []struct {
		name      string
		lab       *content.Lab
		manifests []string
		message   string // with diagnose
	}{
		{"wanted and found", lab(service, is("svc.spec.selector.app == 'shop'", "no")), []string{store}, "no"},
		{"the selector of a Service", lab(service, is("pods.exists(p, p.metadata.labels == svc.spec.selector)", "no")), []string{store, shop}, "no"},
		{"a list that is empty", lab(selected, is("pods.size() == 1", "no")), []string{shop}, "no"},
		{"a field that is missing", lab(service, is("svc.spec.externalName == 'x'", "no")), []string{store}, "no"},
		{"a similar name", lab(map[string]content.Object{"svc": {APIVersion: "v1", Kind: "Service", Namespace: "default", Name: "web"}}, is("true", "no")), []string{wbe}, "There is no Service named web in namespace default."},
		{"a pod by its labels", execLab(content.Exec{PodRef: content.PodRef{Selector: map[string]string{"app": "web"}}}, is("exitCode == 0", "no")), []string{shop},
			"There is no Pod with the labels app=web in namespace default."},
	} {
		t.Run(test.name, func(t *testing.T) {
			extra := func() string {
				got := grader.JudgeObjects(t, test.lab, append(test.manifests, namespace)...)
				if got.Status != grader.False {
					t.Fatalf("got %s: %s", got.Status, got.Message)
				}
				extra := got.Wanted + got.Found + got.Object + got.Hint
				if got.Message != test.message {
					extra += got.Message
				}
				return extra
			}
			if extra() == "" {
				t.Error("without diagnose nothing is given away either: this test sees nothing")
			}
			test.lab.Steps[0].Checks[0].Diagnose = true
			if got := extra(); got != "" {
				t.Errorf("beside the message %q it says %q", test.message, got)
			}
		})
	}
}
