package compare_test

import (
	"syscall"
	"testing"
	"time"

	"wheelhouse/grader/gradertest"
)

// BenchmarkKyvernoJSON measures all five checks of gradertest.Lab once, on objects
// in memory. BenchmarkTypical of package grader measures the grader on the same.
func BenchmarkKyvernoJSON(b *testing.B) {
	judge, objects := kyvernoJudge(b), decode(b, gradertest.Objects())
	measure(b, func() { wantAllTrue(b, judge(objects)) })
}

// BenchmarkScripts measures the same checks by kubectl and jq on a real cluster:
// a script for each check, or one for all of them, which is the least that can be
// asked for.
func BenchmarkScripts(b *testing.B) {
	c := newCluster(b)
	b.Run("one-each", func(b *testing.B) { measure(b, func() { wantAllTrue(b, c.judgeEach(b)) }) })
	b.Run("one-for-all", func(b *testing.B) { measure(b, func() { wantAllTrue(b, c.judgeAll(b)) }) })
}

// BenchmarkNoticed measures on a real cluster how long after a change it is
// noticed, by the grader and by scripts that run once a second, and which share of
// a processor each takes meanwhile.
func BenchmarkNoticed(b *testing.B) {
	c := newCluster(b)
	for _, way := range []struct {
		name  string
		watch func(b *testing.B) (greeting <-chan bool)
	}{
		{"grader", c.watch},
		{"scripts-one-each", func(b *testing.B) <-chan bool { return c.poll(b, c.judgeEach) }},
		{"scripts-one-for-all", func(b *testing.B) <-chan bool { return c.poll(b, c.judgeAll) }},
	} {
		b.Run(way.name, func(b *testing.B) { noticed(b, c, way.watch(b)) })
	}
}

func noticed(b *testing.B, c *cluster, greeting <-chan bool) {
	const changes = 20
	await(b, greeting, true)
	var waited time.Duration
	n, began, before := 0, time.Now(), processorTime(b)
	for b.Loop() {
		for range changes {
			// The golden ratio spreads the changes over the seconds.
			<-time.After(time.Second + time.Duration(n)*618*time.Millisecond%time.Second)
			n++
			hello := n%2 == 0
			start := time.Now()
			c.greet(b, hello)
			await(b, greeting, hello)
			waited += time.Since(start)
		}
	}
	b.ReportMetric(float64(waited.Microseconds())/1000/float64(n), "ms/change")
	b.ReportMetric(100*(processorTime(b)-before).Seconds()/time.Since(began).Seconds(), "%core")
	b.ReportMetric(0, "ns/op")
	if n%2 != 0 {
		c.greet(b, true)
	}
}

// await waits until the check of the greeting is found to be hello.
func await(b *testing.B, greeting <-chan bool, hello bool) {
	b.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case got := <-greeting:
			if got == hello {
				return
			}
		case <-deadline:
			b.Fatalf("no engine noticed within a minute that the greeting is hello: %v", hello)
		}
	}
}

// measure reports beside the time the processor's, of this process and of all that
// it has started.
func measure(b *testing.B, evaluate func()) {
	b.Helper()
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		evaluate()
	}
	b.ReportMetric((processorTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var all time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			b.Fatal(err)
		}
		all += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return all
}

func wantAllTrue(b *testing.B, found verdicts) {
	b.Helper()
	if len(found) != len(scripts) {
		b.Fatalf("got %v", found)
	}
	for name, holds := range found {
		if !holds {
			b.Fatalf("the check %s is not true", name)
		}
	}
}
