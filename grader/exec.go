package grader

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/content"
)

// target is the container that an exec check's command runs in.
type target struct {
	namespace, pod, container string
	uid                       string // of the pod
	started                   string // the container's ID: another one after each restart
	version                   string // of the pod: another one after each change
}

// same tells whether both are the same run of the same container.
func (t target) same(other target) bool {
	t.version, other.version = "", ""
	return t == other
}

// outcome is what a command did. One that did not run or did not end has a
// reason and a problem instead of an exit code.
type outcome struct {
	target         target
	stdout, stderr string
	exitCode       int
	status         Status // False or Unknown where reason is set
	reason         string
	problem        string // a sentence
}

func (c *check) judgeExec(view *view) Result {
	wanted := podQuery(c.exec)
	pods := view.find(wanted)
	switch {
	case pods.phase == waiting:
		return Result{}
	case pods.phase == failed:
		return Result{Status: Unknown, Reason: pods.reason, Message: pods.problem}
	case len(pods.objects) == 0:
		return Result{Status: False, Reason: ReasonNotFound, Message: absence(view, wanted, pods)}
	}
	target, why := choose(c.exec, pods)
	if why.Status != "" {
		why.Evidence = pods.evidence()
		why.Hint = clip(troubleOf(pods.objects), messageSize)
		return why
	}
	done := view.done
	if done == nil || !done.target.same(target) {
		return Result{Status: False, Reason: ReasonPending, Message: fmt.Sprintf("The command `%s` is being run in Pod %s.", commandLine(c.exec), target.pod)}
	}
	result := Result{Status: done.status, Reason: done.reason, Message: done.problem}
	if done.reason == "" {
		result = c.validate(view, sight{values: map[string]any{"stdout": done.stdout, "stderr": done.stderr, "exitCode": int64(done.exitCode)}})
		if result.Found != "" {
			result.Object = "Pod " + objectKey{target.namespace, target.pod}.String()
		}
	}
	result.Evidence = []Evidence{c.commandEvidence(done)}
	return result
}

// choose picks the container to run in: the named pod, or the first that is
// ready. Where there is none, it says why in a result.
func choose(exec *content.Exec, pods found) (target, Result) {
	var first Result
	for _, o := range pods.objects {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.content.Object, &pod); err != nil {
			return target{}, Result{Status: Unknown, Reason: ReasonInvalid, Message: fmt.Sprintf("Pod %s cannot be read: %v.", o.key.name, err)}
		}
		chosen, why := container(exec, &pod)
		if why.Status == "" {
			return chosen, Result{}
		}
		if first.Status == "" {
			first = why
		}
	}
	return target{}, first
}

// container picks the container of one pod, or says why the command cannot run
// in it.
func container(exec *content.Exec, pod *corev1.Pod) (target, Result) {
	name := exec.Container
	if name == "" {
		name = pod.Annotations["kubectl.kubernetes.io/default-container"]
	}
	if name == "" && len(pod.Spec.Containers) > 0 {
		name = pod.Spec.Containers[0].Name
	}
	names := make([]string, 0, len(pod.Spec.Containers))
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	no := func(reason, format string, args ...any) (target, Result) {
		return target{}, Result{Status: False, Reason: reason, Message: "Pod " + pod.Name + " " + fmt.Sprintf(format, args...) + "."}
	}
	if !slices.Contains(names, name) {
		return no(ReasonWrong, "has no container named %s; it has %s", name, strings.Join(names, ", "))
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
	if exec.Pod == "" && !ready(pod) {
		return no(ReasonPending, "is running but not ready yet")
	}
	return target{namespace: pod.Namespace, pod: pod.Name, container: name,
		uid: string(pod.UID), started: state.ContainerID, version: pod.ResourceVersion}, Result{}
}

// startingReason says why a container does not run, and whether waiting helps.
func startingReason(state corev1.ContainerState) (reason, format, why string) {
	switch {
	case state.Terminated != nil:
		return ReasonWrong, "has a container that ended (%s)", state.Terminated.Reason
	case state.Waiting == nil || state.Waiting.Reason == "":
		return ReasonPending, "is not running yet (%s)", "starting"
	}
	switch why := state.Waiting.Reason; why {
	case "ContainerCreating", "PodInitializing":
		return ReasonPending, "is not running yet (%s)", why
	default:
		return ReasonWrong, "cannot start (%s); `kubectl describe pod` tells more", why
	}
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// commandEvidence shows the command as a student would type it, and what it
// printed.
func (c *check) commandEvidence(done *outcome) Evidence {
	name := "kubectl exec " + done.target.pod
	if done.target.namespace != "default" {
		name += " -n " + done.target.namespace
	}
	if c.exec.Container != "" {
		name += " -c " + c.exec.Container
	}
	var text strings.Builder
	text.WriteString(done.stdout)
	if done.stderr != "" {
		fmt.Fprintf(&text, "\n(standard error)\n%s", done.stderr)
	}
	if done.reason == "" {
		fmt.Fprintf(&text, "\n(exit code %d)\n", done.exitCode)
	}
	return Evidence{Name: name + " -- " + commandLine(c.exec), Text: clip(strings.TrimLeft(text.String(), "\n"), evidenceSize)}
}

// commandLine writes the command as a shell would read it.
func commandLine(exec *content.Exec) string {
	words := make([]string, 0, len(exec.Command))
	for _, word := range exec.Command {
		if word == "" || strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]{}~#!\\") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
