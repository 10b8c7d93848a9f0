package grader_test

import (
	"fmt"
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// made is an object with a UID, controlled by the one of another UID, which says
// so of itself if at all.
func made(apiVersion, kind, name, uid, by string) string {
	owners := ""
	if by != "" {
		owners = fmt.Sprintf(", ownerReferences: [{apiVersion: x/v1, kind: X, name: x, uid: %s, controller: true}]", by)
	}
	return fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: %s, namespace: default, uid: %s, labels: {app: web}%s}}", apiVersion, kind, name, uid, owners)
}

// shopOf is a Deployment with two Pods, one of a Pod's own, and one that another
// ReplicaSet made.
var shopOf = strings.Join(shop4, "\n---\n")

var shop4 = []string{
	made("apps/v1", "Deployment", "web", "d1", ""),
	made("apps/v1", "ReplicaSet", "web-1", "r1", "d1"), made("apps/v1", "ReplicaSet", "web-2", "r2", "d1"), made("apps/v1", "ReplicaSet", "other", "r3", "d2"),
	made("v1", "Pod", "a", "p1", "r1"), made("v1", "Pod", "b", "p2", "r2"), made("v1", "Pod", "c", "p3", ""), made("v1", "Pod", "d", "p4", "r3"),
}

// TestOwnedBy: of a list only what an object controls counts.
func TestOwnedBy(t *testing.T) {
	owned := func(owner, list content.Object) map[string]content.Object {
		owner.Namespace, owner.Name, list.Namespace, list.OwnedBy = "default", "web", "default", "owner"
		return map[string]content.Object{"owner": owner, "ours": list, "all": {APIVersion: list.APIVersion, Kind: list.Kind, Namespace: "default"}}
	}
	pod := content.Object{APIVersion: "v1", Kind: "Pod"}
	set := content.Object{APIVersion: "apps/v1", Kind: "ReplicaSet"}
	deployment := content.Object{APIVersion: "apps/v1", Kind: "Deployment"}
	optional := deployment
	optional.Optional = true
	labelled := pod
	labelled.Selector = map[string]string{"app": "other"}
	for _, test := range []struct {
		name      string
		objects   map[string]content.Object
		manifests []string
		want      string // the names of the list
	}{
		{"a Deployment's Pods", owned(deployment, pod), shop4, "a b"},
		{"a Deployment's ReplicaSets", owned(deployment, set), shop4, "web-1 web-2"},
		{"a ReplicaSet's Pods", owned(content.Object{APIVersion: "apps/v1", Kind: "ReplicaSet"}, pod), []string{made("apps/v1", "ReplicaSet", "web", "r1", ""), shop4[4], shop4[5]}, "a"},
		{"a CronJob's Pods", owned(content.Object{APIVersion: "batch/v1", Kind: "CronJob"}, pod),
			[]string{made("batch/v1", "CronJob", "web", "c1", ""), made("batch/v1", "Job", "web-1", "r1", "c1"), shop4[4], shop4[5]}, "a"},
		{"with labels that they have not", owned(deployment, labelled), shop4, ""},
		{"of one that is not there", owned(optional, pod), shop4[1:], ""},
		{"an owner that controls nothing", owned(deployment, pod), []string{
			strings.Replace(shop4[0], "d1", "d9", 1), shop4[1], shop4[4]}, ""},
		{"an owner that is none", owned(deployment, pod), []string{shop4[0], shop4[1], strings.Replace(shop4[4], "controller: true", "controller: false", 1)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := grader.JudgeObjects(t, lab(test.objects, content.Validation{Expression: "false", MessageExpression: "'got ' + ours.map(o, o.metadata.name).join(' ') + '.'"}), test.manifests...)
			if want := "got " + test.want + "."; got.Message != want {
				t.Errorf("got %s %q, want %q", got.Status, got.Message, want)
			}
		})
	}
	// What is listed may be looked for in another list.
	got := grader.JudgeObjects(t, lab(owned(deployment, pod), is("all.filter(p, p in ours).size() == 2 && all.exists(p, !(p in ours))", "no")), shop4...)
	if got.Status != grader.True {
		t.Errorf("got %s %q", got.Status, got.Message)
	}
}
