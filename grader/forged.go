package grader

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Whoever may write an object's status may claim anything in it, and a student
// may write everything. For the kinds whose status Kubernetes' own controllers
// write, metadata.managedFields tells who it was: a person's tool leaves its name
// there. It can be told to leave another one, so a check should ask for more than
// a status; see docs/checks.md.

// handTools are the beginnings of the names that people's tools leave.
var handTools = []string{"kubectl", "curl", "Wget", "HTTPie", "python", "Mozilla", "OpenAPI-Generator"}

// controlled are the API groups whose kinds' status is written by controllers.
var controlled = []string{"", "apps", "batch", "autoscaling", "policy", "networking.k8s.io"}

// handWritten returns the name of the tool by which a person wrote into the
// object's status: empty where no person did, or where people may.
func handWritten(o *unstructured.Unstructured) string {
	group, err := schema.ParseGroupVersion(o.GetAPIVersion())
	if err != nil || !slices.Contains(controlled, group.Group) {
		return ""
	}
	for _, entry := range o.GetManagedFields() {
		isTool := func(tool string) bool { return strings.HasPrefix(entry.Manager, tool) }
		if entry.Subresource == "status" && slices.ContainsFunc(handTools, isTool) && !mayByHand(o, entry.FieldsV1) {
			return entry.Manager
		}
	}
	return ""
}

// mayByHand tells whether people have a reason to write these fields of an object's
// status: an extended resource of a node is advertised by hand, but what the node
// is, its kubelet tells.
func mayByHand(o *unstructured.Unstructured, fields *metav1.FieldsV1) bool {
	return o.GetKind() == "Node" && (fields == nil || !bytes.Contains(fields.GetRawBytes(), []byte(`"f:nodeInfo"`)))
}

// doubt turns a result that rests on a status that a student wrote by hand into
// Unknown, with that reason. Only what would pass is doubted.
func (c *check) doubt(result Result, seen sight) Result {
	if result.Status != True {
		return result
	}
	looked := c.looked(seen)
	at := slices.IndexFunc(looked, func(o *object) bool { return o.writer != "" })
	if at < 0 || !c.readsStatus() {
		return result
	}
	forged := looked[at]
	what := forged.kind + " " + forged.key.String()
	advice := fmt.Sprintf("Delete the %s and make it again, so that Kubernetes writes what is.", forged.kind)
	if forged.kind == "Node" { // without it, there is no cluster
		advice = "Its kubelet mends it in a moment."
	}
	return Result{Status: Unknown, Reason: ReasonForged, Object: what, Evidence: result.Evidence, Message: fmt.Sprintf(
		"The status of %s was written by hand (%s) and not by its controller, so it says nothing. %s", what, forged.writer, advice)}
}

// readsStatus tells whether a validation, or a condition of the change, asks an
// object for its status.
func (c *check) readsStatus() bool {
	expressions := make([]*expression, 0, len(c.validations)+2)
	for _, v := range c.validations {
		expressions = append(expressions, v.expression)
	}
	if c.during != nil {
		expressions = append(expressions, c.during.from, c.during.until)
	}
	return slices.ContainsFunc(expressions, (*expression).readsStatus)
}

// readsStatus looks for x.status, x.?status and x['status'].
func (e *expression) readsStatus() bool {
	reads := false
	celast.PreOrderVisit(e.ast.Expr(), celast.NewExprVisitor(func(part celast.Expr) {
		switch part.Kind() {
		case celast.SelectKind:
			reads = reads || part.AsSelect().FieldName() == "status"
		case celast.CallKind:
			call := part.AsCall()
			if name := call.FunctionName(); name == operators.OptSelect || name == operators.Index || name == operators.OptIndex {
				field := call.Args()[len(call.Args())-1]
				reads = reads || field.Kind() == celast.LiteralKind && field.AsLiteral().Value() == "status"
			}
		}
	}))
	return reads
}
