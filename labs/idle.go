package labs

import "time"

// idleTime counts for how long a session's student did nothing in it, although they
// could have: while the server ran. It is asked at each beat, so that a longer gap is
// time in which the server, or its machine, stood still, as a laptop does that is
// closed over lunch. The zero value begins at the first beat.
type idleTime struct {
	beat time.Time // the last
	idle time.Duration
}

// at returns the time without activity up to a beat. The activity is the last there
// was, which may be in the future where the clock was set back.
func (t *idleTime) at(now, activity time.Time) time.Duration {
	passed := now.Sub(t.beat)
	if t.beat.IsZero() {
		passed = 0
	}
	t.idle += min(max(passed, 0), 2*beat)
	t.idle = min(t.idle, max(now.Sub(activity), 0))
	t.beat = now
	return t.idle
}
