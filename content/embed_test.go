package content_test

import (
	"testing"

	"wheelhouse/content"
)

// TestEmbedded loads the courses that come with the program. Whether their checks
// compile is tested where they are judged.
func TestEmbedded(t *testing.T) {
	course, err := content.Load(content.Embedded(), "kubernetes")
	for _, problem := range content.Problems(err) {
		t.Error(problem)
	}
	if err != nil {
		return
	}
	for _, lab := range course.Labs() {
		for _, step := range lab.Steps {
			if len(step.Hints) == 0 {
				t.Errorf("%s: the step %s has no hint", lab.Dir, step.Name)
			}
		}
	}
}
