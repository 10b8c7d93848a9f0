package hostusers_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/apis/apps"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/core"

	"wheelhouse/provisioner/runtime/kubernetes/hostusers"
)

// recorder keeps the warnings of one request.
type recorder struct{ texts []string }

func (r *recorder) AddWarning(_, text string) { r.texts = append(r.texts, text) }

func TestValidate(t *testing.T) {
	spec := func(hostUsers bool) core.PodSpec {
		return core.PodSpec{SecurityContext: &core.PodSecurityContext{HostUsers: &hostUsers}}
	}
	template := core.PodTemplateSpec{Spec: spec(false)}
	tests := []struct {
		name        string
		object      runtime.Object
		subresource string
		warns       bool
	}{
		{"a Pod", &core.Pod{Spec: spec(false)}, "", true},
		{"a Pod's status", &core.Pod{Spec: spec(false)}, "status", false},
		{"a Pod with the node's users", &core.Pod{Spec: spec(true)}, "", false},
		{"a Pod that says nothing", &core.Pod{}, "", false},
		{"a Deployment", &apps.Deployment{Spec: apps.DeploymentSpec{Template: template}}, "", true},
		{"a CronJob", &batch.CronJob{Spec: batch.CronJobSpec{JobTemplate: batch.JobTemplateSpec{Spec: batch.JobSpec{Template: template}}}}, "", true},
		{"a Service", &core.Service{}, "", false},
	}
	plugins := admission.NewPlugins()
	hostusers.Register(plugins)
	made, err := plugins.InitPlugin(hostusers.PluginName, nil, admission.PluginInitializers{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got recorder
			attributes := admission.NewAttributesRecord(test.object, nil, schema.GroupVersionKind{}, "default", "x",
				schema.GroupVersionResource{}, test.subresource, admission.Create, nil, false, &user.DefaultInfo{})
			if err := made.(admission.ValidationInterface).Validate(warning.WithWarningRecorder(t.Context(), &got), attributes, nil); err != nil {
				t.Errorf("it is refused: %v", err)
			}
			if (len(got.texts) > 0) != test.warns {
				t.Errorf("got the warnings %q", got.texts)
			}
		})
	}
}
