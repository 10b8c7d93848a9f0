package labs_test

import (
	"testing"
	"time"

	"wheelhouse/labs"
)

// TestIdleTime: what counts is the time in which the server ran.
func TestIdleTime(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	const beat = labs.Beat
	type look struct {
		after time.Duration // since the look before
		did   bool          // the student did something at that moment
		want  time.Duration
	}
	for _, test := range []struct {
		name  string
		looks []look
	}{
		{"beats", []look{{0, true, 0}, {beat, false, beat}, {beat, false, 2 * beat}, {beat, true, 0}, {beat, false, beat}}},
		{"a machine that slept over lunch", []look{{0, true, 0}, {beat, false, beat}, {3 * time.Hour, false, 3 * beat}, {beat, false, 4 * beat}}},
		{"a server that was away", []look{{0, false, 0}, {beat, false, beat}}},
		{"a clock that was set back", []look{{0, true, 0}, {beat, false, beat}, {-time.Hour, false, 0}, {beat, false, 0}}},
		{"a late beat", []look{{0, true, 0}, {beat * 3 / 2, false, beat * 3 / 2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var idle labs.IdleTime
			now, activity := start, start
			if test.name == "a server that was away" {
				activity = start.Add(-24 * time.Hour)
			}
			for i, look := range test.looks {
				now = now.Add(look.after)
				if look.did {
					activity = now
				}
				if got := idle.At(now, activity); got != look.want {
					t.Errorf("look %d: got %v, want %v", i, got, look.want)
				}
			}
		})
	}
}
