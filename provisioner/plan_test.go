package provisioner_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
)

var (
	noon  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	small = provisioner.Spec{}
	large = provisioner.Spec{Workers: 2}
)

// a returns a Ready member of the small Spec that has been in this use for a
// minute; changes make it another.
func a(name string, use provisioner.Use, changes ...func(*provisioner.Member)) provisioner.Member {
	m := provisioner.Member{
		Name: name, Use: use, State: provisioner.Ready, Since: noon.Add(-time.Minute),
	}
	if use == provisioner.Making {
		m.State = provisioner.Creating
	}
	for _, change := range changes {
		change(&m)
	}
	return m
}

func isLarge(m *provisioner.Member)  { m.Spec = large }
func isFresh(m *provisioner.Member)  { m.Fresh = true }
func isGone(m *provisioner.Member)   { m.Gone = true }
func isBusy(m *provisioner.Member)   { m.Busy = true }
func isBroken(m *provisioner.Member) { m.State = provisioner.Broken }
func isHalted(m *provisioner.Member) { m.State = provisioner.Halted }
func isFrozen(m *provisioner.Member) { m.Frozen = true }
func isHalf(m *provisioner.Member)   { m.State = provisioner.Creating }

func since(ago time.Duration) func(*provisioner.Member) {
	return func(m *provisioner.Member) { m.Since = noon.Add(-ago) }
}

func retryIn(d time.Duration) func(*provisioner.Member) {
	return func(m *provisioner.Member) { m.RetryAt = noon.Add(d) }
}

func TestPlan(t *testing.T) {
	type members = []provisioner.Member
	type specs = []provisioner.Spec
	const (
		found, making, warm     = provisioner.Found, provisioner.Making, provisioner.Warm
		claimed, doomed         = provisioner.Claimed, provisioner.Doomed
		minute, spare, deletion = time.Minute, provisioner.SpareTime, provisioner.DeletionsAtOnce
	)
	trouble := func(in time.Duration) map[provisioner.Spec]time.Time {
		return map[provisioner.Spec]time.Time{small: noon.Add(in)}
	}
	tests := []struct {
		name      string
		situation provisioner.Situation
		want      string
	}{
		{"nothing to do", provisioner.Situation{}, ""},

		// Filling the pool.
		{"an empty pool is filled, two at once", provisioner.Situation{Size: 3},
			"create 0 0"},
		{"what is coming counts", provisioner.Situation{Size: 3, Members: members{a("a", warm), a("b", making)}},
			"create 0"},
		{"a full pool rests", provisioner.Situation{Size: 2, Members: members{a("a", warm), a("b", warm)}},
			""},
		{"claimed clusters do not fill it", provisioner.Situation{Size: 1, Members: members{a("a", claimed), a("b", doomed, isBusy)}},
			"create 0"},
		{"another spec does not fill it", provisioner.Situation{Size: 1, Members: members{a("a", making, isLarge)}},
			"create 0"},
		{"it is filled with its own spec", provisioner.Situation{Size: 1, Spec: large},
			"create 2"},
		{"the limit holds", provisioner.Situation{Size: 3, Max: 2, Members: members{a("a", claimed)}},
			"create 0"},
		{"deletions count against the limit", provisioner.Situation{Size: 1, Max: 1, Members: members{a("a", doomed, isBusy)}},
			""},
		{"a claimed one that is gone does not", provisioner.Situation{Size: 1, Max: 1, Members: members{a("a", claimed, isGone)}},
			"create 0"},
		{"more at once when asked", provisioner.Situation{Size: 5, Concurrency: 4},
			"create 0 0 0 0"},

		// Handing over.
		{"a warm one is handed over", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", warm)}},
			"hand a to 1"},
		{"and replaced", provisioner.Situation{Size: 1, Waiting: specs{small}, Members: members{a("a", warm)}},
			"hand a to 1; create 0"},
		{"the oldest one first", provisioner.Situation{Waiting: specs{small}, Size: 1,
			Members: members{a("a", warm), a("b", warm, since(2*minute))}},
			"hand b to 1"},
		{"by name where they are of an age", provisioner.Situation{Waiting: specs{small}, Size: 1,
			Members: members{a("b", warm), a("a", warm)}},
			"hand a to 1"},
		{"never one to two", provisioner.Situation{Waiting: specs{small, small}, Members: members{a("a", warm)}},
			"hand a to 1; create 0"},
		{"the first in line first", provisioner.Situation{Waiting: specs{small, small, small},
			Members: members{a("a", warm, since(3*minute)), a("b", warm, since(2*minute))}},
			"hand a to 1; hand b to 2; create 0"},
		{"only of the spec that was asked for", provisioner.Situation{Waiting: specs{large}, Size: 1, Members: members{a("a", warm)}},
			"create 2"},
		{"who wants another does not hold up the line", provisioner.Situation{Waiting: specs{large, small}, Members: members{a("a", warm)}},
			"hand a to 2; create 2"},
		{"not a claimed one", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", claimed)}},
			"create 0"},
		{"not a claimed one that is fresh on record", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", claimed, isFresh)}},
			"create 0"},
		{"not a doomed one", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", doomed)}},
			"create 0; remove a"},
		{"not one in the making", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", making)}},
			""},
		{"not a broken one", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", warm, isBroken)}},
			"create 0; doom a; remove a"},

		// The line.
		{"each claim gets a creation", provisioner.Situation{Waiting: specs{small, large}},
			"create 0 2"},
		{"two at once", provisioner.Situation{Waiting: specs{small, small, small}},
			"create 0 0"},
		{"what is coming is theirs", provisioner.Situation{Waiting: specs{small, small}, Members: members{a("a", making)}},
			"create 0"},
		{"nothing is made ahead meanwhile", provisioner.Situation{Size: 2, Waiting: specs{small}, Members: members{a("a", making)}},
			""},
		{"in the order of the line", provisioner.Situation{Concurrency: 1, Waiting: specs{large, small}},
			"create 2"},

		// Trouble.
		{"no creation before its time", provisioner.Situation{Waiting: specs{small}, Trouble: trouble(minute)},
			"wake in 1m0s"},
		{"the pool waits as well", provisioner.Situation{Size: 2, Trouble: trouble(minute)},
			"wake in 1m0s"},
		{"then one at a time", provisioner.Situation{Waiting: specs{small, small}, Trouble: trouble(0)},
			"create 0"},
		{"and no second one", provisioner.Situation{Waiting: specs{small, small}, Trouble: trouble(0), Members: members{a("a", making)}},
			""},
		{"another spec is not held up", provisioner.Situation{Waiting: specs{small, large}, Trouble: trouble(minute)},
			"create 2; wake in 1m0s"},
		{"warm ones are handed over still", provisioner.Situation{Waiting: specs{small}, Trouble: trouble(minute), Members: members{a("a", warm)}},
			"hand a to 1"},

		// The limit, with claims in line.
		{"a claim waits for room", provisioner.Situation{Max: 1, Waiting: specs{small}, Members: members{a("a", claimed)}},
			""},
		{"an unwanted warm one makes room", provisioner.Situation{Max: 1, Size: 1, Waiting: specs{large}, Members: members{a("a", warm)}},
			"doom a; remove a"},
		{"the oldest of them", provisioner.Situation{Max: 2, Size: 2, Waiting: specs{large},
			Members: members{a("a", warm), a("b", warm, since(2*minute))}},
			"doom b; remove b"},
		{"no more than needed", provisioner.Situation{Max: 2, Size: 1, Waiting: specs{large},
			Members: members{a("a", doomed, isBusy), a("b", warm)}},
			""},
		{"a wanted one does not", provisioner.Situation{Max: 1, Size: 1, Waiting: specs{small, large}, Members: members{a("a", warm)}},
			"hand a to 1"},
		{"an unwanted creation is cancelled", provisioner.Situation{Max: 1, Size: 1, Waiting: specs{large}, Members: members{a("a", making)}},
			"doom a"},
		{"a wanted creation is not", provisioner.Situation{Max: 1, Size: 1, Waiting: specs{small, large}, Members: members{a("a", making)}},
			""},
		{"one that is wanted further back is not either", provisioner.Situation{Max: 1, Size: 1, Waiting: specs{large, small}, Members: members{a("a", making)}},
			""},
		{"nobody overtakes who is stuck", provisioner.Situation{Max: 2, Waiting: specs{large, large, small},
			Members: members{a("a", claimed)}},
			"create 2"},
		{"a claimed cluster never makes room", provisioner.Situation{Max: 1, Waiting: specs{large, large, large},
			Members: members{a("a", claimed, isBroken)}},
			""},

		// What an earlier process left.
		{"a fresh one is kept", provisioner.Situation{Size: 1, Members: members{a("a", found, isFresh)}},
			"keep a"},
		{"and handed over", provisioner.Situation{Waiting: specs{small}, Members: members{a("a", found, isFresh)}},
			"keep a; hand a to 1"},
		{"one that may be used is not", provisioner.Situation{Size: 1, Waiting: specs{small}, Members: members{a("a", found)}},
			"create 0; doom a; remove a"},
		{"nor a half made one", provisioner.Situation{Members: members{a("a", found, isHalf, isFresh)}},
			"doom a; remove a"},
		{"nor a broken one", provisioner.Situation{Members: members{a("a", found, isBroken, isFresh)}},
			"doom a; remove a"},
		{"claimed ones stay, whatever they are like", provisioner.Situation{Members: members{a("a", claimed, isBroken), a("b", claimed, isGone)}},
			""},

		// Clusters to spare.
		{"a spare one is kept for a while", provisioner.Situation{Members: members{a("a", warm)}},
			"wake in " + (spare - minute).String()},
		{"then it goes", provisioner.Situation{Members: members{a("a", warm, since(spare))}},
			"doom a; remove a"},
		{"the pool's own stay for ever", provisioner.Situation{Size: 1, Members: members{a("a", warm, since(100*spare))}},
			""},
		{"not those of another spec", provisioner.Situation{Size: 1, Members: members{a("a", warm), a("b", warm, isLarge, since(spare))}},
			"doom b; remove b"},

		// Deletions.
		{"one at work is left alone", provisioner.Situation{Members: members{a("a", doomed, isBusy)}},
			""},
		{"one that failed waits", provisioner.Situation{Members: members{a("a", doomed, retryIn(minute))}},
			"wake in 1m0s"},
		{"and is tried again", provisioner.Situation{Members: members{a("a", doomed, retryIn(0))}},
			"remove a"},
		{"a few at once", provisioner.Situation{Members: members{
			a("a", doomed, isBusy), a("b", doomed), a("c", doomed), a("d", doomed), a("e", doomed), a("f", doomed)}},
			"remove b c d"},
		{"the next event comes first", provisioner.Situation{Members: members{a("a", doomed, retryIn(2*minute)), a("b", doomed, retryIn(minute))}},
			"wake in 1m0s"},

		// Processes that have ended.
		{"a claimed one goes on", provisioner.Situation{Members: members{a("a", claimed, isHalted), a("b", claimed)}},
			"start a"},
		{"once", provisioner.Situation{Members: members{a("a", claimed, isHalted, isBusy)}},
			""},
		{"after a failure a little later", provisioner.Situation{Members: members{a("a", claimed, isHalted, retryIn(minute))}},
			"wake in 1m0s"},
		{"not one that is gone", provisioner.Situation{Members: members{a("a", claimed, isHalted, isGone)}},
			""},
		{"for a warm one there is another", provisioner.Situation{Size: 1, Members: members{a("a", warm, isHalted)}},
			"create 0; doom a; remove a"},

		// Rest.
		{"a warm one rests after half a minute", provisioner.Situation{Freezes: true, Size: 2, Members: members{a("a", warm, since(minute)), a("b", warm, since(0))}},
			"freeze a; wake in 30s"},
		{"once", provisioner.Situation{Freezes: true, Size: 1, Members: members{a("a", warm, since(minute), isFrozen)}},
			""},
		{"after a failure later", provisioner.Situation{Freezes: true, Size: 1, Members: members{a("a", warm, since(minute), retryIn(minute))}},
			"wake in 1m0s"},
		{"not one that is handed over", provisioner.Situation{Freezes: true, Members: members{a("a", warm, since(minute))}, Waiting: []provisioner.Spec{small}},
			"hand a to 1"},
		{"an earlier process's at once", provisioner.Situation{Freezes: true, Size: 1, Members: members{a("a", found, isFresh)}},
			"keep a; freeze a"},
		{"unless it is handed over", provisioner.Situation{Freezes: true, Members: members{a("a", found, isFresh)}, Waiting: []provisioner.Spec{small}},
			"keep a; hand a to 1"},
		{"none where that cannot be", provisioner.Situation{Size: 1, Members: members{a("a", warm, since(minute))}},
			""},
	}
	if deletion != 4 {
		t.Fatalf("the table counts on 4 deletions at once, got %d", deletion)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := test.situation
			s.Now = noon
			if s.Concurrency == 0 {
				s.Concurrency = 2
			}
			if got := words(provisioner.Plan(s)); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// words tells a decision in the words of the table.
func words(d provisioner.Decision) string {
	var out []string
	list := func(verb string, names []string) {
		if len(names) > 0 {
			out = append(out, verb+" "+strings.Join(names, " "))
		}
	}
	list("keep", d.Keep)
	for _, i := range slices.Sorted(maps.Keys(d.HandOver)) {
		out = append(out, fmt.Sprintf("hand %s to %d", d.HandOver[i], i+1))
	}
	var workers []string
	for _, spec := range d.Create {
		workers = append(workers, fmt.Sprint(spec.Workers))
	}
	list("create", workers)
	list("doom", d.Doom)
	list("remove", d.Remove)
	list("start", d.Start)
	list("freeze", d.Freeze)
	if !d.Next.IsZero() {
		out = append(out, "wake in "+d.Next.Sub(noon).String())
	}
	return strings.Join(out, "; ")
}
