package grader_test

import (
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

var digest = "sha256:" + strings.Repeat("0123456789abcdef", 4)

func TestSameImage(t *testing.T) {
	other := strings.Replace(digest, "0", "f", 1)
	for _, test := range []struct {
		image, wanted string
		want          bool
	}{
		{"nginx:1.27", "nginx:1.27", true},
		{"library/nginx:1.27", "nginx:1.27", true},
		{"docker.io/nginx:1.27", "nginx:1.27", true},
		{"docker.io/library/nginx:1.27", "nginx:1.27", true},
		{"index.docker.io/library/nginx:1.27", "nginx:1.27", true},
		{"index.docker.io/nginx:1.27", "docker.io/library/nginx:1.27", true},
		{"nginx:1.27@" + digest, "nginx:1.27", true},
		{"docker.io/library/nginx:1.27@" + digest, "nginx:1.27", true},
		{"nginx:1.27@" + digest, "nginx:1.27@" + digest, true},
		{"nginx@" + digest, "nginx@" + digest, true},
		{"nginx:1.27@" + digest, "nginx@" + digest, true},
		{"nginx", "nginx:latest", true},
		{"wheelhouse/intro:1", "docker.io/wheelhouse/intro:1", true},
		{"registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10", true},
		{"localhost:5000/nginx:1.27", "localhost:5000/nginx:1.27", true},

		{"nginx", "nginx:1.27", false},
		{"nginx:1.28", "nginx:1.27", false},
		{"nginx:1.27-alpine", "nginx:1.27", false},
		{"nginx:1.28@" + digest, "nginx:1.27", false},
		{"nginx@" + digest, "nginx:1.27", false},
		{"nginx:1.27", "nginx:1.27@" + digest, false},
		{"nginx:1.27@" + other, "nginx:1.27@" + digest, false},
		{"quay.io/nginx:1.27", "nginx:1.27", false},
		{"library/library/nginx:1.27", "nginx:1.27", false},
		{"bitnami/nginx:1.27", "nginx:1.27", false},
		{"localhost/nginx:1.27", "nginx:1.27", false},
		{"nginx:1.27@sha256:12", "nginx:1.27", false},
		{"NGINX:1.27", "nginx:1.27", false},
		{"", "nginx:1.27", false},
		{strings.Repeat("a", 1<<20), "nginx:1.27", false},
	} {
		t.Run(test.image+" is "+test.wanted, func(t *testing.T) {
			deploy := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {template: {spec: {containers: [{name: web, image: "` + test.image + `"}]}}}}`
			expression := "deploy.spec.template.spec.containers.exists(c, sameImage(c.image, '" + test.wanted + "'))"
			got := grader.JudgeObjects(t, lab(map[string]content.Object{"deploy": objects["deploy"]}, is(expression, "no")), deploy)
			if got.Status != map[bool]grader.Status{true: grader.True, false: grader.False}[test.want] {
				t.Errorf("got %+v, want %v", got, test.want)
			}
		})
	}
}

// TestSameImageExplained: the student sees the image that is wanted and their own.
func TestSameImageExplained(t *testing.T) {
	deploy := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {template: {spec: {containers: [{name: web, image: "httpd:2.4"}]}}}}`
	only := map[string]content.Object{"deploy": objects["deploy"]}
	got := grader.JudgeObjects(t, lab(only, is("deploy.spec.template.spec.containers.all(c, sameImage(c.image, 'nginx:1.27'))", "no")), deploy)
	if got.Wanted != "nginx:1.27" || got.Found != "httpd:2.4" {
		t.Errorf("got wanted %q, found %q", got.Wanted, got.Found)
	}
	got = grader.JudgeObjects(t, lab(only, is("!deploy.spec.template.spec.containers.exists(c, sameImage(c.image, 'httpd:2.4'))", "no")), deploy)
	if got.Wanted != "not httpd:2.4" || got.Found != "httpd:2.4" {
		t.Errorf("got wanted %q, found %q", got.Wanted, got.Found)
	}
}
