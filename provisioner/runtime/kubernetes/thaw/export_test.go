package thaw

import "time"

// Freeze leaves the guard as it is after no beat for so long.
func Freeze(g *Guard, long time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = g.last.Add(-long)
}
