package provisioner

import (
	"cmp"
	"slices"
	"time"
)

// use says what the pool means to do with a cluster. A cluster is claimed at
// most once in its life: from claimed the only way leads to doomed.
type use string

const (
	found   use = "found"   // the provider lists it, the pool knows nothing of it
	making  use = "making"  // a creation of this process is at work
	warm    use = "warm"    // ready, and never claimed
	claimed use = "claimed" // a session has it
	doomed  use = "doomed"  // to be deleted
)

const (
	// spareTime is how long a warm cluster above the pool's size is kept: those
	// who gave up waiting often come back.
	spareTime = 10 * time.Minute

	// deletionsAtOnce keeps the end of a class from starving the next one.
	deletionsAtOnce = 4

	// restAfter is for how long a warm cluster runs before it is frozen: a new one
	// still has things to do that nobody waits for.
	restAfter = 30 * time.Second
)

// member is one cluster of a situation.
type member struct {
	Name    string
	Spec    Spec
	Use     use
	State   State     // as the provider sees it
	Fresh   bool      // found: it is on record that nobody has had it
	Gone    bool      // claimed: the provider does not list it any more
	Busy    bool      // doomed: its deletion is at work, or its creation is being cancelled; any: it is being started again
	Frozen  bool      // warm: it is frozen, or about to be
	Resting bool      // claimed: it is frozen, or may be, until somebody needs it
	Since   time.Time // when it became warm, or its creation began
	RetryAt time.Time // doomed: no deletion before; claimed: no start before; warm: not frozen before
}

// situation is all that a decision depends on.
type situation struct {
	Now         time.Time
	Size        int  // clusters to keep warm
	Spec        Spec // of those
	Concurrency int  // creations at once
	Max         int  // clusters in all; 0 is no limit
	Freezes     bool // the provider can freeze clusters
	Members     []member
	Waiting     []Spec             // of the claims in line, the first one first
	Trouble     map[Spec]time.Time // creations of these fail: one at a time, and none before then
}

// decision is what to do in a situation.
type decision struct {
	Keep     []string       // found ones that are warm from now on
	HandOver map[int]string // place in waiting -> cluster
	Create   []Spec
	Doom     []string  // a creation that is still at work is cancelled
	Remove   []string  // doomed ones whose deletion starts now
	Start    []string  // claimed ones whose processes have ended
	Freeze   []string  // warm ones that nobody waits for
	Next     time.Time // when to decide again even if nothing changes; zero is never
}

// plan decides. It depends on nothing but s, and does nothing.
func plan(s situation) decision {
	p := planner{situation: s, decision: decision{HandOver: map[int]string{}}}
	p.Members = slices.Clone(s.Members)
	slices.SortFunc(p.Members, func(a, b member) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
	})
	p.sortFound()
	p.serve()
	p.supply()
	p.retire()
	p.clean()
	p.restart()
	p.freeze()
	return p.decision
}

// planner is a decision in the making. Its members, the oldest first, show what
// was decided so far.
type planner struct {
	situation
	decision
}

// sortFound decides about clusters that an earlier process has left and about
// those that broke.
func (p *planner) sortFound() {
	for i := range p.Members {
		m := &p.Members[i]
		switch {
		case m.Use == found && m.Fresh && m.State == Ready:
			m.Use = warm
			m.Since = p.Now
			p.Keep = append(p.Keep, m.Name)
		case m.Use == found, m.Use == warm && m.State != Ready:
			p.dooms(m)
		}
	}
}

// serve hands warm clusters to those who wait, in the order of the line. A
// handed over one is claimed from then on, and so cannot be handed over twice.
func (p *planner) serve() {
	for i, spec := range p.Waiting {
		for j := range p.Members {
			m := &p.Members[j]
			if m.Use == warm && m.Spec == spec {
				m.Use = claimed
				p.HandOver[i] = m.Name
				break
			}
		}
	}
}

// supply decides what is created: first for those who wait, in the order of the
// line, then to fill the pool. While anybody waits nothing is made ahead, which
// would only slow down what they wait for.
func (p *planner) supply() {
	coming := p.coming()
	stuck := 0 // claims for which there is no room
	waits := false
	for i, spec := range p.Waiting {
		if p.HandOver[i] != "" {
			continue
		}
		waits = true
		switch {
		case coming[spec] > 0:
			coming[spec]--
		case !p.mayCreate(spec):
		case stuck > 0 || p.full():
			stuck++ // nobody overtakes whoever is stuck
		default:
			p.Create = append(p.Create, spec)
		}
	}
	p.makeRoom(stuck, coming)
	if waits {
		return
	}
	ahead := p.count(func(m member) bool { return m.Use == warm && m.Spec == p.Spec }) + coming[p.Spec]
	for ; ahead < p.Size && !p.full() && p.mayCreate(p.Spec); ahead++ {
		p.Create = append(p.Create, p.Spec)
	}
}

// coming counts the creations at work.
func (p *planner) coming() map[Spec]int {
	out := map[Spec]int{}
	for _, m := range p.Members {
		if m.Use == making {
			out[m.Spec]++
		}
	}
	return out
}

// mayCreate reports whether one more creation of spec may start now.
func (p *planner) mayCreate(spec Spec) bool {
	atWork := p.count(func(m member) bool { return m.Use == making }) + len(p.Create)
	if atWork >= p.Concurrency {
		return false
	}
	retryAt, trouble := p.Trouble[spec]
	if !trouble {
		return true
	}
	if slices.Contains(p.Create, spec) || slices.ContainsFunc(p.Members, func(m member) bool {
		return m.Use == making && m.Spec == spec
	}) {
		return false // its outcome will tell
	}
	if retryAt.After(p.Now) {
		p.wakeAt(retryAt)
		return false
	}
	return true
}

// full reports whether the limit of clusters is reached.
func (p *planner) full() bool {
	there := p.count(func(m member) bool { return !m.Gone }) + len(p.Create)
	return p.Max > 0 && there >= p.Max
}

// makeRoom dooms clusters that nobody waits for, so that claims of another Spec
// are not stuck for ever: the oldest warm ones, then what is still being made.
func (p *planner) makeRoom(stuck int, coming map[Spec]int) {
	stuck -= p.count(func(m member) bool { return m.Use == doomed })
	for i := 0; i < len(p.Members) && stuck > 0; i++ {
		if m := &p.Members[i]; m.Use == warm {
			p.dooms(m)
			stuck--
		}
	}
	for i := len(p.Members) - 1; i >= 0 && stuck > 0; i-- {
		if m := &p.Members[i]; m.Use == making && coming[m.Spec] > 0 {
			coming[m.Spec]--
			p.dooms(m)
			m.Busy = true
			stuck--
		}
	}
}

// retire dooms warm clusters above the pool's size that were spare for long.
func (p *planner) retire() {
	kept := 0
	for i := range p.Members {
		m := &p.Members[i]
		if m.Use != warm {
			continue
		}
		if m.Spec == p.Spec && kept < p.Size {
			kept++
			continue
		}
		if end := m.Since.Add(spareTime); end.After(p.Now) {
			p.wakeAt(end)
		} else {
			p.dooms(m)
		}
	}
}

// clean starts the deletions that are due.
func (p *planner) clean() {
	atWork := p.count(func(m member) bool { return m.Use == doomed && m.Busy })
	for _, m := range p.Members {
		switch {
		case m.Use != doomed || m.Busy:
		case m.RetryAt.After(p.Now):
			p.wakeAt(m.RetryAt)
		case atWork < deletionsAtOnce:
			p.Remove = append(p.Remove, m.Name)
			atWork++
		}
	}
}

// restart has claimed clusters go on whose processes have ended, as all have after
// the machine was restarted: those that rest, once somebody needs them.
func (p *planner) restart() {
	for _, m := range p.Members {
		switch {
		case m.Use != claimed || m.State != Halted || m.Gone || m.Busy || m.Resting:
		case m.RetryAt.After(p.Now):
			p.wakeAt(m.RetryAt)
		default:
			p.Start = append(p.Start, m.Name)
		}
	}
}

// freeze has warm clusters rest until somebody claims them. Of one that is kept from
// an earlier process it is not known whether it rests already.
func (p *planner) freeze() {
	if !p.Freezes {
		return
	}
	for _, m := range p.Members {
		if m.Use != warm || m.Frozen {
			continue
		}
		due := m.Since.Add(restAfter)
		if slices.Contains(p.Keep, m.Name) {
			due = p.Now
		}
		if m.RetryAt.After(due) {
			due = m.RetryAt
		}
		if due.After(p.Now) {
			p.wakeAt(due)
		} else {
			p.Freeze = append(p.Freeze, m.Name)
		}
	}
}

func (p *planner) dooms(m *member) {
	m.Use = doomed
	p.Doom = append(p.Doom, m.Name)
}

func (p *planner) count(want func(member) bool) int {
	n := 0
	for _, m := range p.Members {
		if want(m) {
			n++
		}
	}
	return n
}

func (p *planner) wakeAt(t time.Time) {
	if p.Next.IsZero() || t.Before(p.Next) {
		p.Next = t
	}
}
