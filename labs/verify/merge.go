package verify

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Merge makes one outcome of several runs of a case, of which there is at least
// one: the problems of all, the mean time, and the terminal of the first run that
// failed. Runs that differ are a problem too, because a lab that is right now and
// then is not right.
func Merge(runs []*Outcome) *Outcome {
	merged := &Outcome{Case: runs[0].Case}
	failed := 0
	var total time.Duration
	for _, run := range runs {
		total += run.Duration
		merged.Flaky = merged.Flaky || !slices.Equal(kinds(run.Problems), kinds(runs[0].Problems))
		if len(run.Problems) == 0 {
			continue
		}
		failed++
		if merged.Transcript == "" {
			merged.Transcript = run.Transcript
		}
		for _, problem := range run.Problems {
			if !slices.Contains(merged.Problems, problem) {
				merged.Problems = append(merged.Problems, problem)
			}
		}
	}
	if merged.Flaky {
		flaky := fmt.Sprintf("flaky: %d of %d runs failed, and not all for the same reasons", failed, len(runs))
		if failed < len(runs) {
			flaky = fmt.Sprintf("flaky: %d of %d runs failed", failed, len(runs))
		}
		merged.Problems = slices.Insert(merged.Problems, 0, flaky)
	}
	merged.Duration = total / time.Duration(len(runs))
	return merged
}

// drawn is what differs between two runs that say the same: what Kubernetes drew
// to make a name, addresses, and the time of day.
var drawn = regexp.MustCompile(`(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}\b|\b\d{1,3}(\.\d{1,3}){3}\b|\b\d\d:\d\d:\d\d\b`)

// kinds returns what problems say, sorted and once each, but for what was drawn.
func kinds(problems []string) []string {
	kinds := make([]string, len(problems))
	for i, problem := range problems {
		kinds[i] = drawn.ReplaceAllString(problem, "…")
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
