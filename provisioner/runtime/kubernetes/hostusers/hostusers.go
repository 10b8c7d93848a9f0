// Package hostusers warns a client that makes a Pod that wants a user namespace of its own
// (hostUsers: false): the API server takes it, and it never starts. The nodes of a
// cluster are in a user namespace themselves, and mounts with mapped ids need rights
// over the file systems below, which only the machine has.
package hostusers

import (
	"context"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/apis/apps"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/core"
)

// PluginName is what the admission plugin is called where plugins are turned off.
const PluginName = "WheelhouseHostUsers"

// Message is what kubectl prints, after "Warning: ".
const Message = "spec.hostUsers: false does not work on this cluster, whose nodes are in a user namespace themselves: the Pod will not start"

// Register makes the plugin known.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return plugin{admission.NewHandler(admission.Create, admission.Update)}, nil
	})
}

type plugin struct{ *admission.Handler }

var _ admission.ValidationInterface = plugin{}

// Validate refuses nothing.
func (plugin) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetSubresource() != "" {
		return nil
	}
	if spec := podSpec(a.GetObject()); spec != nil && spec.SecurityContext != nil &&
		spec.SecurityContext.HostUsers != nil && !*spec.SecurityContext.HostUsers {
		warning.AddWarning(ctx, "", Message)
	}
	return nil
}

// podSpec returns the Pod that an object is or makes, nil where it does neither.
func podSpec(object runtime.Object) *core.PodSpec {
	switch o := object.(type) {
	case *core.Pod:
		return &o.Spec
	case *apps.Deployment:
		return &o.Spec.Template.Spec
	case *apps.ReplicaSet:
		return &o.Spec.Template.Spec
	case *apps.StatefulSet:
		return &o.Spec.Template.Spec
	case *apps.DaemonSet:
		return &o.Spec.Template.Spec
	case *batch.Job:
		return &o.Spec.Template.Spec
	case *batch.CronJob:
		return &o.Spec.JobTemplate.Spec.Template.Spec
	}
	return nil
}
