package compare_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"testing"

	"github.com/kyverno/kyverno-json/pkg/apis/policy/v1alpha1"
	jsonengine "github.com/kyverno/kyverno-json/pkg/json-engine"
	"sigs.k8s.io/yaml"

	"wheelhouse/grader"
	"wheelhouse/grader/gradertest"
)

// verdicts are the names of the checks with whether each is true.
type verdicts map[string]bool

// graderJudge returns the grader as a function of the objects' JSON, each of which
// it reads as what a session's checks saw at an earlier time.
func graderJudge(tb testing.TB) func(record []byte) verdicts {
	tb.Helper()
	lab := gradertest.Lab("typical", 3)
	program, err := grader.Compile(lab)
	if err != nil {
		tb.Fatal(err)
	}
	step := lab.Steps[0]
	return func(record []byte) verdicts {
		found := verdicts{}
		for _, check := range step.Checks {
			result, err := program.Regrade(step.Name, check.Name, record)
			if err != nil || result.Status == grader.Unknown {
				tb.Fatalf("the grader on %s: %s %s %v", check.Name, result.Status, result.Message, err)
			}
			found[check.Name] = result.Status == grader.True
		}
		return found
	}
}

// recordOf writes the objects as grader.Result.Record does.
func recordOf(tb testing.TB, objects map[string]any) []byte {
	tb.Helper()
	type recorded struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Namespace  string `json:"namespace"`
		Name       string `json:"name,omitempty"`
		Selector   string `json:"selector,omitempty"`
		Found      []any  `json:"found"`
	}
	return encode(tb, map[string]any{"objects": []recorded{
		{"apps/v1", "Deployment", "typical", "web", "", []any{objects["deploy"]}},
		{"v1", "Service", "typical", "web", "", []any{objects["service"]}},
		{"v1", "ConfigMap", "typical", "settings", "", []any{objects["settings"]}},
		{"v1", "Pod", "typical", "", "app=web", objects["pods"].([]any)},
	}})
}

//go:embed policy.yaml
var policyYAML []byte

// kyvernoJudge returns kyverno-json's engine as a function of the objects.
func kyvernoJudge(tb testing.TB) func(objects map[string]any) verdicts {
	tb.Helper()
	policy := &v1alpha1.ValidatingPolicy{}
	if err := yaml.UnmarshalStrict(policyYAML, policy); err != nil {
		tb.Fatal(err)
	}
	engine := jsonengine.New()
	return func(objects map[string]any) verdicts {
		response := engine.Run(context.Background(), jsonengine.Request{Resource: objects, Policies: []*v1alpha1.ValidatingPolicy{policy}})
		found := verdicts{}
		for _, rule := range response.Policies[0].Rules {
			if rule.Error != nil {
				tb.Fatalf("kyverno-json on %s: %v", rule.Rule.Name, rule.Error)
			}
			found[rule.Rule.Name] = len(rule.Violations) == 0
		}
		return found
	}
}

// script is one check for kubectl and jq.
type script struct {
	name  string
	get   []string // the arguments of `kubectl get`
	named string   // of jq: gives what was got the names that judge knows
	judge string   // of jq
}

var scripts = []script{
	{"deployment", []string{"deployment/web"}, "{deploy: .}",
		`.deploy | .spec.replicas == 3 and .spec.template.spec.containers[0].image == "nginx:1.28" and .status.readyReplicas == .spec.replicas`},
	{"service", []string{"deployment/web", "service/web"}, "{deploy: .items[0], service: .items[1]}",
		`.deploy.spec.template.metadata.labels as $labels | .service.spec | ($labels + .selector) == $labels and any(.ports[]; .targetPort == 80)`},
	{"settings", []string{"configmap/settings"}, "{settings: .}",
		`.settings.data.greeting == "hello"`},
	{"pods", []string{"pods", "--selector=app=web"}, "{pods: .items}",
		`.pods | length == 3 and all(.[]; any(.status.conditions[]?; .type == "Ready" and .status == "True"))`},
	{"probes", []string{"deployment/web"}, "{deploy: .}",
		`.deploy.spec.template.spec.containers[0] | .readinessProbe.httpGet.path == "/" and .readinessProbe.periodSeconds <= 10 and .livenessProbe != null`},
}

// getAll asks for all that the scripts look at, at once, and namedAll names it.
var (
	getAll   = []string{"deployments,services,configmaps,pods"}
	namedAll = `(.items | map({key: (.kind + "/" + .metadata.name), value: .}) | from_entries) as $all | {
  deploy: $all["Deployment/web"], service: $all["Service/web"], settings: $all["ConfigMap/settings"],
  pods: [.items[] | select(.kind == "Pod" and .metadata.labels.app == "web")]}`
)

// jq runs a program that gives true or false on what input has.
func jq(input io.Reader, program string) (bool, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("jq", "--exit-status", program)
	cmd.Stdin, cmd.Stderr = input, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return false, nil // it gave false
	}
	if err != nil {
		return false, fmt.Errorf("jq '%s': %w: %s", program, err, stderr.Bytes())
	}
	return true, nil
}

func needsJQ(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		tb.Skipf("SKIPPED: nothing was compared with jq, which is not here: %v", err)
	}
}

func encode(tb testing.TB, value any) []byte {
	tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func decode(tb testing.TB, text []byte) map[string]any {
	tb.Helper()
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		tb.Fatal(err)
	}
	return value
}
