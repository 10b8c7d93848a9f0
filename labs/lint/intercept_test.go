package lint_test

import (
	"testing"

	"wheelhouse/content"
)

// TestOwnWebhooks: what a lab's own set-up puts before the API server is no exception,
// so a check that it concerns would never be True.
func TestOwnWebhooks(t *testing.T) {
	definition := func(strategy, versions string) string {
		return `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: databases.example.org},
 spec: {group: example.org, names: {kind: Database, plural: databases}, conversion: {strategy: ` + strategy + `}, versions: ` + versions + `}}`
	}
	const twoVersions = "[{name: v1}, {name: v2}]"
	const says = "course/one/pods/lab.yaml:10: step step, check check: is never True: the "
	const converts = says + "CustomResourceDefinition databases.example.org of the lab's own set-up has a webhook that may change each Database that is read"
	own := check(map[string]content.Object{"db": database}, "db.spec.size == 2")
	other := check(map[string]content.Object{"config": configMap}, "config.data.size == '2'")
	command := check(nil, "exitCode == 0")
	command.Exec = &content.Exec{PodRef: content.PodRef{Namespace: "default", Pod: "web"}, Command: []string{"true"}}
	for _, test := range []struct {
		name, setup string
		check       content.Check
		want        string
	}{
		{"a conversion webhook", definition("Webhook", twoVersions), own, converts},
		{"a conversion webhook that has nothing to convert", definition("Webhook", "[{name: v1}]"), own, ""},
		{"no conversion webhook", definition("None", twoVersions), own, ""},
		{"a conversion webhook of another kind", definition("Webhook", twoVersions), other, ""},
		{"a webhook on commands", `{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: sidecars},
 webhooks: [{name: a.example.org, rules: [{operations: [CONNECT], apiGroups: [""], apiVersions: [v1], resources: [pods/exec]}]}]}`, command,
			says + "MutatingWebhookConfiguration sidecars of the lab's own set-up may change each request to connect pods/exec"},
	} {
		t.Run(test.name, func(t *testing.T) {
			made := lab(test.check)
			made.Setup = []content.SetupFile{{Name: "setup.yaml", Text: test.setup}}
			got := problems(made)
			if test.want == "" {
				compare(t, got)
				return
			}
			compare(t, got, test.want)
		})
	}
}
