package networkpolicy

import "time"

// timer is a time.Timer that is stopped at first, and that start leaves alone
// while it runs: changes that keep coming do not put it off for ever.
type timer struct {
	C       <-chan time.Time
	timer   *time.Timer
	running bool
}

func newTimer() *timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &timer{C: t.C, timer: t}
}

func (t *timer) start(d time.Duration) {
	if !t.running {
		t.running = true
		t.timer.Reset(d)
	}
}

// stop is also called for a timer that has fired.
func (t *timer) stop() {
	t.running = false
	t.timer.Stop()
}
