package verify

import (
	"fmt"
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
		merged.Flaky = merged.Flaky || !slices.Equal(set(run.Problems), set(runs[0].Problems))
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

// set returns what is in a list, sorted and once each.
func set(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}
