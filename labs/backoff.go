package labs

import "time"

const (
	firstRetry   = time.Second // after a failure; doubled up to
	longestRetry = 30 * time.Second
)

// backoff is when to try again: ever later, up to longestRetry.
type backoff struct {
	C    <-chan time.Time // nil while there is nothing to try
	wait time.Duration
}

func (b *backoff) now() { b.C = time.After(0) }

func (b *backoff) later() {
	b.wait = min(max(firstRetry, 2*b.wait), longestRetry)
	b.C = time.After(b.wait)
}

func (b *backoff) reset() { *b = backoff{} }
