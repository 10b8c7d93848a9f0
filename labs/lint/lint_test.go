package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"wheelhouse/content"
	"wheelhouse/labs/lint"
)

// The objects that most tests look at.
var (
	deploy    = content.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}
	pod       = content.Object{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "web"}
	pods      = content.Object{APIVersion: "v1", Kind: "Pod", Namespace: "default"}
	service   = content.Object{APIVersion: "v1", Kind: "Service", Namespace: "default", Name: "web"}
	configMap = content.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "web"}
	database  = content.Object{APIVersion: "example.org/v1", Kind: "Database", Namespace: "default", Name: "web"}
)

func optional(object content.Object) content.Object {
	object.Optional = true
	return object
}

// objects names the objects for expressions.
func objects() map[string]content.Object {
	return map[string]content.Object{"deploy": deploy, "pod": pod, "pods": pods, "svc": service, "config": configMap, "db": database}
}

// check makes a check of the objects, with a validation in each line from 11 on.
func check(objects map[string]content.Object, expressions ...string) content.Check {
	made := content.Check{Name: "check", Title: "It is so", Objects: objects, Line: 10}
	for i, expression := range expressions {
		made.Validations = append(made.Validations, content.Validation{Expression: expression, Message: "no", Line: 11 + i})
	}
	return made
}

// lab makes a lab of one step whose instructions mention web.
func lab(checks ...content.Check) *content.Lab {
	return &content.Lab{Dir: "course/one/pods", Steps: []content.Step{{
		Name: "step", Title: "Do it", Checks: checks, Instructions: "<p>Make <code>web</code>, 2 times or 3, at 80, true, as text, x or blue.</p>",
	}}}
}

// problems returns what lint says, sorted.
func problems(lab *content.Lab) []string {
	var all []string
	for _, problem := range lint.Lab(lab) {
		all = append(all, problem.Error())
	}
	slices.Sort(all)
	return all
}

// compare wants the problems to contain the texts of want, one each, and no other.
func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestFields(t *testing.T) {
	tests := []struct{ expression, want string }{
		{"deploy.spec.replicas == 3", ""},
		{"deploy.spec.replica == 3", "Deployment has no field spec.replica; did you mean spec.replicas?"},
		{"deploy.spec.?replica.orValue(1) == 3", "no field spec.replica; did you mean spec.replicas?"},
		{"deploy['spec']['replica'] == 3", "no field spec.replica"},
		{"deploy.spec[?'replica'].orValue(1) == 3", "no field spec.replica"},
		{"has(deploy.spec.replica)", "no field spec.replica"},
		{"has(deploy.spec.replicas)", ""},
		{"deploy.status.?conditions.orValue([]).exists(c, c.type == 'Available' && c.status == 'True')", ""},
		{"deploy.status.?conditions.orValue([]).exists(c, c.kind == 'Available')", "no field status.conditions[].kind"},
		{"deploy.spec.template.spec.containers.exists(c, c.image.endsWith('x'))", ""},
		{"deploy.spec.template.spec.containers.exists(c, c.img.endsWith('x'))", "no field spec.template.spec.containers[].img; did you mean spec.template.spec.containers[].image?"},
		{"deploy.spec.template.spec.containers.filter(c, c.name != '').all(c, c.img != '')", "spec.template.spec.containers[].img"},
		{"deploy.spec.template.spec.containers.map(c, c.ports).exists(p, p[0].port == 80)", "no field spec.template.spec.containers[].ports[].port"},
		{"deploy.spec.template.spec.containers.map(c, c.image)[0].size() > 3", ""},
		{"pods.exists(p, p.status.phase == 'Running')", ""},
		{"pods.exists(p, p.status.fase == 'Running')", "Pod has no field status.fase; did you mean status.phase?"},
		{"pods.filter(p, p.spec.nodeName != '')[0].spec.node == 'x'", "Pod has no field spec.node"},
		{"pod.metadata.labels.anything != ''", ""},
		{"pod.metadata.labels.all(k, k.startsWith('a'))", ""},
		{"pod.spec.nodeSelector.all(k, v, v.size() > k.size())", ""},
		{"pod.spec.containers[0].resources.limits['memory'] != ''", ""},
		{"pod.spec.containers[0].resources.limit['memory'] != ''", "no field spec.containers[].resources.limit; did you mean"},
		{"pod.spec.?securityContext.optMap(s, s.runAsNonRoot).orValue(false)", ""},
		{"pod.spec.?securityContext.optMap(s, s.runAsNoRoot).orValue(false)", "no field spec.securityContext.runAsNoRoot; did you mean spec.securityContext.runAsNonRoot?"},
		{"pod.spec.containers.image.size() > 2", "spec.containers of a Pod is a list and has no field image"},
		{"deploy.spec.replicas.count > 2", "spec.replicas of a Deployment is a number and has no field count"},
		{"svc.spec.ports.exists(p, p.targetPort.name.size() > 2)", "is a number or a text and has no field name"},
		{"svc.apiVersion == 'v1'.trim() && svc.metadata.generateName != ''", ""},
		{"config.data['anything'].size() > 2", ""},
		{"db.spec.whatever.size() > 2 && db.spec.list.exists(x, x.y.z.size() > 2)", ""},
		{"(has(pod.spec.hostname) ? pod : pod).spec.hostnam != ''", "no field spec.hostnam; did you mean spec.hostname?"},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			got := problems(lab(check(objects(), tt.expression)))
			compare(t, got, want...)
			if len(got) > 0 && !strings.HasPrefix(got[0], "course/one/pods/lab.yaml:11: step step, check check: ") {
				t.Errorf("got %s, want the line of the expression", got[0])
			}
		})
	}
}

func TestFieldsOfMessages(t *testing.T) {
	made := check(objects(), "deploy.spec.replicas == 3")
	made.Validations[0].Message, made.Validations[0].MessageExpression = "", "'Want 3, and it has ' + string(deploy.spec.replica) + '.'"
	compare(t, problems(lab(made)), "no field spec.replica;")
}

func TestKinds(t *testing.T) {
	tests := []struct{ apiVersion, kind, want string }{
		{"apps/v1", "Deployment", ""},
		{"apps/v1", "Deploymnt", "apps/v1 has no kind Deploymnt; did you mean Deployment?"},
		{"v1", "Deployment", "v1 has no kind Deployment"},
		{"example.org/v1", "Deploymnt", ""},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", ""},
	}
	for _, tt := range tests {
		t.Run(tt.apiVersion+" "+tt.kind, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			object := content.Object{APIVersion: tt.apiVersion, Kind: tt.kind, Name: "web"}
			compare(t, problems(lab(check(map[string]content.Object{"x": object}, "x.metadata.name != ''"))), want...)
		})
	}
}

func TestConstants(t *testing.T) {
	tests := []struct {
		expressions []string
		want        []string
	}{
		{[]string{"true"}, []string{":11: step step, check check: the expression looks at nothing of the cluster: it is always true"}},
		{[]string{"1 > 2"}, []string{"it can never be true"}},
		{[]string{"[1, 2].all(x, x > 0)"}, []string{"it is always true"}},
		{[]string{"1 / 0 == 1"}, []string{"it can never be evaluated: division by zero"}},
		{[]string{"deploy.spec.replicas > 1 || true"}, []string{"the part true of the expression looks at nothing"}},
		{[]string{"deploy.spec.replicas > 1 && 1 < 2"}, []string{"the part 1 < 2 of the expression looks at nothing"}},
		{[]string{"deploy.spec.replicas == deploy.spec.replicas"}, []string{"compares deploy.spec.replicas with itself"}},
		{[]string{"deploy.spec.replicas == deploy.status.replicas"}, nil},
		{[]string{"deploy.spec.?paused.orValue(false) == false"}, nil},
		{[]string{"deploy.spec.replicas == '3'"}, []string{"spec.replicas of a Deployment (a number) is compared with a text: that they are equal is never so"}},
		{[]string{"'3' != deploy.spec.replicas"}, []string{"that they are different is always so"}},
		{[]string{"deploy.spec.paused == 'true'"}, []string{"spec.paused of a Deployment (true or false) is compared with a text"}},
		{[]string{"config.data.count == 3"}, []string{"data.count of a ConfigMap (a text) is compared with a number"}},
		{[]string{"string(deploy.spec.replicas) == deploy.spec.minReadySeconds"}, []string{"a text is compared with spec.minReadySeconds"}},
		{[]string{"svc.spec.ports.exists(p, p.targetPort == 3 || p.targetPort == 'text')"}, nil},
		{[]string{"deploy.spec.replicas == 3.0"}, nil},
		{[]string{"deploy.spec.selector != null && pod.spec.containers != null"}, nil},
		{[]string{"deploy.metadata.creationTimestamp == 'text'"}, nil},
		{[]string{"db.spec.size == 3 && db.spec.name == 'text'"}, nil},
		{[]string{"deploy.spec.replicas == 2 && deploy.spec.replicas == 3"}, []string{":11: step step, check check: the check can never pass: it wants deploy.spec.replicas to be 3, and deploy.spec.replicas to be 2"}},
		{[]string{"deploy.spec.replicas == 2", "deploy.spec.replicas == 3"}, []string{":12: step step, check check: the check can never pass: it wants deploy.spec.replicas to be 3, and deploy.spec.replicas to be 2 in line 11"}},
		{[]string{"deploy.spec.replicas == 2 && deploy.spec.replicas == 2.0"}, nil},
		{[]string{"deploy.spec.replicas != 2", "2 == deploy.spec.replicas"}, []string{"can never pass"}},
		{[]string{"deploy.spec.replicas != 2", "deploy.spec.replicas == 3"}, nil},
		{[]string{"deploy.spec.replicas == 2 || deploy.spec.replicas == 3"}, nil},
		{[]string{"deploy.spec.replicas != 2 || deploy.spec.replicas != 3"}, []string{"one of the two is always so"}},
		{[]string{"pods.exists(p, p.metadata.name != 'a' || p.metadata.name != 'b')"}, []string{"one of the two is always so"}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.expressions, "; "), func(t *testing.T) {
			compare(t, problems(lab(check(objects(), tt.expressions...))), tt.want...)
		})
	}
}

func TestExecWithoutOutput(t *testing.T) {
	made := check(nil, "1 == 1", "stdout == '' && exitCode == 0")
	made.Exec = &content.Exec{PodRef: content.PodRef{Namespace: "default", Pod: "web"}, Command: []string{"true"}}
	compare(t, problems(lab(made)), "it is always true")
}

func TestEmptyCluster(t *testing.T) {
	const want = "lab.yaml:10: step step, check check: passes on an empty cluster"
	list := map[string]content.Object{"pods": pods}
	gone := map[string]content.Object{"pod": optional(pod)}
	tests := []struct {
		name   string
		check  content.Check
		change func(lab *content.Lab)
		want   []string
	}{
		{"all of nothing", check(list, "pods.all(p, p.status.phase == 'Running')"), nil, []string{want}},
		{"something is there", check(list, "size(pods) > 0", "pods.all(p, p.status.phase == 'Running')"), nil, nil},
		{"negation", check(list, "!pods.exists(p, p.spec.hostNetwork)"), nil, []string{want}},
		{"named", check(map[string]content.Object{"pod": pod, "pods": pods}, "pods.all(p, p.spec.hostNetwork)"), nil, nil},
		{"optional", check(gone, "pod == null"), nil, []string{want}},
		{"optional and wanted", check(gone, "pod != null"), nil, nil},
		{"an error is no pass", check(gone, "pod.spec.hostNetwork"), nil, nil},
		{"nodes are everywhere", check(map[string]content.Object{"nodes": {APIVersion: "v1", Kind: "Node"}}, "nodes.all(n, n.spec.podCIDR != '')"), nil, nil},
		{"setup makes it", check(gone, "pod == null"), manifest(`{apiVersion: v1, kind: Pod, metadata: {name: web}}`), nil},
		{"setup makes another", check(gone, "pod == null"), manifest(`{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}`), []string{want}},
		{"setup's Deployment makes pods", check(list, "pods.all(p, p.spec.hostNetwork)"), manifest(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}`), nil},
		{"setup's script may make it", check(gone, "pod == null"), script("kubectl run web --image=nginx"), nil},
		{"what a script makes is not known", check(gone, "pod == null"), script("kubectl run \"w$b\" --image=nginx"), nil},
		{"a cluster has classes", check(map[string]content.Object{"classes": {APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"}}, "!classes.exists(c, c.provisioner == 'x')"), nil, nil},
		{"the system has pods", check(map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "kube-system"}}, "pods.all(p, p.spec.hostNetwork)"), nil, nil},
		{"all namespaces have pods", check(map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod"}}, "pods.all(p, p.spec.hostNetwork)"), nil, nil},
		{"a namespace has its ConfigMap", check(map[string]content.Object{"maps": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default"}}, "maps.all(m, has(m.data))"), nil, nil},
		{"a namespace's own service account", check(map[string]content.Object{"account": {APIVersion: "v1", Kind: "ServiceAccount", Namespace: "default", Name: "default", Optional: true}}, "account == null"), nil, nil},
		{"after a step that makes it", check(gone, "pod == null"), after(check(map[string]content.Object{"pod": pod}, "pod.spec.containers.size() > 0")), nil},
		{"after a step that makes nothing", check(gone, "pod == null"), after(check(list, "pods.all(p, p.spec.hostNetwork)")),
			[]string{"step before, check check: passes on an empty", want}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			made := lab(tt.check)
			if tt.change != nil {
				tt.change(made)
			}
			compare(t, problems(made), tt.want...)
		})
	}
}

func manifest(text string) func(*content.Lab) {
	return func(lab *content.Lab) { lab.Setup = append(lab.Setup, content.SetupFile{Name: "a.yaml", Text: text}) }
}

func script(text string) func(*content.Lab) {
	return func(lab *content.Lab) { lab.Setup = append(lab.Setup, content.SetupFile{Name: "setup.sh", Text: text}) }
}

// after puts a step with the check before the lab's step, which waits for it.
func after(earlier content.Check) func(*content.Lab) {
	return func(lab *content.Lab) {
		before := content.Step{Name: "before", Title: "Begin", Checks: []content.Check{earlier}, Instructions: "<p>Make web.</p>"}
		lab.Steps = append([]content.Step{before}, lab.Steps...)
		lab.Steps[1].After = []string{"before"}
	}
}

func TestReadyFromTheBeginning(t *testing.T) {
	const (
		want  = "lab.yaml:10: step step: the objects of setup pass its checks as they are"
		three = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3}}`
	)
	one := map[string]content.Object{"deploy": deploy}
	exec := check(nil, "stdout != ''")
	exec.Name, exec.Exec = "exec", &content.Exec{PodRef: content.PodRef{Namespace: "default", Pod: "web"}, Command: []string{"hostname"}}
	compare(t, problems(with(lab(check(one, "deploy.spec.replicas == 3")), manifest(three))), want)
	compare(t, problems(with(lab(check(one, "deploy.spec.replicas == 2")), manifest(three))))
	compare(t, problems(with(lab(check(one, "deploy.spec.replicas == 3")), manifest(three), script("kubectl scale deployment web --replicas=1"))))
	compare(t, problems(with(lab(check(one, "deploy.spec.replicas == 3", "!has(deploy.status)")), manifest(three))))
	compare(t, problems(with(lab(check(one, "deploy.spec.replicas == 3"), exec), manifest(three))))
	compare(t, problems(lab(check(one, "deploy.spec.replicas == 3"))))
}

func with(lab *content.Lab, changes ...func(*content.Lab)) *content.Lab {
	for _, change := range changes {
		change(lab)
	}
	return lab
}

func TestMentions(t *testing.T) {
	named := func(name string) map[string]content.Object {
		object := deploy
		object.Name = name
		return map[string]content.Object{"deploy": object}
	}
	other := map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
	system := map[string]content.Object{"deploy": {APIVersion: "apps/v1", Kind: "Deployment", Namespace: "kube-system", Name: "web"}}
	tests := []struct {
		name  string
		check content.Check
		want  []string
	}{
		{"known", check(named("web"), "deploy.metadata.labels.tier == 'blue'"), nil},
		{"name", check(named("web-2"), "has(deploy.spec)"), []string{":10: step step, check check: the instructions never mention web-2, which it looks for"}},
		{"a part of a word is no mention", check(named("we"), "has(deploy.spec)"), []string{"never mention we,"}},
		{"namespace", check(other, "has(deploy.spec)"), []string{"never mention shop, which it looks for"}},
		{"the cluster's own namespace", check(system, "has(deploy.spec)"), nil},
		{"label", check(named("web"), "deploy.metadata.?labels.?tier.orValue('') == 'green'"), []string{":11: step step, check check: the instructions never mention green, which it wants"}},
		{"in a loop", check(named("web"), "deploy.spec.template.spec.containers.exists(c, sameImage(c.image, 'nginx:9'))"), []string{"never mention nginx:9"}},
		{"in a filter", check(named("web"), "deploy.spec.template.spec.containers.filter(c, sameImage(c.image, 'nginx:9')).size() > 0"), []string{"never mention nginx:9"}},
		{"not wanted", check(named("web"), "!(deploy.metadata.labels.tier == 'green') && deploy.metadata.labels.x != 'red'"), nil},
		{"one of several ways", check(named("web"), "deploy.metadata.labels.tier == 'green' || deploy.metadata.labels.tier == 'red'"), nil},
		{"status", check(named("web"), "deploy.status.conditions.exists(c, c.reason == 'NewReplicaSetAvailable')", "deploy.status.replicas == 7"), nil},
		{"enumeration", check(named("web"), "deploy.spec.strategy.type == 'Recreate'"), nil},
		{"number", check(named("web"), "deploy.spec.replicas == 5"), []string{"never mention the number 5, which it wants"}},
		{"known number", check(named("web"), "deploy.spec.replicas == 3"), nil},
		{"one is not counted", check(named("web"), "size(deploy.spec.template.spec.containers) == 1"), nil},
		{"what the cluster writes", check(map[string]content.Object{"events": {APIVersion: "v1", Kind: "Event"}}, "events.exists(e, e.reason == 'Killing' && e.count == 7)"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { compare(t, problems(lab(tt.check)), tt.want...) })
	}
}

func TestMentionsElsewhere(t *testing.T) {
	wants := check(map[string]content.Object{"deploy": deploy}, "deploy.metadata.labels.tier == 'green' && deploy.spec.replicas == 5")
	places := map[string]func(*content.Lab){
		"introduction": func(lab *content.Lab) { lab.Intro = "<p>Take green and five.</p>" },
		"files": func(lab *content.Lab) {
			lab.Files = fstest.MapFS{"a.yaml": {Data: []byte("tier: green\nreplicas: 5\n")}}
		},
		"earlier step": func(lab *content.Lab) {
			first := content.Step{Name: "first", Title: "First", Instructions: "<p>green 5</p>",
				Checks: []content.Check{check(map[string]content.Object{"svc": service}, "has(svc.spec) && svc.spec.ports[0].port > 1")}}
			first.Instructions += "<p>web</p>"
			lab.Steps = append([]content.Step{first}, lab.Steps...)
		},
	}
	for name, change := range places {
		t.Run(name, func(t *testing.T) { compare(t, problems(with(lab(wants), change))) })
	}
	later := lab(wants)
	later.Steps = append(later.Steps, content.Step{Name: "later", Title: "Later", Instructions: "<p>web green 5</p>", Checks: later.Steps[0].Checks})
	compare(t, problems(later), "step step, check check: the instructions never mention green", "never mention the number 5")
}

// TestFoundOut: what a student has to find out is on the cluster, not in the text.
// TestImages: an image has many spellings.
func TestImages(t *testing.T) {
	const containers = "deploy.spec.template.spec.containers."
	for _, tt := range []struct{ expression, want string }{
		{containers + "exists(c, sameImage(c.image, 'blue'))", ""},
		{containers + "exists(c, sameImage(c.image, 'nginx:1.27'))", "never mention nginx:1.27"},
		{containers + "exists(c, sameImage('blue', c.image))", "takes the image that is looked at first: write sameImage(c.image, \"blue\")"},
		{containers + "exists(c, c.image == 'blue')", "write sameImage(c.image, \"blue\")"},
		{containers + "all(c, 'red' != c.image)", "write !sameImage(c.image, \"red\")"},
		{containers + "all(c, c.image != '')", ""},
		{"pod.spec.containers[0].image == 'bl' + 'ue'", "write sameImage(pod.spec.containers[0].image, \"bl\" + \"ue\")"},
		{containers + "exists(c, c.image in ['blue', 'red'])", "write sameImage(c.image, …)"},
		{containers + "exists(c, c.image.startsWith('blue:'))", "write sameImage(c.image, …)"},
		{containers + "exists(c, c.image.matches('^(docker[.]io/)?blue$'))", "such as with a digest: write sameImage(c.image, …)"},
		{containers + "exists(c, c.image.matches('blue'))", ""},
		{"pods.all(p, p.spec.containers.all(c, deploy.spec.template.spec.containers.exists(t, t.image == c.image)))", ""},
		{"pod.status.containerStatuses.all(s, s.image == 'blue')", ""},
		{"config.data.image == 'blue'", ""},
	} {
		t.Run(tt.expression, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			compare(t, problems(lab(check(objects(), tt.expression))), want...)
		})
	}
}

func TestFoundOut(t *testing.T) {
	secret := check(nil, "stdout.trim() == 'marmalade'")
	secret.Exec = &content.Exec{PodRef: content.PodRef{Namespace: "default", Pod: "web"}, Command: []string{"cat", "/tmp/word"}}
	compare(t, problems(lab(secret)), "never mention marmalade")
	setup := manifest(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {word: marmalade}}`)
	compare(t, problems(with(lab(secret), setup)), ":11: step step, check check: it wants marmalade, which students are to find in what the set-up makes")
	secret.Diagnose = true
	compare(t, problems(with(lab(secret), setup)))
	secret.Validations[0].Message = "The word is marmalade."
	compare(t, problems(with(lab(secret), setup)), ":11: step step, check check: its message names marmalade, which students are to find in what the set-up makes")
}

// TestTheFaultInAMessage: a message says before anything was done what is wrong.
func TestTheFaultInAMessage(t *testing.T) {
	broken := manifest(`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {selector: {app: store}}}`)
	mend := check(map[string]content.Object{"svc": service}, "svc.spec.selector.app != 'store'")
	for message, want := range map[string][]string{
		"The Service web selects app=store.":            {":11: step step, check check: its message names store, which students are to find"},
		"The Service web does not lead to its Pod yet.": nil,
	} {
		mend.Validations[0].Message = message
		compare(t, problems(with(lab(mend), broken)), want...)
	}
	told := lab(mend)
	told.Steps[0].Instructions += "<p>It selects <code>store</code>.</p>"
	told.Steps[0].Checks[0].Validations[0].Message = "The Service web selects app=store."
	compare(t, problems(with(told, broken)))
}

func TestCommands(t *testing.T) {
	tests := []struct{ text, want string }{
		{"kubectl get pods\nkubectl run web --image=nginx:1.27 -- sh -c 'while true; do date; sleep 1; done'", ""},
		{"kubectl get pods\nkubectl get pod \"web", ":8: the shell cannot read this command: reached EOF without closing quote"},
		{"for i in 1 2; do echo; ", ":7: the shell cannot read this command: "},
		{"kubectl creat deployment web", ":7: kubectl has no command creat; did you mean kubectl create?"},
		{"true\nx=$(kubectl -n shop gett pods)", ":8: kubectl has no command gett; did you mean kubectl get?"},
		{"kubectl create deploymet web", "kubectl create has no command deploymet; did you mean kubectl create deployment?"},
		{"kubectl create -f web.yaml", ""},
		{"kubectl rollout undo deployment/web", ""},
		{"kubectl rollout -n shop undo deployment/web", ""},
		{"kubectl $verb pods; sudo kubectl frobnicate", ""},
		{"kubectl edit configmap notes && kubectl delete pod \"$(kubectl get pods -o name)\"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			compare(t, problems(&content.Lab{Dir: "d", Commands: []content.Command{{File: "d/README.md", Line: 7, Text: tt.text}}}), want...)
			compare(t, problems(&content.Lab{Dir: "d", Solution: []content.Part{{Step: "a", Line: 7, Text: tt.text}}}), want...)
		})
	}
}

func TestScriptsAreReadWhereverTheyAre(t *testing.T) {
	broken := "true\nif"
	compare(t, problems(&content.Lab{
		Dir: "d", Solution: []content.Part{{Step: "a", Line: 3, Text: broken}},
		Wrong: []content.WrongAnswer{{Name: "typo", Text: broken}},
		Setup: []content.SetupFile{{Name: "10-a.sh", Text: broken}, {Name: "setup.sh", Text: broken}},
	}), "d/setup.sh:2: ", "d/setup/10-a.sh:2: ", "d/solve.sh:4: ", "d/wrong/typo.sh:2: ")
}

// TestBrokenLabs: what does not compile is left to others, and nothing panics.
func TestBrokenLabs(t *testing.T) {
	for _, lab := range []*content.Lab{
		{}, lab(), lab(content.Check{}), lab(check(objects(), "deploy.spec.", "nothing.there", "")),
		lab(check(map[string]content.Object{"in": pod, "x": {}}, "x.y")),
		with(lab(check(nil)), manifest("a: [")),
	} {
		t.Run(fmt.Sprint(lab.Dir), func(t *testing.T) { compare(t, problems(lab)) })
	}
}
