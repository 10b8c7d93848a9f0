package provisionertest

import (
	"context"
	"slices"

	"wheelhouse/provisioner"
)

// Fail makes the next calls of method ("Create", "List", "Delete") return errs,
// one each; nil lets its call succeed. A creation fails after its last phase.
func (f *Fake) Fail(method string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures[method] = append(f.failures[method], errs...)
}

// Block makes calls of method ("Create", "List", "Delete") hang until release is
// called or their context ends. A creation hangs after its last phase.
func (f *Fake) Block(method string) (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.blocked[method] = gate
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.blocked[method] == gate {
			delete(f.blocked, method)
			close(gate)
		}
	}
}

// failure waits while method is blocked, and returns what it has to fail with.
func (f *Fake) failure(ctx context.Context, method string) error {
	f.mu.Lock()
	gate := f.blocked[method]
	var err error
	if queue := f.failures[method]; len(queue) > 0 {
		err, f.failures[method] = queue[0], queue[1:]
	}
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err != nil {
		return err
	}
	return ctx.Err()
}

// Vanish removes the cluster name as somebody does who knows nothing of us.
func (f *Fake) Vanish(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(name)
}

// Break makes the cluster name Broken, with message as the reason.
func (f *Fake) Break(name, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.clusters[name]; c != nil {
		c.Cluster.State, c.Cluster.Message = provisioner.Broken, message
	}
}

// Halt makes the cluster name Halted, until it is started.
func (f *Fake) Halt(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.clusters[name]; c != nil {
		c.Cluster.State = provisioner.Halted
	}
}

// Frozen reports whether the cluster name rests.
func (f *Fake) Frozen(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clusters[name]
	return c != nil && c.frozen
}

// Created returns the names of all creations ever begun, in their order.
func (f *Fake) Created() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.created)
}

// Deleted returns the names of the clusters that Delete removed, in that order.
func (f *Fake) Deleted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.deleted)
}
