package embedded_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

// testWatching: a student's shell does not learn which programs other students run.
// Every cluster has the same files of the pack, and whoever may read a file may watch
// it.
func (a *arena) testWatching(t *testing.T) {
	const program = "tac" // which nothing in the attacker's cluster runs
	if err := a.attacker.upload(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var victim sync.WaitGroup
	victim.Go(func() { // again and again, until the attacker has watched
		_, err := a.victim.run(ctx, time.Minute, "while true; do "+program+" /etc/hosts >/dev/null; sleep 0.2; done")
		if ctx.Err() == nil {
			t.Errorf("the victim's shell has ended: %v", err)
		}
	})
	out, err := a.attacker.run(t.Context(), time.Minute, "~/attack watch 3 /bin /usr/bin /usr/local/bin")
	cancel()
	victim.Wait()
	if err != nil {
		t.Fatal(err)
	}
	results, err := decode(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(results, "watch"); n < 3 {
		t.Errorf("only %d folders were watched", n)
	}
	for _, r := range results {
		if len(r.Done) > 0 && r.Where == program {
			t.Errorf("a student's shell sees that another student runs %s", program)
		}
	}
}
