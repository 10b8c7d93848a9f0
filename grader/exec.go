package grader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/content"
)

// execProbe runs a command in a pod.
type execProbe struct{ *content.Exec }

func (p *execProbe) declarations() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Variable("stdout", cel.StringType),
		cel.Variable("stderr", cel.StringType),
		cel.Variable("exitCode", cel.IntType),
	}
}

func (p *execProbe) repeat() content.Repeat            { return p.Repeat }
func (p *execProbe) queries() []query                  { return []query{podQuery(&p.PodRef)} }
func (p *execProbe) requests() []request               { return []request{execRequest} }
func (p *execProbe) aim(look lookup) (*target, Result) { return aimAtPod(&p.PodRef, look, container) }

func (p *execProbe) doing(in target) string {
	return fmt.Sprintf("The command `%s` is being run in Pod %s.", commandLine(p.Command), in.pod)
}

// aimAtPod picks the container that ref names, by what pick says of each pod.
func aimAtPod(ref *content.PodRef, look lookup, pick picker) (*target, Result) {
	wanted := podQuery(ref)
	pods := look(wanted)
	switch {
	case pods.phase == waiting:
		return nil, Result{}
	case pods.phase == failed:
		return nil, Result{Status: Unknown, Reason: pods.reason, Message: pods.problem}
	case len(pods.objects) == 0:
		return nil, Result{Status: False, Reason: ReasonNotFound, Message: absence(look, wanted)}
	}
	chosen, why := choose(ref, pods, pick)
	if why.Status != "" {
		why.Evidence = pods.evidence()
		why.Hint = clip(troubleOf(look, pods.objects), messageSize)
		return nil, why
	}
	return &chosen, Result{}
}

// picker picks the container of one pod, or says why it cannot be this pod.
type picker func(ref *content.PodRef, pod *corev1.Pod) (target, Result)

// choose picks the container to run in: the named pod, or the first that is
// ready. Where there is none, it says why in a result.
func choose(ref *content.PodRef, pods found, pick picker) (target, Result) {
	var first Result
	for _, o := range pods.objects {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.content.Object, &pod); err != nil {
			return target{}, Result{Status: Unknown, Reason: ReasonInvalid, Message: fmt.Sprintf("Pod %s cannot be read: %v.", o.key.name, err)}
		}
		chosen, why := pick(ref, &pod)
		if why.Status == "" {
			return chosen, Result{}
		}
		if first.Status == "" {
			first = why
		}
	}
	return target{}, first
}

// container picks a container that runs, or says why a command cannot run in the
// pod.
func container(ref *content.PodRef, pod *corev1.Pod) (target, Result) {
	no := func(reason, format string, args ...any) (target, Result) {
		return target{}, Result{Status: False, Reason: reason, Message: "Pod " + pod.Name + " " + fmt.Sprintf(format, args...) + "."}
	}
	name, problem := containerName(ref, pod)
	if problem != "" {
		return no(ReasonWrong, "%s", problem)
	}
	switch {
	case pod.DeletionTimestamp != nil:
		return no(ReasonPending, "is being deleted")
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return no(ReasonWrong, "has ended (%s), and a command can only run in a pod that runs", pod.Status.Phase)
	}
	at := slices.IndexFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name })
	if at < 0 {
		return no(ReasonPending, "is not running yet")
	}
	state := pod.Status.ContainerStatuses[at]
	if state.State.Running == nil {
		return no(startingReason(state.State))
	}
	if ref.Pod == "" && !ready(pod) {
		return no(ReasonPending, "is running but not ready yet")
	}
	return target{namespace: pod.Namespace, pod: pod.Name, container: name, of: "Pod " + objectKey{pod.Namespace, pod.Name}.String(),
		uid: string(pod.UID), started: state.ContainerID, version: pod.ResourceVersion}, Result{}
}

// containerName returns the container that ref means in the pod, or in words
// that go on from "Pod web" that there is none.
func containerName(ref *content.PodRef, pod *corev1.Pod) (name, problem string) {
	name = ref.Container
	if name == "" {
		name = pod.Annotations["kubectl.kubernetes.io/default-container"]
	}
	if name == "" && len(pod.Spec.Containers) > 0 {
		name = pod.Spec.Containers[0].Name
	}
	var names []string
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	if !slices.Contains(names, name) {
		return "", fmt.Sprintf("has no container named %s; it has %s", name, strings.Join(names, ", "))
	}
	return name, ""
}

// startingReason says why a container does not run, and whether waiting helps.
func startingReason(state corev1.ContainerState) (reason, format, why string) {
	switch {
	case state.Terminated != nil:
		return ReasonWrong, "has a container that ended (%s)", state.Terminated.Reason
	case state.Waiting == nil || state.Waiting.Reason == "":
		return ReasonPending, "is not running yet (%s)", "starting"
	case Starting(state.Waiting):
		return ReasonPending, "is not running yet (%s)", state.Waiting.Reason
	default:
		return ReasonWrong, "cannot start (%s); `kubectl describe pod` tells more", state.Waiting.Reason
	}
}

// Starting reports whether a container that waits does so because its start is under
// way, by the kubelet's reasons for that.
func Starting(waiting *corev1.ContainerStateWaiting) bool {
	return slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, waiting.Reason)
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// podCommand is the kubectl command that does the same, up to what follows the
// pod.
func podCommand(verb string, ref *content.PodRef, in target) string {
	command := "kubectl " + verb + " " + in.pod
	if in.namespace != "default" {
		command += " -n " + in.namespace
	}
	if ref.Container != "" {
		command += " -c " + ref.Container
	}
	return command
}

// printed shows what a command printed and how it ended.
func printed(stdout, stderr string, exitCode *int) string {
	var text strings.Builder
	text.WriteString(stdout)
	if stderr != "" {
		fmt.Fprintf(&text, "\n(standard error)\n%s", stderr)
	}
	if exitCode != nil {
		fmt.Fprintf(&text, "\n(exit code %d)\n", *exitCode)
	}
	return clip(strings.TrimLeft(text.String(), "\n"), evidenceSize)
}

// commandLine writes the command as a shell would read it.
func commandLine(command []string) string {
	words := make([]string, 0, len(command))
	for _, word := range command {
		if word == "" || strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]{}~#!\\") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
