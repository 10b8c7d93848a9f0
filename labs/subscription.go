package labs

import "sync"

// subscriptions tell readers that something changed, by its id. A reader's
// channel holds one value: a reader that is slow misses no change, only how many
// there were, and reads the whole again.
type subscriptions struct {
	mu      sync.Mutex
	readers map[string]map[chan struct{}]bool
}

func (s *subscriptions) subscribe(id string) (changed <-chan struct{}, cancel func()) {
	reader := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers == nil {
		s.readers = map[string]map[chan struct{}]bool{}
	}
	if s.readers[id] == nil {
		s.readers[id] = map[chan struct{}]bool{}
	}
	s.readers[id][reader] = true
	return reader, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.readers[id], reader)
		if len(s.readers[id]) == 0 {
			delete(s.readers, id)
		}
	}
}

// changed tells the readers of all ids. It never blocks.
func (s *subscriptions) changed(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		for reader := range s.readers[id] {
			select {
			case reader <- struct{}{}:
			default: // it has yet to read an earlier change, and will see this one too
			}
		}
	}
}

// attendance counts how many pages each user has open.
type attendance struct {
	mu    sync.Mutex
	pages map[string]int
}

// come notes a page of the user and tells whether it is their first.
func (a *attendance) come(userID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pages == nil {
		a.pages = map[string]int{}
	}
	a.pages[userID]++
	return a.pages[userID] == 1
}

// leave is the end of one come, and tells whether it was the last.
func (a *attendance) leave(userID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages[userID]--
	if a.pages[userID] > 0 {
		return false
	}
	delete(a.pages, userID)
	return true
}

func (a *attendance) online(userID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pages[userID] > 0
}
