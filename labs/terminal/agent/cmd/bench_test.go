package main_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

// BenchmarkWorkstation measures terminals of a real workstation, with its limit
// of one processor: how fast a client gets output, and how long an echo takes,
// alone and beside a terminal of the same workstation that writes without end.
func BenchmarkWorkstation(b *testing.B) {
	w := startWorkstation(b)
	s := attach(b, w.dial, terminal.AttachRequest{Terminal: "victim"})
	s.say("stty raw -echo; echo go''ing; exec cat", "going\n")
	greedy := attach(b, w.dial, terminal.AttachRequest{Terminal: "greedy"})
	for b.Loop() {
		alone := s.keystrokes(2000)

		var stop atomic.Bool
		var draining sync.WaitGroup
		greedy.typeIn("timeout 30 yes " + strings.Repeat("0123456789", 10) + "\n")
		begun, begin := time.Now(), greedy.next
		draining.Go(func() {
			for !stop.Load() {
				greedy.step()
				greedy.seen.Reset()
			}
		})
		beside := s.keystrokes(2000)
		for time.Since(begun) < 2*time.Second {
			beside = append(beside, s.keystrokes(100)...)
		}
		stop.Store(true)
		draining.Wait()
		b.ReportMetric(float64(greedy.next-begin)/1e6/time.Since(begun).Seconds(), "MB/s")
		greedy.typeIn("\x03")

		slices.Sort(alone)
		slices.Sort(beside)
		for name, p := range map[string]int{"p50-µs": 50, "p95-µs": 95, "p99-µs": 99} {
			b.ReportMetric(float64(percentile(alone, p).Microseconds()), "alone-"+name)
			b.ReportMetric(float64(percentile(beside, p).Microseconds()), "beside-"+name)
		}
		b.ReportMetric(float64(percentile(beside, 99))/float64(percentile(alone, 99)), "p99-ratio")
	}
}

// keystrokes types one byte after the other and returns how long each took.
func (s *shell) keystrokes(n int) []time.Duration {
	times := make([]time.Duration, 0, n)
	for range n {
		begun, was := time.Now(), s.next
		s.typeIn("x")
		for s.next == was {
			s.step()
		}
		times = append(times, time.Since(begun))
		s.seen.Reset()
	}
	return times
}

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[len(sorted)*p/100] }
