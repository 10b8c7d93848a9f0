package provisioner

import (
	"cmp"
	"slices"
	"time"
)

// turn is what one cluster costs its owner in the line: a claim stands where it would
// if it had come that much later for each cluster that its owner has, and for each
// claim of theirs before it. So people with none come first, but no claim waits
// behind those that come more than a few turns after it. It is about the length of a lab.
const turn = 30 * time.Minute

// sortLine puts those who wait in the order in which they are served. The claims of
// one owner keep theirs. The caller holds the lock.
func (p *Pool) sortLine() {
	has := map[string]int{} // by owner: clusters, and claims that were counted already
	for _, e := range p.entries {
		if e.use == claimed && !e.gone {
			has[e.owner]++
		}
	}
	for _, w := range p.waiting { // each owner's are in the order in which they came
		w.rank = w.since.Add(time.Duration(has[w.owner]) * turn)
		has[w.owner]++
	}
	slices.SortFunc(p.waiting, func(a, b *waiter) int {
		return cmp.Or(a.rank.Compare(b.rank), cmp.Compare(a.number, b.number))
	})
}
