package grader

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// between are the kinds that stand between a controller and its pods, by the
// controller's kind.
var between = map[string]query{
	"Deployment": {apiVersion: "apps/v1", kind: "ReplicaSet"},
	"CronJob":    {apiVersion: "batch/v1", kind: "Job"},
}

// link says which variable's object controls those of another one.
type link struct {
	owner   string // the variable's name; empty where nothing is asked of controllers
	through query  // what the owner controls them by; its zero value where it does so itself
}

// linkTo makes the link of a list to its owner, which is one object.
func linkTo(name string, owner, list query) link {
	through, indirect := between[owner.kind]
	if !indirect || through.kind == list.kind {
		return link{owner: name}
	}
	through.namespace = list.namespace
	return link{owner: name, through: through}
}

// owned keeps those of the objects that the owner controls, itself or by what is
// between them. A controller is known by its UID, not by a label, which a
// student can set.
func owned(objects []*object, owner *object, through []*object) []*object {
	controllers := map[types.UID]bool{owner.content.GetUID(): true}
	for _, o := range controlledBy(through, controllers) {
		controllers[o.content.GetUID()] = true
	}
	return controlledBy(objects, controllers)
}

func controlledBy(objects []*object, controllers map[types.UID]bool) []*object {
	return slices.DeleteFunc(slices.Clone(objects), func(o *object) bool {
		controller := metav1.GetControllerOfNoCopy(o.content)
		return controller == nil || !controllers[controller.UID]
	})
}
