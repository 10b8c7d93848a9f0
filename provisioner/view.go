package provisioner

import (
	"context"
	"strings"
	"time"
)

const (
	lookInterval = 5 * time.Second  // between two looks at the clusters
	lookTimeout  = 15 * time.Second // for one look

	// viewLifetime is how old a view may be before nothing is handed over on its
	// account.
	viewLifetime = 30 * time.Second
)

// view is what the pool saw when it last looked.
type view struct {
	moment uint64            // counts the changes that the pool makes itself
	gone   map[string]uint64 // clusters that it has removed lately -> the moment

	at       time.Time // of the last look that worked
	err      error     // of the last look; nil once it works
	failures int       // of looks in a row
	nextAt   time.Time // of the next look
}

// trouble returns why the view is not to be trusted, an *Error, or nil.
func (v *view) trouble(now time.Time) error {
	switch {
	case v.err != nil:
		return v.err
	case v.at.IsZero():
		return &Error{Reason: NotObserved, Message: "Wheelhouse is looking which clusters there are; this takes a few seconds."}
	case now.Sub(v.at) > viewLifetime:
		return blind(nil)
	}
	return nil
}

// blind words that the clusters cannot be listed.
func blind(err error) error {
	if ReasonOf(err) != "" {
		return err
	}
	return &Error{
		Reason: NotObserved,
		Message: "Wheelhouse cannot see its clusters, because what runs them does not answer. It looks again by itself; " +
			"if this lasts, restart the container engine and run `wheelhouse doctor`.",
		Err: err,
	}
}

// observe looks at the clusters until ctx ends.
func (p *Pool) observe(ctx context.Context) {
	for {
		pause := p.lookNow(ctx)
		select {
		case <-time.After(pause):
		case <-p.look:
		case <-ctx.Done():
			return
		}
	}
}

// lookNow looks once, and returns how long to wait before the next time.
func (p *Pool) lookNow(ctx context.Context) time.Duration {
	p.mu.Lock()
	before := p.view.moment
	p.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	clusters, err := p.options.Provider.List(limited)
	var fresh map[string]bool
	if err == nil {
		fresh, err = p.marks.all()
	}
	if ctx.Err() != nil {
		return 0
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	pause := lookInterval
	if err == nil {
		p.saw(clusters, fresh, before)
	} else {
		pause = p.sawNothing(err)
	}
	p.view.nextAt = time.Now().Add(pause)
	p.step()
	return pause
}

// saw takes in what was listed. Clusters that the pool itself has changed since
// the moment before stay as the pool knows them. The caller holds the lock.
func (p *Pool) saw(clusters []Cluster, fresh map[string]bool, before uint64) {
	if p.view.failures > 0 {
		p.logger.Info("clusters are listed again")
	}
	p.view.at, p.view.err, p.view.failures = time.Now(), nil, 0
	for _, w := range p.waiting {
		w.blind = 0
	}
	listed := map[string]bool{}
	for _, c := range clusters {
		listed[c.Name] = true
		e := p.entries[c.Name]
		switch {
		case e == nil && strings.HasPrefix(c.Name, NamePrefix) && p.view.gone[c.Name] <= before:
			p.entries[c.Name] = newEntry(c, found)
			p.entries[c.Name].fresh = fresh[c.Name]
		case e != nil && e.use != making && e.changed <= before:
			e.cluster, e.gone = c, false
		}
	}
	for name, e := range p.entries {
		if listed[name] || e.changed > before {
			continue
		}
		switch e.use {
		case claimed:
			e.gone = true
		case warm:
			p.logger.Warn("warm cluster is gone", "cluster", name)
			p.doom(e) // parts of it may still be there
		}
	}
	for name, moment := range p.view.gone {
		if moment <= before {
			delete(p.view.gone, name)
		}
	}
}

// sawNothing takes in a look that failed, and returns when to try again. The
// caller holds the lock.
func (p *Pool) sawNothing(err error) time.Duration {
	p.view.err = blind(err)
	p.view.failures++
	for _, w := range p.waiting {
		w.blind++
	}
	pause := min(lookInterval, backoff(p.view.failures))
	if p.view.failures == 1 { // the rest is the same, every few seconds
		p.logger.Warn("clusters not listed", "error", err, "retry", time.Now().Add(pause))
	}
	p.refuse(func(w *waiter) bool { return w.blind >= triesForClaim }, p.view.err)
	return pause
}
