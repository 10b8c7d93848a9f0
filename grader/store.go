package grader

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// phase says how much is known of what a query asks for.
type phase int

const (
	waiting     phase = iota // nothing yet
	unknownKind              // the cluster has no such kind
	failed                   // the cluster refused to tell
	known
)

// found is what is known of a query's objects at one moment. Its objects are
// shared and never changed.
type found struct {
	phase   phase
	reason  string    // where failed: one of a Result's reasons
	problem string    // where failed: a sentence
	objects []*object // by namespace and name
	said    string    // where the query asks for that
	version uint64    // another one after each change; never used twice in a process
}

// contents are the objects as CEL sees a list of them.
func (f found) contents() []any {
	list := make([]any, 0, len(f.objects))
	for _, o := range f.objects {
		list = append(list, o.content.Object)
	}
	return list
}

// versions numbers changes, over all stores, so that a store that was closed and
// opened again cannot look unchanged.
var versions atomic.Uint64

// store keeps the objects of one query as the cluster last told them. It is the
// end of a cache.Reflector, which calls its exported methods.
type store struct {
	query   query
	changed func()  // called after every change, without locks
	memory  *memory // of the cluster; nil where nothing bounds it

	mu      sync.Mutex
	size    int64 // bytes of objects, as memory counts them
	fresh   int64 // bytes of what came since records were told last
	found   found
	objects map[objectKey]*object
	stale   bool             // found.objects is older than objects
	records map[*record]bool // get every state
}

func newStore(query query, changed func()) *store {
	return &store{query: query, changed: changed, objects: map[objectKey]*object{}}
}

// look returns what is known now.
func (s *store) look() found {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refresh()
}

// refresh returns what is known now. The lock must be held.
func (s *store) refresh() found {
	if s.stale {
		s.stale = false
		s.found.objects = make([]*object, 0, len(s.objects))
		for _, o := range s.objects {
			s.found.objects = append(s.found.objects, o)
		}
		slices.SortFunc(s.found.objects, func(a, b *object) int { return a.key.compare(b.key) })
	}
	return s.found
}

// settle notes that there is nothing to know: the kind does not exist, or the
// cluster does not tell.
func (s *store) settle(to phase, reason, problem string) {
	s.update(func() (changed, gap bool) {
		if s.found.phase == to && s.found.problem == problem {
			return false, false
		}
		gap = s.found.phase != waiting
		s.fail(to, reason, problem)
		return true, gap
	})
}

// hear notes what was said, which does not change any more.
func (s *store) hear(said string) {
	s.update(func() (changed, gap bool) {
		s.found.phase, s.found.said = known, said
		return true, false
	})
}

// fail forgets all objects. The lock must be held.
func (s *store) fail(to phase, reason, problem string) {
	s.found.phase, s.found.reason, s.found.problem = to, reason, problem
	clear(s.objects)
	s.memory.add(-s.size)
	s.size = 0
}

// release forgets what a store kept for checks that no longer use it.
func (s *store) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(waiting, "", "")
}

// bound forgets all objects where they are too many, and says so then. The lock
// must be held.
func (s *store) bound() error {
	var large *excess
	switch {
	case len(s.objects) > mostObjects:
		large = tooMuch(s.query, wordsOfObjects)
	case !s.memory.add(0):
		large = tooMuch(s.query, wordsOfCluster)
	default:
		return nil
	}
	s.fail(failed, ReasonTooLarge, large.sentence)
	return large
}

// update runs change under the lock, and tells about it where something changed,
// or where states may have been missed.
func (s *store) update(change func() (changed, gap bool)) {
	s.mu.Lock()
	changed, gap := change()
	if changed || gap && len(s.records) > 0 {
		changed = true
		s.found.version = versions.Add(1)
		s.stale = true
	}
	if changed {
		for r := range s.records {
			r.note(s.query, s.refresh(), gap, s.fresh)
		}
		s.fresh = 0
	}
	s.mu.Unlock()
	if changed {
		s.changed()
	}
}

// keep gives r every state from now on, the present one first.
func (s *store) keep(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[r] {
		return
	}
	if s.records == nil {
		s.records = map[*record]bool{}
	}
	s.records[r] = true
	if s.found.phase != waiting {
		r.note(s.query, s.refresh(), false, s.size)
	}
}

// leave ends keep.
func (s *store) leave(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, r)
}

// Add keeps an object that is new.
func (s *store) Add(item any) error { return s.Update(item) }

// Update keeps an object's new state. The error is an *excess where there are too
// many; nothing is taken then before the next Replace.
func (s *store) Update(item any) error {
	o, err := s.objectOf(item)
	if err != nil {
		return err
	}
	s.update(func() (changed, gap bool) {
		if s.found.phase == failed {
			return false, false
		}
		if changed = s.put(o); changed {
			err = s.bound()
		}
		return changed, err != nil
	})
	return err
}

// Delete forgets an object.
func (s *store) Delete(item any) error {
	o, err := s.objectOf(item)
	if err != nil {
		return err
	}
	s.update(func() (changed, gap bool) {
		return s.drop(o.key), false
	})
	return nil
}

// Replace keeps the listed objects and forgets all others. After a lost
// connection most of them are what they were; then nothing has changed. The error
// is that of Update.
func (s *store) Replace(items []any, _ string) error {
	listed := make(map[objectKey]*object, len(items))
	for _, item := range items {
		o, err := s.objectOf(item)
		if err != nil {
			return err
		}
		listed[o.key] = o
	}
	var large error
	s.update(func() (changed, gap bool) {
		gap = s.found.phase != waiting
		changed = s.found.phase != known
		s.found.phase, s.found.reason, s.found.problem = known, "", ""
		for key := range s.objects {
			if listed[key] == nil {
				changed = s.drop(key)
			}
		}
		for _, o := range listed {
			changed = s.put(o) || changed
		}
		large = s.bound()
		return changed || large != nil, gap
	})
	return large
}

// Resync does nothing: the store is what it mirrors.
func (s *store) Resync() error { return nil }

// put keeps o and tells whether that changed anything.
func (s *store) put(o *object) bool {
	old := s.objects[o.key]
	if old != nil && s.alike(old, o) {
		return false
	}
	if old != nil {
		s.grow(-old.size)
	}
	s.objects[o.key] = o
	s.grow(o.size)
	s.fresh += o.size
	return true
}

// drop forgets an object and tells whether there was one.
func (s *store) drop(key objectKey) bool {
	old := s.objects[key]
	if old != nil {
		delete(s.objects, key)
		s.grow(-old.size)
	}
	return old != nil
}

func (s *store) grow(bytes int64) {
	s.size += bytes
	s.memory.add(bytes)
}

// alike tells whether two states of an object are the same as far as the query
// goes.
func (s *store) alike(old, new *object) bool {
	if s.query.namesOnly {
		return maps.Equal(old.labels, new.labels)
	}
	return old.same(new)
}

func (s *store) objectOf(item any) (*object, error) {
	about, err := meta.Accessor(item)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.query.kind, err)
	}
	o := &object{kind: s.query.kind, key: objectKey{about.GetNamespace(), about.GetName()}}
	if s.query.labelled {
		o.labels = about.GetLabels()
		for key, value := range o.labels {
			o.size += int64(64 + len(key) + len(value))
		}
	}
	if s.query.namesOnly {
		o.size += int64(256 + len(o.key.namespace) + len(o.key.name))
		return o, nil
	}
	content, ok := item.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("%s %s came as a %T", s.query.kind, o.key, item)
	}
	o.writer = handWritten(content)
	content.SetManagedFields(nil) // as long as all the rest, and of no more use to a check
	o.content, o.size = content, sizeOf(content.Object)
	return o, nil
}
