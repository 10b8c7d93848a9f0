package main

import (
	"context"
	"encoding/json"
	"runtime"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
)

// maxPods is kubelet's default.
const maxPods = 110

// register makes the node's object ahead of its kubelet, so that its pods have
// addresses from the first moment, and the same at each start.
func (n node) register(ctx context.Context, client kubernetes.Interface, control, workers bool) error {
	object := n.object(control, workers)
	_, err := client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	// From an earlier start, or its kubelet was faster. A taint that a student has
	// taken away does not come back.
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": object.Labels},
		"spec":     map[string]any{"podCIDR": object.Spec.PodCIDR, "podCIDRs": object.Spec.PodCIDRs},
	})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, n.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}

// object is the node as its kubelet would register it. A kubelet that finds one that
// says less may refuse, for good, the pods that were given to it before it began:
// they would find no processor and no memory on it.
func (n node) object(control, workers bool) *corev1.Node {
	cpus := n.CPUs
	if cpus == 0 {
		cpus = int64(runtime.NumCPU())
	}
	resources := func(memory int64) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:    *resource.NewQuantity(min(cpus, int64(runtime.NumCPU())), resource.DecimalSI),
			corev1.ResourceMemory: *resource.NewQuantity(memory, resource.BinarySI),
			corev1.ResourcePods:   *resource.NewQuantity(maxPods, resource.DecimalSI),
		}
	}
	object := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{
			corev1.LabelHostname: n.Name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
		}},
		Spec:   corev1.NodeSpec{PodCIDR: n.Pods.String(), PodCIDRs: []string{n.Pods.String()}},
		Status: corev1.NodeStatus{Capacity: resources(n.Memory), Allocatable: resources(n.Allocatable)},
	}
	if control {
		object.Labels[constants.LabelNodeRoleControlPlane] = ""
	}
	// As kubeadm and kind have it: a control plane that is alone takes pods.
	if control && workers {
		object.Labels[corev1.LabelNodeExcludeBalancers] = ""
		object.Spec.Taints = []corev1.Taint{constants.ControlPlaneTaint}
	}
	return object
}
