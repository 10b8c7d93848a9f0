package provisioner

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

// step looks at the situation, decides, and starts what was decided. It is
// called after every change, with the lock held, and does not block.
func (p *Pool) step() {
	if p.ctx == nil || p.stopped {
		return
	}
	now := time.Now()
	p.alarm = time.Time{}
	p.sortLine()
	// What cannot be seen cannot be judged: a warm cluster may be gone.
	if p.view.trouble(now) == nil {
		p.apply(plan(p.situation(now)), now)
	}
	p.line(now)
	poke(p.wake)
}

// situation says how things stand.
func (p *Pool) situation(now time.Time) situation {
	s := situation{
		Now:         now,
		Size:        p.options.Size,
		Spec:        p.options.Spec,
		Concurrency: p.options.Concurrency,
		Max:         p.options.Max,
		Freezes:     p.freezer != nil,
		Trouble:     map[Spec]time.Time{},
	}
	for name, e := range p.entries {
		s.Members = append(s.Members, member{
			Name: name, Spec: e.cluster.Spec, Use: e.use, State: e.cluster.State,
			Fresh: e.fresh, Gone: e.gone, Busy: e.busy, Frozen: e.frozen != nil && e.retryAt.IsZero(), Resting: e.resting, Since: e.since, RetryAt: e.retryAt,
		})
	}
	for _, w := range p.waiting {
		s.Waiting = append(s.Waiting, w.spec)
	}
	for spec, t := range p.troubles {
		s.Trouble[spec] = t.retryAt
	}
	return s
}

// apply does what was decided.
func (p *Pool) apply(d decision, now time.Time) {
	for _, name := range d.Keep {
		e := p.entries[name]
		e.use, e.since = warm, now
		if p.freezer != nil {
			e.frozen = make(chan struct{})
			close(e.frozen)
		}
		p.logger.Info("cluster kept warm", "cluster", name)
	}
	p.serve(d.HandOver)
	for _, spec := range d.Create {
		p.startCreation(spec, now)
	}
	for _, name := range d.Doom {
		p.doom(p.entries[name])
	}
	for _, name := range d.Remove {
		p.startDeletion(p.entries[name])
	}
	for _, name := range d.Start {
		p.startAgain(p.entries[name])
	}
	for _, name := range d.Freeze {
		p.startFreezing(p.entries[name])
	}
	p.alarm = d.Next
}

// serve hands clusters to those who wait: place in line -> cluster.
func (p *Pool) serve(handOver map[int]string) {
	left := p.waiting[:0:0]
	for i, w := range p.waiting {
		name, ok := handOver[i]
		if !ok {
			left = append(left, w)
			continue
		}
		e := p.entries[name]
		e.use, e.owner = claimed, w.owner
		cluster := e.cluster
		w.cluster, w.frozen = &cluster, e.frozen
		e.frozen = nil
		poke(w.changed)
	}
	p.waiting = left
}

// doom makes the pool delete a cluster, and cancels its creation if that is
// still at work.
func (p *Pool) doom(e *entry) {
	if e.use == making {
		e.cancel()
		e.busy = true
	}
	e.use, e.failures, e.retryAt = doomed, 0, time.Time{}
}

// touch notes that the cluster of e has just become ready or gone, so that what
// was listed before does not count.
func (p *Pool) touch(e *entry) {
	p.view.moment++
	e.changed = p.view.moment
}

// startCreation begins to make a cluster.
func (p *Pool) startCreation(spec Spec, now time.Time) {
	name := p.newName()
	ctx, cancel := context.WithCancel(p.ctx)
	e := newEntry(Cluster{Name: name, Spec: spec, State: Creating, CreatedAt: now}, making)
	e.since, e.cancel = now, cancel
	p.entries[name] = e
	p.jobs.Go(func() {
		defer cancel()
		p.create(ctx, e, name, spec)
	})
}

// startDeletion begins to delete a doomed cluster.
func (p *Pool) startDeletion(e *entry) {
	e.busy = true
	ctx, name := p.ctx, e.cluster.Name
	p.jobs.Go(func() { p.delete(ctx, e, name) })
}

// startAgain begins to start a cluster whose processes have ended, where its
// provider can.
func (p *Pool) startAgain(e *entry) {
	starter, ok := p.options.Provider.(Starter)
	if !ok {
		return
	}
	e.busy = true
	ctx, name := p.ctx, e.cluster.Name
	p.jobs.Go(func() { p.restart(ctx, starter, e, name) })
}

// startFreezing begins to freeze a warm cluster. Who claims it meanwhile waits for
// that to be over, and thaws it.
func (p *Pool) startFreezing(e *entry) {
	frozen := make(chan struct{})
	e.frozen, e.retryAt = frozen, time.Time{}
	ctx, name := p.ctx, e.cluster.Name
	p.jobs.Go(func() {
		defer close(frozen)
		p.freeze(ctx, e, name)
	})
}

// newName returns a name that no cluster of the pool's has: NamePrefix and 8
// characters of base32.
func (p *Pool) newName() string {
	var random [5]byte
	for {
		rand.Read(random[:]) // never fails
		name := NamePrefix + strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
		if p.entries[name] == nil {
			return name
		}
	}
}
