package verify

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/client-go/rest"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// judge watches a lab on a cluster, as a session does: a step that was complete
// once stays complete, and opens those that come after it.
type judge struct {
	lab     *content.Lab
	watcher *grader.Watcher
	stop    context.CancelFunc
	done    chan struct{}
	runErr  error // of the watcher; valid when done is closed

	mu       sync.Mutex
	complete map[string]bool
	results  map[string]grader.Result // by "step/check"
	news     chan struct{}            // closed, and replaced, at each change
}

// newJudge starts to watch the cluster of config. Close has to be called.
func newJudge(ctx context.Context, lab *content.Lab, config *rest.Config, workstation grader.Workstation) (*judge, error) {
	program, err := grader.Compile(lab)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	j := &judge{lab: lab, stop: stop, done: make(chan struct{}), complete: map[string]bool{},
		results: map[string]grader.Result{}, news: make(chan struct{})}
	j.watcher = program.Watch(config, grader.Options{OnResults: j.note, Workstation: workstation})
	j.watcher.Open(j.open())
	go func() {
		defer close(j.done)
		j.runErr = j.watcher.Run(ctx)
	}()
	return j, nil
}

// Close ends the watch and waits for it.
func (j *judge) Close() {
	j.stop()
	<-j.done
}

// open returns the steps that are judged now.
func (j *judge) open() []string {
	return j.lab.Open(func(name string) bool { return j.complete[name] })
}

func (j *judge) note(results []grader.Result) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, result := range results {
		if last := j.results[result.Step+"/"+result.Check]; !j.latched(last) {
			j.results[result.Step+"/"+result.Check] = result
		}
	}
	before := len(j.complete)
	for _, name := range j.open() {
		step, _ := j.lab.Step(name)
		switch allTrue := step.Complete(func(check string) bool { return j.results[name+"/"+check].Status == grader.True }); {
		case allTrue && grader.Confirmed(step, results):
			j.complete[name] = true
		case allTrue:
			j.watcher.Confirm(name)
		}
	}
	if len(j.complete) != before {
		j.watcher.Open(j.open())
	}
	close(j.news)
	j.news = make(chan struct{})
}

// answer gives the answers of a script to the questions of a step.
func (j *judge) answer(step *content.Step, script string) error {
	for _, given := range content.Answers(script) {
		check, known := step.Check(given.Check)
		if !known || check.Answer == nil {
			return fmt.Errorf("step %s has no question %s", step.Name, given.Check)
		}
		j.note([]grader.Result{grader.JudgeAnswer(step.Name, check, given.Text)})
	}
	return nil
}

// latched tells whether a result stays as it is, whatever comes later.
func (j *judge) latched(result grader.Result) bool {
	step, _ := j.lab.Step(result.Step)
	if step == nil || result.Status != grader.True {
		return false
	}
	check, there := step.Check(result.Check)
	return there && check.Once
}

// until blocks until enough says that it has seen enough, the watch ends or ctx
// does. enough is called with the lock held.
func (j *judge) until(ctx context.Context, enough func() bool) error {
	for {
		j.mu.Lock()
		ok, news := enough(), j.news
		j.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-news:
		case <-j.done:
			return fmt.Errorf("the watch ended: %w", j.runErr)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// now evaluates what is open as the cluster is at this moment, and returns what
// is complete.
func (j *judge) now(ctx context.Context) (map[string]bool, error) {
	if err := j.watcher.Synced(ctx); err != nil {
		return nil, err
	}
	results, err := j.watcher.Evaluate(ctx)
	if err != nil {
		return nil, err
	}
	j.note(results)
	j.mu.Lock()
	defer j.mu.Unlock()
	complete := map[string]bool{}
	for name := range j.complete {
		complete[name] = true
	}
	return complete, nil
}

// missing says what keeps a step from being complete.
func (j *judge) missing(step *content.Step) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, check := range step.Checks {
		result, ok := j.results[step.Name+"/"+check.Name]
		switch {
		case !ok:
			lines = append(lines, check.Name+" was never judged")
		case result.Status != grader.True:
			lines = append(lines, fmt.Sprintf("%s is %s (%s): %s", check.Name, result.Status, result.Reason, result.Message))
		}
	}
	return strings.Join(lines, "; ")
}

// alreadyTrue returns the checks of a step that are True and no guards.
func (j *judge) alreadyTrue(step *content.Step) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var names []string
	for _, check := range step.Checks {
		if !check.Guard && j.results[step.Name+"/"+check.Name].Status == grader.True {
			names = append(names, check.Name)
		}
	}
	return names
}

// result returns the latest result of a check. The lock must be held.
func (j *judge) result(step, check string) (grader.Result, bool) {
	result, ok := j.results[step+"/"+check]
	return result, ok
}
