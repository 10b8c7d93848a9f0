package grader_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

const webService = `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {type: ClusterIP, selector: {app: wbe, tier: front}}}`

func replace(text, old, new string) string { return strings.ReplaceAll(text, old, new) }

// aPod makes a pod of the namespace default with labels and container states.
func aPod(name, labels, states string) string {
	return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: default, creationTimestamp: "2026-01-01T00:00:0` + name[len(name)-1:] + `Z", labels: {` + labels + `}}, ` +
		`status: {containerStatuses: [` + states + `]}}`
}

const (
	fine     = `{name: app, image: nginx, state: {running: {}}}`
	crashing = `{name: app, image: nginx, state: {waiting: {reason: CrashLoopBackOff, message: "back-off 5m0s"}}, lastState: {terminated: {exitCode: 2, reason: Error}}}`
	eating   = `{name: app, image: nginx, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}`
	ended    = `{name: app, image: nginx, state: {terminated: {exitCode: 1, reason: Error}}}`
	pulling  = `{name: app, image: "nginx:1.99", state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image "nginx:1.99"'}}}`
	misses   = `{name: app, image: nginx, state: {waiting: {reason: CreateContainerConfigError, message: 'configmap "conf" not found'}}}`
	creating = `{name: app, image: nginx, state: {waiting: {reason: ContainerCreating}}}`
)

func TestHints(t *testing.T) {
	pods := map[string]content.Object{"pods": objects["pods"]}
	deploy := map[string]content.Object{"deploy": objects["deploy"]}
	both := map[string]content.Object{"deploy": objects["deploy"], "pods": objects["pods"]}
	service := map[string]content.Object{"svc": objects["svc"], "pods": objects["pods"]}
	slices := map[string]content.Object{"svc": objects["svc"], "slices": {APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice", Namespace: "default"}}
	selected := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Selector: map[string]string{"app": "web"}}}
	image := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {template: {spec: {containers: [{name: web, image: IMAGE}]}}}}`
	withImage := func(name string) string { return replace(image, "IMAGE", `"`+name+`"`) }
	const imageIs = "deploy.spec.template.spec.containers.exists(c, c.image == 'nginx:1.27')"
	const sameImage = "deploy.spec.template.spec.containers.exists(c, sameImage(c.image, 'nginx:1.27'))"
	const ready = "pods.size() == 9"
	const slice = `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}, endpoints: null}`

	tests := []struct {
		name       string
		objects    map[string]content.Object
		expression string
		manifests  []string
		want       string
	}{
		// Containers.
		{"crashes", pods, ready, []string{aPod("web-1", "app: web", crashing)}, "The container app of Pod web-1 ends again and again (CrashLoopBackOff); the last time with exit code 2."},
		{"takes too much memory", pods, ready, []string{aPod("web-1", "", eating)}, "The container app of Pod web-1 ends again and again (CrashLoopBackOff); the last time with exit code 137, OOMKilled."},
		{"has ended", pods, ready, []string{aPod("web-1", "", ended)}, "The container app of Pod web-1 has ended: with exit code 1."},
		{"no such image", pods, ready, []string{aPod("web-1", "", pulling)}, "The container app of Pod web-1 cannot start, because its image nginx:1.99 cannot be pulled (ImagePullBackOff)."},
		{"no such ConfigMap", pods, ready, []string{aPod("web-1", "", misses)}, `The container app of Pod web-1 cannot start (CreateContainerConfigError): configmap "conf" not found.`},
		{"is being made", pods, ready, []string{aPod("web-1", "", creating)}, ""},
		{"runs", pods, ready, []string{aPod("web-1", "", fine)}, ""},
		{"only the newest of a deployment", both, "deploy.spec.replicas == 9", []string{shop, aPod("web-1", "app: web", crashing), aPod("web-2", "app: web", fine)}, ""},
		{"the newest of a deployment", both, "deploy.spec.replicas == 9", []string{shop, aPod("web-1", "app: web", fine), aPod("web-2", "app: web", pulling)},
			"The container app of Pod web-2 cannot start, because its image nginx:1.99 cannot be pulled (ImagePullBackOff)."},
		{"another's pod", both, "deploy.spec.replicas == 9", []string{shop, aPod("db-1", "app: db", crashing)}, ""},

		// Images.
		{"no tag", deploy, imageIs, []string{withImage("nginx")}, "The image has no tag, so it means nginx:latest."},
		{"another tag", deploy, imageIs, []string{withImage("docker.io/library/nginx:1.26")}, "The image is the right one with another tag: 1.26 instead of 1.27."},
		{"another tag in another way", deploy, sameImage, []string{withImage("index.docker.io/library/nginx:1.26@" + digest)}, "The image is the right one with another tag: 1.26 instead of 1.27."},
		{"no tag in another way", deploy, sameImage, []string{withImage("docker.io/nginx")}, "The image has no tag, so it means docker.io/nginx:latest."},
		{"latest", deploy, sameImage, []string{withImage("nginx:latest")}, "The image is the right one with another tag: latest instead of 1.27."},
		{"a digest alone", deploy, sameImage, []string{withImage("nginx@" + digest)}, "The image is named by its digest alone, which does not show its version; write the tag 1.27 before it."},
		{"another image", deploy, imageIs, []string{withImage("httpd:2.4")}, ""},
		{"a slip in the image", deploy, imageIs, []string{withImage("ngnix:1.27")}, "ngnix:1.27 is written nginx:1.27."},
		{"a pattern", deploy, "deploy.spec.template.spec.containers.exists(c, c.image.matches('^(docker[.]io/)?nginx:1[.]27$'))", []string{withImage("nginx")},
			"The image has no tag, so it means nginx:latest."},

		// Labels.
		{"on the deployment, not the template", deploy, "deploy.spec.template.metadata.labels.tier == 'Front'", []string{shop},
			"The label tier=Front is on the Deployment itself (metadata.labels) and not on its pod template (spec.template.metadata.labels), from which its Pods get theirs."},
		{"asked for with in", deploy, "'tier' in deploy.spec.template.metadata.labels", []string{shop},
			"The label tier=Front is on the Deployment itself (metadata.labels) and not on its pod template (spec.template.metadata.labels), from which its Pods get theirs."},
		{"asked for with has", deploy, "has(deploy.spec.template.metadata.labels.tier)", []string{shop},
			"The label tier=Front is on the Deployment itself (metadata.labels) and not on its pod template (spec.template.metadata.labels), from which its Pods get theirs."},
		{"on the template, not the deployment", deploy, "deploy.metadata.labels.app == 'web'", []string{replace(shop, "labels: {app: web, tier: Front}", "labels: {tier: Front}")},
			"The label app=web is on the pod template (spec.template.metadata.labels) and not on the Deployment itself (metadata.labels)."},
		{"in neither", deploy, "deploy.spec.template.metadata.labels.batch == 'x'", []string{shop}, ""},

		// Selectors of services.
		{"no such label", service, "svc.spec.type == 'NodePort'", []string{webService, aPod("web-1", "app: web, tier: front", fine)},
			"The Service web selects app=wbe, tier=front, and no Pod that was looked at carries the label app=wbe; Pod web-1 has app=web."},
		{"one for each", service, "svc.spec.type == 'NodePort'", []string{webService, aPod("web-1", "app: wbe", fine), aPod("web-2", "tier: front", fine)},
			"The Service web selects app=wbe, tier=front, and no Pod that was looked at carries all of that together."},
		{"selects one", service, "svc.spec.type == 'NodePort'", []string{webService, aPod("web-1", "app: wbe, tier: front", fine)}, ""},
		{"selects one that crashes", service, "svc.spec.type == 'NodePort'", []string{webService, aPod("web-1", "app: wbe, tier: front", crashing)},
			"The container app of Pod web-1 ends again and again (CrashLoopBackOff); the last time with exit code 2."},
		{"no endpoints", slices, "svc.spec.type == 'NodePort'", []string{webService, slice}, "The Service web selects app=wbe, tier=front, and has found no Pod with that."},
		{"endpoints", slices, "svc.spec.type == 'NodePort'", []string{webService, replace(slice, "null", "[{addresses: [10.0.0.1]}]")}, ""},

		// Values.
		{"a text for a number", deploy, "deploy.metadata.annotations.port == 80", []string{shop}, `"80" is a text because of its quotes; write the number 80.`},
		{"a number for a text", deploy, "deploy.spec.replicas == '2'", []string{shop}, `2 is a number; write it in quotes, as the text "2".`},
		{"capitals", deploy, "deploy.metadata.labels.tier == 'front'", []string{shop}, "Front is written front: capital letters count."},
		{"white space", deploy, "deploy.metadata.labels.tier == 'front'", []string{replace(shop, "tier: Front", `tier: "front "`)},
			"There is white space around front that does not belong there."},
		{"a slip", deploy, "deploy.metadata.labels.app == 'wbe'", []string{shop}, "web is written wbe."},
		{"another number", deploy, "deploy.metadata.name == 'web1'", []string{replace(shop, "{name: web,", "{name: web,")}, ""},
		{"a status is no slip of the student's", deploy, "deploy.status.conditions.exists(c, c.type == 'Avaiable')", []string{shop}, ""},

		// Lists that are empty.
		{"other labels", selected, "pods.size() == 1", []string{aPod("db-1", "app: db", fine), aPod("web-1", "app: wbe", fine)},
			"There is no Pod with the labels app=web in namespace default; Pod web-1 has app=wbe."},
		{"no such label at all", selected, "pods.size() == 1", []string{aPod("web-1", "run: web", fine)}, "There is no Pod with the labels app=web in namespace default; Pod web-1 has run=web."},
		{"no labels", selected, "pods.size() == 1", []string{aPod("web-1", "", fine)}, "There is no Pod with the labels app=web in namespace default; Pod web-1 has no labels."},
		{"no pods", selected, "pods.size() == 1", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := grader.JudgeObjects(t, lab(test.objects, is(test.expression, "no")), test.manifests...)
			if got.Status != grader.False || got.Message != "no" || got.Hint != test.want {
				t.Errorf("got  %s %q, hint %q\nwant hint %q", got.Status, got.Message, got.Hint, test.want)
			}
		})
	}
}

// TestLastWords: a container that ended is shown with what it said last. The log
// is read once for each of its ends, and a node that does not tell it holds the
// verdict up for two seconds at most.
func TestLastWords(t *testing.T) {
	const ends = "The container app of Pod web-1 ends again and again (CrashLoopBackOff); the last time with exit code 2."
	const panicked = "starting\npanic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:3 +0x1d\nexit status 2\n"
	pods := map[string]content.Object{"pods": objects["pods"]}
	for _, test := range []struct{ name, log, want string }{
		{"one line", "cannot open conf.yaml\n", ends + " The last that it said: cannot open conf.yaml"},
		{"the last line", "starting\ncannot  open\tconf.yaml\n\n", ends + " The last that it said: cannot open conf.yaml"},
		{"a panic", panicked, ends + " The last that it said: panic: runtime error: index out of range [1] with length 1"},
		{"a long line", strings.Repeat("x", 10000), ends + " The last that it said: " + strings.Repeat("x", 100)},
		{"nothing", "", ends},
		{"the log cannot be read", "none", ends},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				api.logs = map[string]string{}
				if test.log != "none" {
					api.logs["default/web-1/app"] = test.log
				}
				_, seen := watch(t, api, lab(pods, is("pods.size() == 0", "none, please")), "step")
				api.put(t, aPod("web-1", "app: web", crashing))
				if took := within(t, 3*time.Second, seen, "Wrong: none, please"); took > 2200*time.Millisecond {
					t.Errorf("the verdict took %v", took)
				}
				hint := seen.newest()[0].Hint
				if !strings.HasPrefix(hint, test.want) || test.want == ends && hint != ends || len(hint) > 400 {
					t.Errorf("got hint %q\nwant %q", hint, test.want)
				}
				api.put(t, aPod("web-1", "app: web, other: label", crashing))
				pass(time.Second)
				read := slices.DeleteFunc(api.log(), func(request string) bool { return !strings.HasPrefix(request, "log ") })
				if !slices.Equal(read, []string{"log default/web-1/app"}) {
					t.Errorf("read %v", read)
				}
			})
		})
	}
}
