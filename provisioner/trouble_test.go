package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

var errNoEngine = &provisioner.Error{
	Reason:  provisioner.NoEngine,
	Message: "No container engine answers. Start Docker and try again.",
	Err:     errors.New("dial unix /var/run/docker.sock: no such file"),
}

// Who waits sees why, is served as soon as it works again, and is not held up
// by failures that were over before.
func TestCreationFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		fake.Fail("Create", errNoEngine, errNoEngine)
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		waiting := claim(t.Context(), pool, small)
		time.Sleep(10*time.Second + time.Millisecond)
		s := pool.Status()
		if !errors.Is(s.Err, errNoEngine) || time.Until(s.RetryAt) != time.Second-time.Millisecond {
			t.Errorf("status: got %v, again in %s, want no engine and a second", s.Err, time.Until(s.RetryAt))
		}
		o := <-waiting
		// Three creations, after pauses of one second and of two.
		if o.name(t); o.took != 33*time.Second {
			t.Errorf("took %s, want 33s", o.took)
		}
		if !slices.ContainsFunc(o.messages(), func(m string) bool {
			return strings.HasPrefix(m, errNoEngine.Message) && strings.Contains(m, "trying again")
		}) {
			t.Errorf("messages: got %q, want the reason among them", o.messages())
		}
		if s := pool.Status(); s.Err != nil || !s.RetryAt.IsZero() {
			t.Errorf("once it works: got %v, %s", s.Err, s.RetryAt)
		}
		if got := len(names(t, fake)); got != 1 {
			t.Errorf("%d clusters, want 1", got)
		}
	})
}

func TestCreationFailsForGood(t *testing.T) {
	for _, test := range []struct {
		name  string
		cause error
		want  provisioner.Reason
	}{
		{"with a reason", errNoEngine, provisioner.NoEngine},
		{"without one", errors.New("exit status 1: secret internals"), provisioner.CreateFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
				fake.Fail("Create", slices.Repeat([]error{test.cause}, 20)...)
				pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
				run(t, pool)
				// Two at a time fail together: that is one failure, not two.
				claims := []<-chan outcome{claim(t.Context(), pool, small), claim(t.Context(), pool, small)}
				for _, c := range claims {
					o := <-c
					if got := provisioner.ReasonOf(o.err); got != test.want || !errors.Is(o.err, test.cause) {
						t.Errorf("got %v, want %s", o.err, test.want)
					}
					if o.took != 33*time.Second {
						t.Errorf("took %s, want 33s: three rounds", o.took)
					}
					if strings.Contains(strings.Join(o.messages(), ""), "secret") {
						t.Errorf("messages show internals: %q", o.messages())
					}
				}
				if o := <-claim(t.Context(), pool, large); provisioner.ReasonOf(o.err) != test.want {
					t.Errorf("another spec: got %v", o.err)
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if got := len(fake.Created()); got != 7 {
					t.Errorf("%d creations, want 7: none while nobody waits", got)
				}
			})
		})
	}
}

// The pool goes on trying to fill up, less and less often.
func TestFillingBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		fake.Fail("Create", slices.Repeat([]error{errNoEngine}, 1000)...)
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 2})
		run(t, pool)
		time.Sleep(time.Hour)
		synctest.Wait()
		// 1+2+4+8+16+32 seconds, then one a minute.
		if got := len(fake.Created()); got < 60 || got > 70 {
			t.Errorf("%d creations in an hour, want about 66", got)
		}
	})
}

func TestCreationRunsOverItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		release := fake.Block("Create")
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, CreateTimeout: time.Minute})
		run(t, pool)
		o := <-claim(t.Context(), pool, small)
		if provisioner.ReasonOf(o.err) != provisioner.TimedOut || !strings.Contains(o.err.Error(), "1m0s") {
			t.Errorf("got %v, want TimedOut", o.err)
		}
		if o.took != time.Minute {
			t.Errorf("took %s, want a minute: nobody should wait for it thrice", o.took)
		}
		if got := names(t, fake); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
		release()
		time.Sleep(time.Minute)
		(<-claim(t.Context(), pool, small)).name(t)
	})
}

// A cluster that was deleted behind the pool's back is not handed over, once the
// pool can know.
func TestWarmClusterVanishes(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(fake *provisionertest.Fake, name string)
	}{
		{"gone", (*provisionertest.Fake).Vanish},
		{"broken", func(fake *provisionertest.Fake, name string) { fake.Break(name, "a node died") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, provisionertest.FakeOptions{})
				pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
				run(t, pool)
				synctest.Wait()
				name := fake.Created()[0]
				test.spoil(fake, name)
				time.Sleep(6 * time.Second)
				synctest.Wait()
				wantStatus(t, pool, provisioner.Status{Warm: 1})
				if got := (<-claim(t.Context(), pool, small)).name(t); got == name {
					t.Errorf("got %s, which is %s", name, test.name)
				}
				if slices.Contains(names(t, fake), name) {
					t.Errorf("%s is still there", name)
				}
			})
		})
	}
}

// A claimed cluster is never deleted before its release, whatever it looks like.
func TestClaimedClusterVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		gone := (<-claim(t.Context(), pool, small)).name(t)
		broken := (<-claim(t.Context(), pool, small)).name(t)
		fake.Vanish(gone)
		fake.Break(broken, "a node died")
		pool.Lost(gone) // look now
		synctest.Wait()
		if _, err := pool.Cluster(gone); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("gone: got %v, want ErrNotFound", err)
		}
		if c, err := pool.Cluster(broken); err != nil || c.State != provisioner.Broken || c.Message != "a node died" {
			t.Errorf("broken: got %+v, %v", c, err)
		}
		time.Sleep(time.Hour)
		if got := names(t, fake); !slices.Equal(got, []string{broken}) {
			t.Errorf("there is %v, want %s", got, broken)
		}
		pool.Release(gone)
		pool.Release(broken)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{})
	})
}

// A claimed cluster whose processes have ended goes on, at the second try here,
// and is not deleted under its start.
func TestClaimedClusterIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		name := (<-claim(t.Context(), pool, small)).name(t)
		fake.Fail("Start", errors.New("no memory"))
		fake.Halt(name)
		pool.Lost(name) // look now
		synctest.Wait()
		if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Halted {
			t.Errorf("after a start that failed: got %+v, %v, want Halted", c, err)
		}
		time.Sleep(time.Minute)
		if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Ready {
			t.Errorf("a minute later: got %+v, %v, want Ready", c, err)
		}

		release := fake.Block("Start")
		fake.Halt(name)
		pool.Lost(name)
		synctest.Wait()
		pool.Release(name)
		time.Sleep(time.Minute)
		if got := names(t, fake); !slices.Equal(got, []string{name}) {
			t.Errorf("while it starts there is %v, want %s", got, name)
		}
		release()
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{})
	})
}

// A claimed cluster that somebody deletes while it is to be started again is gone, and
// nobody tries to start it any more.
func TestClaimedClusterIsDeletedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		name := (<-claim(t.Context(), pool, small)).name(t)
		release := fake.Block("Start")
		fake.Halt(name)
		pool.Lost(name) // look now
		synctest.Wait()
		fake.Vanish(name)
		release()
		synctest.Wait()
		if c, err := pool.Cluster(name); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("got %+v, %v, want ErrNotFound", c, err)
		}
	})
}

// While the engine does not answer, nobody gets a cluster that may be gone; who
// waits is told, and not for ever.
func TestEngineDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		run(t, pool)
		synctest.Wait()
		fake.Fail("List", slices.Repeat([]error{errNoEngine}, 6)...)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := pool.Status(); !errors.Is(s.Err, errNoEngine) || s.RetryAt.IsZero() {
			t.Errorf("status: got %v, %s", s.Err, s.RetryAt)
		}
		o := <-claim(t.Context(), pool, small)
		if !errors.Is(o.err, errNoEngine) || o.took > 15*time.Second {
			t.Errorf("got %v after %s, want no engine within 15s", o.err, o.took)
		}
		if got := o.messages(); len(got) == 0 || got[0] != errNoEngine.Message {
			t.Errorf("messages: got %q", got)
		}
		o = <-claim(t.Context(), pool, small)
		if o.name(t) != fake.Created()[0] {
			t.Errorf("once it answers: got %s, want the warm one", o.name(t))
		}
	})
}

// An engine that hangs is as bad as one that is not there.
func TestEngineHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		run(t, pool)
		synctest.Wait()
		release := fake.Block("List")
		time.Sleep(time.Minute)
		o := <-claim(t.Context(), pool, small)
		if provisioner.ReasonOf(o.err) != provisioner.NotObserved || o.took > 2*time.Minute {
			t.Errorf("got %v after %s, want NotObserved within two minutes", o.err, o.took)
		}
		release()
		(<-claim(t.Context(), pool, small)).name(t)
	})
}

// deaf lists for as long as it takes, whatever its context says.
type deaf struct{ *provisionertest.Fake }

func (d deaf) List(context.Context) ([]provisioner.Cluster, error) {
	return d.Fake.List(context.Background())
}

// A view that has become old is not trusted, even while nothing has failed yet.
func TestOldView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: deaf{fake}, Size: 1})
		run(t, pool)
		synctest.Wait()
		release := fake.Block("List")
		time.Sleep(time.Minute)
		waiting := claim(t.Context(), pool, small)
		synctest.Wait()
		if s := pool.Status(); s.Waiting != 1 || provisioner.ReasonOf(s.Err) != provisioner.NotObserved {
			t.Errorf("got %+v, want a claim that waits for a look", s)
		}
		release()
		if o := <-waiting; o.name(t) != fake.Created()[0] || !strings.Contains(o.messages()[0], "does not answer") {
			t.Errorf("got %s, messages %q", o.name(t), o.messages())
		}
	})
}

// After a crash another pool finds on the same disk what it may hand over.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clusters, fresh := t.TempDir(), t.TempDir()
		options := provisioner.PoolOptions{Size: 2, FreshDir: fresh}

		fake := newFake(t, provisionertest.FakeOptions{Dir: clusters})
		create := func(name string) {
			if _, err := fake.Create(t.Context(), name, small, nil); err != nil {
				t.Fatal(err)
			}
		}
		create("mine") // by hand: not the pool's
		options.Provider = fake
		pool := provisioner.NewPool(options)
		stop := run(t, pool)
		kept := (<-claim(t.Context(), pool, small)).name(t)
		forgotten := (<-claim(t.Context(), pool, small)).name(t) // no session knows it after the crash
		released := (<-claim(t.Context(), pool, small)).name(t)
		synctest.Wait()
		fake.Block("Delete")
		pool.Release(released) // the crash comes before its deletion
		synctest.Wait()
		stop()
		warm := slices.DeleteFunc(names(t, fake), func(name string) bool {
			return name == "mine" || name == kept || name == forgotten || name == released
		})
		if len(warm) != 2 {
			t.Fatalf("warm before the crash: %v, want two", warm)
		}

		fake = newFake(t, provisionertest.FakeOptions{Dir: clusters})
		options.Provider = fake
		pool = provisioner.NewPool(options)
		pool.Adopt(map[string]string{kept: "ann", "wh-vanished": "ben"})
		if _, err := pool.Cluster(kept); provisioner.ReasonOf(err) != provisioner.NotObserved {
			t.Errorf("before the first look: got %v, want NotObserved", err)
		}
		run(t, pool)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Warm: 2, Claimed: 2})
		want := slices.Sorted(slices.Values(append([]string{"mine", kept}, warm...)))
		if got := names(t, fake); !slices.Equal(got, want) {
			t.Errorf("after the restart: got %v, want %v", got, want)
		}
		if c, err := pool.Cluster(kept); err != nil || c.State != provisioner.Ready {
			t.Errorf("adopted: got %v, %v", c, err)
		}
		if _, err := pool.Cluster("wh-vanished"); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("adopted, but gone: got %v", err)
		}
		if got := (<-claim(t.Context(), pool, small)).name(t); !slices.Contains(warm, got) {
			t.Errorf("claimed %s, want one of the warm %v", got, warm)
		}
		pool.Release(kept)
		pool.Release("wh-vanished")
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Warm: 2, Claimed: 1})
	})
}

// Without a record of what is fresh nothing is kept, since all may be used.
func TestRestartWithoutRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clusters := t.TempDir()
		fake := newFake(t, provisionertest.FakeOptions{Dir: clusters})
		stop := run(t, provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 2}))
		synctest.Wait()
		stop()
		before := names(t, fake)
		fake = newFake(t, provisionertest.FakeOptions{Dir: clusters})
		run(t, provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 2}))
		synctest.Wait()
		after := names(t, fake)
		if len(before) != 2 || len(after) != 2 || slices.ContainsFunc(after, func(name string) bool {
			return slices.Contains(before, name)
		}) {
			t.Errorf("before %v, after %v: want two others", before, after)
		}
	})
}

// The marks of clusters that are gone do not pile up.
func TestMarksAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "fresh")
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1, FreshDir: dir})
		run(t, pool)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 5 {
			name := (<-claim(ctx, pool, small)).name(t)
			pool.Release(name)
			synctest.Wait()
		}
		fake.Vanish(fake.Created()[5])
		time.Sleep(6 * time.Second)
		synctest.Wait()
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || !slices.Contains(names(t, fake), entries[0].Name()) {
			t.Errorf("got %v, %v, want the mark of the one warm cluster", entries, err)
		}
	})
}
