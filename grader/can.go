package grader

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/content"
)

// canProbe asks the API server what a user or service account may do.
type canProbe struct{ *content.Can }

func (p *canProbe) declarations() []cel.EnvOption {
	return []cel.EnvOption{cel.Variable("allowed", cel.BoolType), cel.Variable("reason", cel.StringType)}
}

func (p *canProbe) repeat() content.Repeat            { return p.Repeat }
func (p *canProbe) queries() []query                  { return nil }
func (p *canProbe) requests() []request               { return []request{reviewRequest} }
func (p *canProbe) aim(look lookup) (*target, Result) { return &target{}, Result{} }

func (p *canProbe) doing(in target) string {
	return fmt.Sprintf("The API server is being asked what %s may do.", p.who())
}

func (p *canProbe) who() string {
	if p.ServiceAccount != "" {
		return "the service account " + p.ServiceAccount
	}
	return p.User
}

var subjectAccessReviews = authorizationv1.SchemeGroupVersion.WithResource("subjectaccessreviews")

func (p *canProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	timed, cancel := c.within(ctx, p.Timeout, done)
	if timed == nil {
		return done
	}
	defer cancel()
	review := p.review()
	body, err := runtime.DefaultUnstructuredConverter.ToUnstructured(review)
	var answer *unstructured.Unstructured
	if err == nil {
		answer, err = c.objects.Resource(subjectAccessReviews).Create(timed, &unstructured.Unstructured{Object: body}, metav1.CreateOptions{})
	}
	var answered authorizationv1.SubjectAccessReview
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(answer.Object, &answered)
	}
	switch {
	case err == nil && !equality.Semantic.DeepEqual(answered.Spec, review.Spec):
		done.fail(Unknown, ReasonIntercepted, fmt.Sprintf("The API server was asked what %s may do and answered another question: "+
			"an admission webhook or policy of this cluster changes such requests. Delete it.", p.who()))
	case err == nil:
	case timed.Err() != nil:
		done.fail(Unknown, ReasonTimeout, fmt.Sprintf("The API server did not say within %v what %s may do.", p.Timeout, p.who()))
	case disconnected(err):
		done.fail(Unknown, ReasonUnreachable, fmt.Sprintf("The API server could not be asked what %s may do; it is tried again.", p.who()))
	default:
		done.fail(Unknown, ReasonInvalid, fmt.Sprintf("The API server does not say what %s may do: %v.", p.who(), err))
	}
	if done.reason != "" {
		return done
	}
	done.values = map[string]any{"allowed": answered.Status.Allowed, "reason": answered.Status.Reason}
	said := "no"
	if answered.Status.Allowed {
		said = "yes"
	}
	if answered.Status.Reason != "" {
		said += " - " + answered.Status.Reason
	}
	done.evidence = Evidence{Name: p.command(), Text: said + "\n"}
	return done
}

func (p *canProbe) review() *authorizationv1.SubjectAccessReview {
	review := &authorizationv1.SubjectAccessReview{}
	review.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"))
	review.Spec.User, review.Spec.Groups = p.identity()
	if p.Path != "" {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: p.Path, Verb: p.Verb}
		return review
	}
	resource, group, _ := strings.Cut(p.Resource, ".")
	review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Namespace: p.Namespace, Verb: p.Verb, Group: group,
		Version: "*", Resource: resource, Subresource: p.Subresource, Name: p.Name}
	return review
}

// identity is who the API server would take them for: a service account has
// groups of its own, and everybody who is known is authenticated.
func (p *canProbe) identity() (user string, groups []string) {
	groups = append(groups, p.Groups...)
	if namespace, name, ok := strings.Cut(p.ServiceAccount, "/"); ok {
		return "system:serviceaccount:" + namespace + ":" + name,
			append(groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace, "system:authenticated")
	}
	if p.User != "system:anonymous" {
		groups = append(groups, "system:authenticated")
	}
	return p.User, groups
}

// command is how a student would ask the same.
func (p *canProbe) command() string {
	words := []string{"kubectl", "auth", "can-i", p.Verb}
	what := p.Resource + p.Path
	if p.Name != "" {
		what += "/" + p.Name
	}
	words = append(words, what)
	if p.Subresource != "" {
		words = append(words, "--subresource="+p.Subresource)
	}
	switch {
	case p.Namespace != "":
		words = append(words, "-n", p.Namespace)
	case p.Path == "":
		words = append(words, "-A")
	}
	user, _ := p.identity()
	words = append(words, "--as="+user)
	for _, group := range p.Groups {
		words = append(words, "--as-group="+group)
	}
	return commandLine(words)
}
