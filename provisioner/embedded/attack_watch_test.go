package embedded_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// testWatching: a student's shell learns no more of what other students run than
// SECURITY.md says. Every cluster has the same files of the pack, and those who may read
// a file may watch it: when a program is started is seen, and nothing that it is given.
func (a *arena) testWatching(t *testing.T) {
	const program = "tac" // which nothing in the attacker's cluster runs
	if err := a.attacker.upload(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var victim sync.WaitGroup
	victim.Go(func() { // again and again, until the attacker has watched
		_, err := a.victim.run(ctx, time.Minute, "echo x >only-the-victim-has-this; while true; do "+program+" only-the-victim-has-this >/dev/null; sleep 0.2; done")
		if ctx.Err() == nil {
			t.Errorf("the victim's shell has ended: %v", err)
		}
	})
	out, err := a.attacker.run(t.Context(), time.Minute, "~/attack watch 3 /bin /usr/bin /usr/local/bin ~ /tmp")
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
	const secret = "only-the-victim-has-this"
	for _, r := range results {
		if strings.Contains(r.Where, secret) {
			t.Errorf("a student's shell sees that another student opens %s", r.Where)
		}
	}
}
