package grader

import (
	"context"
	"sync"
	"time"
)

// longestPause bounds how far evaluation is put off under a storm of changes.
const longestPause = 10 * time.Second

// Run watches and judges until ctx ends, and returns when all its goroutines
// have ended. A cluster that does not answer does not end it: Run goes on trying,
// and says so in the results. It returns nil when ctx ended it, and an error at
// once when the cluster's configuration cannot be used. It runs once.
func (w *Watcher) Run(ctx context.Context) error {
	cluster, err := connect(w.config, w.opts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &run{Watcher: w, cluster: cluster, knowledge: newKnowledge(), stops: map[any]context.CancelFunc{}, confirmed: make(chan *confirmation)}
	r.health = newHealth(cluster, r.touch)
	defer func() {
		cancel()
		cluster.close() // before the wait: requests on a dead connection end with it
		r.goroutines.Wait()
		cluster.close() // what was dialled in between
	}()
	r.goroutines.Go(func() { r.health.run(ctx) })
	r.goroutines.Go(func() { r.confirmSteps(ctx) })
	r.loop(ctx)
	return nil
}

// run is what one Run holds. All but the health belongs to the goroutine of Run.
type run struct {
	*Watcher
	knowledge
	cluster    *cluster
	health     *health
	goroutines sync.WaitGroup
	stops      map[any]context.CancelFunc // of what fills the stores (by query) and executions (by check)
	silent     map[*check]Result          // while the cluster is silent, what is told instead
	confirmed  chan *confirmation
}

// touch says that a check may have something else to see. It does not block.
func (r *run) touch() { signal(r.dirty) }

// loop gathers changes for the time of the debounce, counted from the first one,
// and judges. Under a storm it spends at most a fifth of its time judging and
// telling, which has results stored where those of others are: it pauses four times
// as long as that took. A change after the pause waits for the debounce only.
func (r *run) loop(ctx context.Context) {
	debounce := r.opts.Debounce
	var rested time.Time // when the pause is over
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.news:
			checks, _ := r.openChecks()
			r.follow(ctx, checks, nil) // so that they are fetched during the debounce
			r.touch()
			continue
		case done := <-r.confirmed:
			r.tellConfirmed(done)
			continue
		case <-r.dirty:
		}
		if !r.gather(ctx, max(debounce, time.Until(rested))) {
			return
		}
		select { // what came meanwhile is part of what is judged now
		case <-r.dirty:
		default:
		}
		took, complete := r.evaluateOpen(ctx)
		debounce, rested = r.opts.Debounce, time.Now().Add(min(4*took, longestPause))
		if !complete {
			debounce, rested = 0, time.Time{} // for what is missing, the time has been waited
		}
	}
}

// gather waits while changes gather, and hands over what is confirmed meanwhile. It
// returns false when ctx ended.
func (r *run) gather(ctx context.Context, pause time.Duration) bool {
	over := time.After(pause)
	for {
		select {
		case <-ctx.Done():
			return false
		case done := <-r.confirmed:
			r.tellConfirmed(done)
		case <-over:
			return true
		}
	}
}

// evaluateOpen judges the open steps and tells the results, unless they are not
// complete: then something is still being fetched whose arrival makes it be called
// again. It returns how long that took.
func (r *run) evaluateOpen(ctx context.Context) (took time.Duration, complete bool) {
	checks, opened := r.openChecks()
	r.follow(ctx, checks, nil)
	if r.health.silent.Load() {
		r.tell(r.silence(checks), opened)
		return 0, true
	}
	r.silent = nil
	started := time.Now()
	for _, e := range r.executions {
		e.offer(e.aim(r.stores))
	}
	results, asked, complete := r.judge(checks, started)
	r.follow(ctx, checks, asked)
	r.forget(checks, asked)
	if complete {
		r.tell(results, opened)
	}
	return time.Since(started), complete
}

// silence gives every check the result that nothing is known.
func (r *run) silence(checks []*check) []Result {
	if r.silent == nil {
		r.silent = map[*check]Result{}
	}
	results := make([]Result, 0, len(checks))
	for _, c := range checks {
		if _, there := r.silent[c]; !there {
			r.silent[c] = Result{Step: c.step, Check: c.name, Status: Unknown, Reason: ReasonUnreachable, At: time.Now(),
				Message: "The cluster does not answer; checking goes on as soon as it does."}
		}
		results = append(results, r.silent[c])
	}
	return results
}

// follow starts to fetch what the checks need and what was asked for beside it,
// and keeps what is fetched already.
func (r *run) follow(ctx context.Context, checks []*check, asked []query) {
	for _, c := range checks {
		for _, q := range c.needs() {
			r.watch(ctx, q)
		}
		if c.probe != nil {
			r.execute(ctx, c)
		}
		if c.during != nil {
			r.keep(c)
		}
	}
	for _, q := range asked {
		r.watch(ctx, q)
	}
}

func (r *run) watch(ctx context.Context, q query) {
	if r.stores[q] != nil {
		return
	}
	r.stores[q] = newStore(q, r.touch)
	r.stores[q].memory = r.memory
	s := &source{store: r.stores[q], cluster: r.cluster, trouble: r.health.suspect}
	ctx, r.stops[q] = context.WithCancel(ctx)
	r.goroutines.Go(func() { s.run(ctx) })
}

func (r *run) execute(ctx context.Context, c *check) {
	if r.executions[c] != nil {
		return
	}
	e := newExecution(c, r.cluster, r.touch)
	r.executions[c] = e
	ctx, r.stops[c] = context.WithCancel(ctx)
	r.goroutines.Go(func() { e.run(ctx) })
}

// keep has every state recorded of the objects that a check of a change looks at.
func (r *run) keep(c *check) {
	if r.records[c] == nil {
		r.records[c] = newRecord()
	}
	for _, q := range c.needs() {
		r.stores[q].keep(r.records[c])
	}
}

// forget stops to fetch what neither checks need nor asked names.
func (r *run) forget(checks []*check, asked []query) {
	needed := map[any]bool{}
	for _, c := range checks {
		needed[c] = true
		for _, q := range c.needs() {
			needed[q] = true
		}
	}
	for _, q := range asked {
		needed[q] = true
	}
	for key, stop := range r.stops {
		if needed[key] {
			continue
		}
		stop()
		delete(r.stops, key)
		switch key := key.(type) {
		case query:
			delete(r.stores, key)
		case *check:
			delete(r.executions, key)
		}
	}
	for c, record := range r.records {
		if !needed[c] {
			for _, s := range r.stores {
				s.leave(record)
			}
			delete(r.records, c)
		}
	}
	for c := range r.verdicts {
		if !needed[c] {
			delete(r.verdicts, c)
		}
	}
}
