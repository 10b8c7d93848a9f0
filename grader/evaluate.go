package grader

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// evaluate judges checks once, on what is read and done for it now.
func (k *knowledge) evaluate(ctx context.Context, cluster *cluster, checks []*check) ([]Result, error) {
	if err := k.readNeeds(ctx, cluster, checks); err != nil {
		return nil, err
	}
	k.runAll(ctx, cluster, checks)
	return k.judgeOnce(ctx, cluster, checks)
}

// judgeOnce judges checks on what is known, and on what is not known yet and is
// therefore read. What a check asks for while it is judged, such as the names near a
// missing one, is read as well.
func (k *knowledge) judgeOnce(ctx context.Context, cluster *cluster, checks []*check) ([]Result, error) {
	for {
		results, asked, complete := k.judge(checks, time.Now())
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if complete {
			for i := range results {
				results[i].Confirmed = true
			}
			return results, nil
		}
		if err := k.read(ctx, cluster, asked); err != nil {
			return nil, err
		}
	}
}

func (k *knowledge) readNeeds(ctx context.Context, cluster *cluster, checks []*check) error {
	var needed []query
	for _, c := range checks {
		needed = append(needed, c.needs()...)
	}
	return k.read(ctx, cluster, needed)
}

// read fills a store for each query that has none, all at once.
func (k *knowledge) read(ctx context.Context, cluster *cluster, queries []query) error {
	reading, ctx := errgroup.WithContext(ctx)
	for _, q := range queries {
		if k.stores[q] != nil {
			continue
		}
		k.stores[q] = newStore(q, func() {})
		k.stores[q].memory = k.memory
		s := &source{store: k.stores[q], cluster: cluster}
		reading.Go(func() error { return s.read(ctx) })
	}
	return reading.Wait()
}

// runAll runs the probes of the checks that have something to run against, all at
// once, and waits for them.
func (k *knowledge) runAll(ctx context.Context, cluster *cluster, checks []*check) {
	var probes errgroup.Group
	for _, c := range checks {
		if c.probe == nil {
			continue
		}
		e := newExecution(c, cluster, nil)
		k.executions[c] = e
		if in := e.aim(k.stores); in != nil {
			probes.Go(func() error { e.once(ctx, *in); return nil })
		}
	}
	_ = probes.Wait() // none of them fails: what goes wrong is an outcome
}
