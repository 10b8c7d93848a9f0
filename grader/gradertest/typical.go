// Package gradertest has a lab for benchmarks: checks such as authors write, the
// manifests that make them True, and the objects that a cluster made of those.
package gradertest

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wheelhouse/content"
)

// Image is what the Pods of the lab run. It is in every node image and pack.
const Image = "nginx:1.28"

//go:embed manifests.yaml
var manifests string

//go:embed objects.json
var objects []byte

// Manifests makes every check of Lab True once its Pods run.
func Manifests(namespace string, replicas int) string {
	return strings.NewReplacer("NAMESPACE", namespace, "REPLICAS", strconv.Itoa(replicas)).Replace(manifests)
}

// Objects are the objects of Manifests with three replicas in the namespace typical,
// as JSON under the variables of Lab's checks: what a cluster of Kubernetes 1.36 gave to
// `kubectl get -o json`.
func Objects() []byte { return slices.Clone(objects) }

type named = map[string]content.Object

// Lab has one step of five checks of a namespace: a Deployment, the Service before
// it, what a ConfigMap says, a list of Pods, and the Deployment's probes. Its set-up
// are the Manifests.
func Lab(namespace string, replicas int) *content.Lab {
	web := content.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: "web"}
	service := content.Object{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: "web"}
	settings := content.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: "settings"}
	pods := content.Object{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Selector: map[string]string{"app": "web"}}
	return &content.Lab{
		Name: "lab-of-" + namespace, Module: "typical", Title: "Typical checks", Minutes: 5, Dir: "gradertest/typical/" + namespace,
		Setup: []content.SetupFile{{Name: "typical.yaml", Text: Manifests(namespace, replicas)}},
		Steps: []content.Step{{Name: "typical", Title: "Typical checks", Points: 1, Checks: []content.Check{
			check("deployment", "The Deployment runs as asked", named{"deploy": web},
				wrong(fmt.Sprintf("deploy.spec.replicas == %d", replicas), `'It asks for ' + string(deploy.spec.replicas) + ' replicas.'`),
				wrong(fmt.Sprintf("deploy.spec.template.spec.containers[0].image == '%s'", Image), `'It runs ' + deploy.spec.template.spec.containers[0].image + '.'`),
				pending("deploy.status.?readyReplicas.orValue(0) == deploy.spec.replicas", "Its Pods are still starting.")),
			check("service", "The Service selects the Pods of the Deployment", named{"deploy": web, "service": service},
				wrong("service.spec.selector.all(k, deploy.spec.template.metadata.labels[?k].orValue('') == service.spec.selector[k])", `'It selects other Pods.'`),
				wrong("service.spec.ports.exists(p, p.targetPort == 80)", `'No port of it leads to port 80 of the Pods.'`)),
			check("settings", "The ConfigMap says hello", named{"settings": settings},
				wrong("settings.data.greeting == 'hello'", `'It says ' + settings.data.greeting + '.'`)),
			check("pods", "All Pods are ready", named{"pods": pods},
				pending(fmt.Sprintf("size(pods) == %d", replicas), "Not all Pods are there yet."),
				pending("pods.all(p, p.status.?conditions.orValue([]).exists(c, c.type == 'Ready' && c.status == 'True'))", "Not all Pods are ready yet.")),
			check("probes", "The Pods are probed", named{"deploy": web},
				wrong("deploy.spec.template.spec.containers[0].readinessProbe.httpGet.path == '/'", `'Readiness is not asked for at /.'`),
				wrong("deploy.spec.template.spec.containers[0].readinessProbe.periodSeconds <= 10", `'Readiness is asked for too rarely.'`),
				wrong("has(deploy.spec.template.spec.containers[0].livenessProbe)", `'Nothing asks whether the Pods live.'`)),
		}}},
	}
}

func check(name, title string, objects named, validations ...content.Validation) content.Check {
	return content.Check{Name: name, Title: title, Objects: objects, Validations: validations}
}

func wrong(expression, message string) content.Validation {
	return content.Validation{Expression: expression, MessageExpression: message}
}

func pending(expression, message string) content.Validation {
	return content.Validation{Expression: expression, Message: message, Pending: true}
}
