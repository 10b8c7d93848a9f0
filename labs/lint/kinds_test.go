package lint_test

import (
	"testing"

	"wheelhouse/content"
)

// TestMentionsOfOtherKinds looks at checks that are not of objects alone.
func TestMentionsOfOtherKinds(t *testing.T) {
	of := func(set func(c *content.Check), expressions ...string) content.Check {
		c := check(nil, expressions...)
		set(&c)
		return c
	}
	for _, test := range []struct {
		name  string
		check content.Check
		want  []string
	}{
		{"service", of(func(c *content.Check) { c.HTTP = &content.HTTP{Namespace: "default", Service: "front"} }, "status == 204"), []string{"never mention front"}},
		{"page", of(func(c *content.Check) { c.HTTP = &content.HTTP{Namespace: "default", Service: "web"} }, "body == 'green'"), []string{"never mention green"}},
		{"host", of(func(c *content.Check) {
			c.HTTP = &content.HTTP{Namespace: "default", Ingress: "web", Host: "shop.example"}
		}, "status == 204"), []string{"never mention shop.example"}},
		{"log", of(func(c *content.Check) {
			c.Logs = &content.Logs{PodRef: content.PodRef{Namespace: "default", Pod: "talk"}}
		}, "size(lines) > 0"), []string{"never mention talk"}},
		{"service account", of(func(c *content.Check) { c.Can = &content.Can{ServiceAccount: "shop/robot"} }, "allowed"), []string{"never mention robot", "never mention shop"}},
		{"file", of(func(c *content.Check) { c.Workstation = &content.Workstation{File: "notes/done.txt"} }, "content != ''"), []string{"never mention done.txt"}},
		{"exit code", of(func(c *content.Check) { c.Workstation = &content.Workstation{Command: []string{"true"}} }, "exitCode == 3"), nil},
		{"name", of(func(c *content.Check) { c.DNS = &content.DNS{Name: "web"} }, "code == 'NXDOMAIN'"), nil},
	} {
		t.Run(test.name, func(t *testing.T) { compare(t, problems(lab(test.check)), test.want...) })
	}
}

// TestAChangeIsNotThereFromTheBeginning: what has to hold all the time may hold on
// an empty cluster.
func TestAChangeIsNotThereFromTheBeginning(t *testing.T) {
	change := check(map[string]content.Object{"pods": pods}, "pods.all(p, p.spec.hostNetwork == false)")
	change.During = &content.During{From: "size(pods) == 1", Until: "size(pods) == 2"}
	compare(t, problems(lab(change)))
}
