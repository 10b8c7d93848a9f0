package terminal_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

// BenchmarkThroughput measures how fast a client gets the output of a program
// that writes as fast as it can. What the kernel's pseudo-terminal allows depends
// on the lines: it handles each character of those that it processes.
func BenchmarkThroughput(b *testing.B) {
	for name, command := range map[string]string{
		"raw":         "stty -opost; exec cat /dev/zero",
		"log-lines":   "exec yes " + strings.Repeat("0123456789", 10),
		"short-lines": "exec yes",
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b, startAgent(b, script(command)), terminal.AttachRequest{})
			const each = 64 << 20
			amount := int64(each)
			if name == "short-lines" {
				amount /= 8
			}
			b.SetBytes(amount)
			for b.Loop() {
				for begin := s.next; s.next < begin+amount; s.output.Reset() {
					s.must(s.step())
				}
			}
		})
	}
}

// BenchmarkEcho measures the time from a keystroke to its echo by a program.
func BenchmarkEcho(b *testing.B) {
	dial := startAgent(b, agent.Options{})
	s := openCat(b, dial, "echo")
	for b.Loop() {
		times := s.keystrokes(1000)
		report(b, "", times)
	}
}

// BenchmarkGreedyNeighbour measures by how much a terminal that writes without
// end slows the echo of another one on the same workstation. Times with and
// without it alternate, because whatever else the machine does changes both.
func BenchmarkGreedyNeighbour(b *testing.B) {
	dial := startAgent(b, agent.Options{})
	s := openCat(b, dial, "victim")
	greedy := open(b, dial, terminal.AttachRequest{Terminal: "greedy"})
	greedy.typeIn("stty -echo; PS1='<ready>'\n")
	greedy.untilOutput("\x1b[?2004h<ready>")
	for b.Loop() {
		var alone, beside []time.Duration
		for range 10 {
			alone = append(alone, s.keystrokes(500)...)
			greedy.typeIn("yes " + strings.Repeat("0123456789", 10) + "\n")
			begin := greedy.next
			greedy.until("output", func() bool { return greedy.next > begin+1<<20 })
			draining := drainUntilReady(greedy)
			beside = append(beside, s.keystrokes(500)...)
			greedy.typeIn("\x03")
			draining.Wait()
		}
		report(b, "alone-", alone)
		report(b, "beside-", beside)
		// report has sorted them.
		b.ReportMetric(float64(percentile(beside, 99))/float64(percentile(alone, 99)), "p99-ratio")
	}
}

// drainUntilReady reads what a screen gets until its prompt is back.
func drainUntilReady(s *screen) *sync.WaitGroup {
	var draining sync.WaitGroup
	draining.Go(func() {
		for !bytes.Contains(s.output.Bytes(), []byte("<ready>")) {
			s.output.Next(max(0, s.output.Len()-len("<ready>")+1))
			if s.step() != nil {
				return
			}
		}
	})
	return &draining
}

// openCat opens a terminal that echoes each byte at once.
func openCat(b *testing.B, dial terminal.Dialer, name string) *screen {
	s := open(b, dial, terminal.AttachRequest{Terminal: name})
	s.typeIn("stty raw -echo; echo go''ing; exec cat\n")
	s.untilOutput("going\n")
	return s
}

// keystrokes types one byte after the other and returns how long each took.
func (s *screen) keystrokes(n int) []time.Duration {
	times := make([]time.Duration, 0, n)
	for range n {
		begun, was := time.Now(), s.next
		s.typeIn("x")
		for s.next == was {
			s.must(s.step())
		}
		times = append(times, time.Since(begun))
		s.output.Reset()
	}
	return times
}

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[len(sorted)*p/100] }

func report(b *testing.B, prefix string, times []time.Duration) {
	slices.Sort(times)
	for name, p := range map[string]int{"p50-µs": 50, "p95-µs": 95, "p99-µs": 99} {
		b.ReportMetric(float64(percentile(times, p).Microseconds()), prefix+name)
	}
}
