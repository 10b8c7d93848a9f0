package grader_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// execLab makes a lab whose check runs a command in a pod.
func execLab(exec content.Exec, validations ...content.Validation) *content.Lab {
	if exec.Command == nil {
		exec.Command = []string{"cat", "/etc/my file"}
	}
	if exec.Namespace == "" {
		exec.Namespace = "default"
	}
	if exec.Timeout == 0 {
		exec.Timeout = 5 * time.Second
	}
	if exec.Interval == 0 {
		exec.Interval = time.Hour
	}
	l := lab(nil, validations...)
	l.Steps[0].Checks[0].Exec = &exec
	return l
}

// pod is a manifest of a pod with the containers main and side.
func pod(name, version, state, more string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: default, labels: {app: web}%s},
 spec: {containers: [{name: main}, {name: side}]},
 status: {conditions: [{type: Ready, status: "True"}], containerStatuses: [{name: main, containerID: main-%s, state: %s}, {name: side, containerID: side-%[3]s, state: {running: {}}}]}}`, name, more, version, state)
}

const running = "{running: {}}"

func TestWhereACommandCannotRun(t *testing.T) {
	byName, byLabel := content.Exec{PodRef: content.PodRef{Pod: "web"}}, content.Exec{PodRef: content.PodRef{Selector: map[string]string{"app": "web", "tier": "front"}}}
	simple := content.Exec{PodRef: content.PodRef{Selector: map[string]string{"app": "web"}}}
	tests := []struct {
		name    string
		exec    content.Exec
		pods    string
		reason  string
		message string
	}{
		{"no pod", byName, pod("wbe", "1", running, ""), grader.ReasonNotFound, "There is no Pod named web in namespace default; there is one named wbe."},
		{"no pod with the labels", byLabel, pod("web", "1", running, ""), grader.ReasonNotFound, "There is no Pod with the labels app=web, tier=front in namespace default; Pod web has app=web."},
		{"no such container", content.Exec{PodRef: content.PodRef{Pod: "web", Container: "mian"}}, pod("web", "1", running, ""), grader.ReasonWrong, "Pod web has no container named mian; it has main, side."},
		{"not started", byName, "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: default}, spec: {containers: [{name: main}]}}", grader.ReasonPending, "Pod web is not running yet."},
		{"starting", byName, pod("web", "1", "{waiting: {reason: ContainerCreating}}", ""), grader.ReasonPending, "Pod web is not running yet (ContainerCreating)."},
		{"no image", byName, pod("web", "1", "{waiting: {reason: ImagePullBackOff}}", ""), grader.ReasonWrong, "Pod web cannot start (ImagePullBackOff); `kubectl describe pod` tells more."},
		{"ended", byName, pod("web", "1", "{terminated: {reason: Completed}}", ""), grader.ReasonWrong, "Pod web has a container that ended (Completed)."},
		{"failed", byName, "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: default}, spec: {containers: [{name: main}]}, status: {phase: Failed}}", grader.ReasonWrong, "Pod web has ended (Failed), and a command can only run in a pod that runs."},
		{"on its way out", byName, pod("web", "1", running, `, deletionTimestamp: "2026-01-01T00:00:00Z"`), grader.ReasonPending, "Pod web is being deleted."},
		{"not ready", simple, strings.Replace(pod("web", "1", running, ""), `"True"`, `"False"`, 1), grader.ReasonPending, "Pod web is running but not ready yet."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.put(t, test.pods)
			got := evaluate(t, api, execLab(test.exec, is("true", "x")))
			if got.Status != grader.False || got.Reason != test.reason || got.Message != test.message {
				t.Errorf("got  %s %s %q\nwant False %s %q", got.Status, got.Reason, got.Message, test.reason, test.message)
			}
		})
	}
}

// onTCP serves the API server on a port as well, because client-go dials for
// WebSockets by itself.
func onTCP(t *testing.T, api *apiServer) *rest.Config {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func evaluateOn(t *testing.T, config *rest.Config, lab *content.Lab) grader.Result {
	t.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		t.Fatal(err)
	}
	quiet := func(context.Context, []string, []byte, time.Duration, bool) (stdout, stderr []byte, exitCode int, err error) {
		return nil, nil, 0, nil
	}
	results, err := program.Watch(config, grader.Options{Workstation: quiet}).Evaluate(t.Context())
	if err != nil || len(results) != 1 {
		t.Fatalf("Evaluate: %d results, %v", len(results), err)
	}
	return results[0]
}

func TestWhyACommandCannotRun(t *testing.T) {
	for state, want := range map[string]string{
		"{waiting: {reason: ContainerCreating}}": "",
		"{waiting: {reason: ErrImagePull}}":      "The container main of Pod web cannot start, because its image cannot be pulled (ErrImagePull).",
		"{waiting: {reason: CrashLoopBackOff}}":  "The container main of Pod web ends again and again (CrashLoopBackOff).",
	} {
		api := newAPIServer(t)
		api.put(t, pod("web", "1", state, ""))
		if got := evaluate(t, api, execLab(content.Exec{PodRef: content.PodRef{Pod: "web"}}, is("true", "x"))); got.Hint != want {
			t.Errorf("%s: got the hint %q, want %q", state, got.Hint, want)
		}
	}
}

func TestWhatACommandDid(t *testing.T) {
	prints := func(stdout, stderr string, code int) program {
		return func(_ []string, out, err io.Writer, _ <-chan struct{}) (int, error) {
			io.WriteString(out, stdout)
			io.WriteString(err, stderr)
			return code, nil
		}
	}
	fails := func(text string) program {
		return func([]string, io.Writer, io.Writer, <-chan struct{}) (int, error) { return 0, errors.New(text) }
	}
	hangs := func(_ []string, out, _ io.Writer, done <-chan struct{}) (int, error) {
		io.WriteString(out, "one line")
		<-done
		return 0, nil
	}
	floods := func(_ []string, out, _ io.Writer, done <-chan struct{}) (int, error) {
		for block := []byte(strings.Repeat("y\n", 16<<10)); ; {
			if _, err := out.Write(block); err != nil {
				return 0, err
			}
		}
	}
	tests := []struct {
		name       string
		program    program
		expression string
		status     grader.Status
		reason     string
		message    string
		evidence   string
	}{
		{"output", prints("hello\n", "", 0), "stdout == 'hello\\n' && stderr == '' && exitCode == 0", grader.True, grader.ReasonPassed, "", "hello\n\n(exit code 0)\n"},
		{"errors", prints("", "no such file\n", 3), "stderr.startsWith('no such') && exitCode == 3", grader.True, grader.ReasonPassed, "", "(standard error)\nno such file\n\n(exit code 3)\n"},
		{"wrong output", prints("bye\n", "", 0), "stdout == 'hello\\n'", grader.False, grader.ReasonWrong, "untrue", "bye\n\n(exit code 0)\n"},
		{"no text", prints("a\xffb", "", 0), "stdout == 'a\ufffdb'", grader.True, grader.ReasonPassed, "", "a\ufffdb\n(exit code 0)\n"},
		{"much output", prints(strings.Repeat("x", 100<<10), "", 0), "exitCode == 0", grader.True, grader.ReasonPassed, "", "xxx"},
		{"much output that is looked at", prints(strings.Repeat("x", 100<<10), "", 0), "exitCode == 0 && stdout.startsWith('x')", grader.Unknown, grader.ReasonTooLarge,
			"The command `cat '/etc/my file'` printed in Pod web more than 64 KiB, which is more than a check looks at.", "xxx"},
		{"no such program", fails(`exec failed: unable to start container process: exec: "cat": executable file not found in $PATH`), "true", grader.False, grader.ReasonWrong,
			"Container main of Pod web cannot run `cat`: it has no such program.", ""},
		{"a broken node", fails("the node is on fire"), "true", grader.Unknown, grader.ReasonInvalid, "The command `cat '/etc/my file'` could not be run in Pod web: the node is on fire.", ""},
		{"no end", hangs, "true", grader.Unknown, grader.ReasonTimeout, "The command `cat '/etc/my file'` did not end within 300ms in Pod web.", "one line"},
		{"no end of output", floods, "true", grader.Unknown, grader.ReasonTooLarge, "The command `cat '/etc/my file'` printed more than 8 MiB in Pod web and was given up.", "y\ny\n"},
	}
	for _, onlySPDY := range []bool{false, true} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s/onlySPDY=%v", test.name, onlySPDY), func(t *testing.T) {
				api := newAPIServer(t)
				api.put(t, pod("web", "1", running, ""))
				api.program, api.onlySPDY = test.program, onlySPDY
				exec := content.Exec{PodRef: content.PodRef{Pod: "web"}}
				if test.reason == grader.ReasonTimeout {
					exec.Timeout = 300 * time.Millisecond
				}
				got := evaluateOn(t, onTCP(t, api), execLab(exec, is(test.expression, "untrue")))
				if got.Status != test.status || got.Reason != test.reason || got.Message != test.message {
					t.Errorf("got  %s %s %q\nwant %s %s %q", got.Status, got.Reason, got.Message, test.status, test.reason, test.message)
				}
				if len(got.Evidence) != 1 || got.Evidence[0].Name != "kubectl exec web -- cat '/etc/my file'" || !strings.HasPrefix(got.Evidence[0].Text, test.evidence) || len(got.Evidence[0].Text) > 16<<10 {
					t.Errorf("got evidence %.100q, want %q", got.Evidence, test.evidence)
				}
			})
		}
	}
}

func TestCommandsRunWhereTheLabSays(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, strings.Replace(pod("web-a", "1", running, ""), `"True"`, `"False"`, 1))
	api.put(t, pod("web-b", "1", running, ""))
	api.put(t, pod("own", "1", running, ", annotations: {kubectl.kubernetes.io/default-container: side}"))
	api.program = func([]string, io.Writer, io.Writer, <-chan struct{}) (int, error) { return 0, nil }
	config := onTCP(t, api)
	for _, test := range []struct {
		exec content.Exec
		want string // container, and evidence
	}{
		{content.Exec{PodRef: content.PodRef{Pod: "web-b"}}, "main kubectl exec web-b -- true"},
		{content.Exec{PodRef: content.PodRef{Pod: "web-b", Container: "side"}}, "side kubectl exec web-b -c side -- true"},
		{content.Exec{PodRef: content.PodRef{Pod: "own"}}, "side kubectl exec own -- true"},
		{content.Exec{PodRef: content.PodRef{Selector: map[string]string{"app": "web"}}}, "side kubectl exec own -- true"},
	} {
		test.exec.Command = []string{"true"}
		api.log()
		result := evaluateOn(t, config, execLab(test.exec, is("exitCode == 0", "x")))
		ran := slices.DeleteFunc(api.log(), func(request string) bool { return !strings.HasPrefix(request, "exec ") })
		if len(ran) != 1 {
			t.Fatalf("got the commands %q, want one", ran)
		}
		container := strings.Fields(ran[0])[1]
		if got := container + " " + result.Evidence[0].Name; got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// runExec runs a Watcher of an exec check on a server whose program counts its
// runs.
func runExec(t *testing.T, api *apiServer, exec content.Exec) (*grader.Watcher, <-chan int64, <-chan []grader.Result) {
	t.Helper()
	var count atomic.Int64
	runs, told := make(chan int64, 100), make(chan []grader.Result, 100)
	api.program = func(_ []string, out, _ io.Writer, _ <-chan struct{}) (int, error) {
		n := count.Add(1)
		fmt.Fprint(out, n)
		runs <- n
		return 0, nil
	}
	compiled, err := grader.Compile(execLab(exec, content.Validation{Expression: "false", MessageExpression: "'run ' + stdout"}))
	if err != nil {
		t.Fatal(err)
	}
	watcher := compiled.Watch(onTCP(t, api), grader.Options{Debounce: time.Millisecond, OnResults: func(results []grader.Result) { told <- results }})
	watcher.Open([]string{"step"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return watcher, runs, told
}

// next waits for a message that is as wanted; others come before it.
func next[T any](t *testing.T, from <-chan T, what string, wanted func(T) bool) T {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case got := <-from:
			if wanted(got) {
				return got
			}
		case <-deadline:
			t.Fatalf("no %s within 10 s", what)
		}
	}
}

func message(want string) func([]grader.Result) bool {
	return func(results []grader.Result) bool { return len(results) == 1 && results[0].Message == want }
}

func run(want int64) func(int64) bool { return func(got int64) bool { return got == want } }

func TestCommandRunsAgainWhenItsPodChanged(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, pod("web", "1", "{waiting: {reason: ContainerCreating}}", ""))
	_, runs, told := runExec(t, api, content.Exec{PodRef: content.PodRef{Pod: "web"}})
	next(t, told, "pending result", message("Pod web is not running yet (ContainerCreating)."))
	api.put(t, pod("web", "1", running, ""))
	next(t, told, "first run", message("run 1"))
	api.put(t, pod("web", "1", running, ", annotations: {a: b}"))
	next(t, told, "run after a change", message("run 2"))
	api.put(t, pod("web", "2", running, ""))
	results := next(t, told, "result after the container's restart", func(r []grader.Result) bool { return !message("run 2")(r) })
	if !message("The command `cat '/etc/my file'` is being run in Pod web.")(results) && !message("run 3")(results) {
		t.Errorf("after the restart: got %q; what another container printed counts no more", results[0].Message)
	}
	next(t, runs, "third run", run(3))
	api.remove("pods/default/web")
	next(t, told, "missing pod", message("There is no Pod named web in namespace default."))
	select {
	case n := <-runs:
		t.Errorf("run %d although nothing changed in a pod and the interval is an hour", n)
	default:
	}
}

func TestCommandRunsAgainAfterItsInterval(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, pod("web", "1", running, ""))
	watcher, runs, told := runExec(t, api, content.Exec{PodRef: content.PodRef{Pod: "web"}, Repeat: content.Repeat{Interval: 20 * time.Millisecond}})
	next(t, told, "third run", message("run 3"))
	watcher.Open(nil)
	next(t, told, "results of no step", func(r []grader.Result) bool { return len(r) == 0 })
	for len(runs) > 0 {
		<-runs
	}
	select {
	case n := <-runs:
		t.Errorf("run %d after its step was closed", n)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestCommandIsExplained(t *testing.T) {
	tests := []struct{ expression, wanted, found string }{
		{"exitCode == 0", "exit code 0", "exit code 3"},
		{"stdout.trim() == 'hello'", "hello", "bye"},
		{"stdout == 'bye'", "bye", `"bye\n"`},
		{"stdout == stderr", `"no\n"`, `"bye\n"`},
		{"int(stdout.size()) > 10", "more than 10", "4"},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			api := newAPIServer(t)
			api.put(t, pod("web", "1", running, ""))
			api.program = func(_ []string, out, err io.Writer, _ <-chan struct{}) (int, error) {
				io.WriteString(out, "bye\n")
				io.WriteString(err, "no\n")
				return 3, nil
			}
			got := evaluateOn(t, onTCP(t, api), execLab(content.Exec{PodRef: content.PodRef{Pod: "web"}}, is(test.expression, "untrue")))
			if got.Wanted != test.wanted || got.Found != test.found || got.Object != "Pod default/web" {
				t.Errorf("got  wanted %q, found %q of %q\nwant wanted %q, found %q of Pod default/web", got.Wanted, got.Found, got.Object, test.wanted, test.found)
			}
		})
	}
}
