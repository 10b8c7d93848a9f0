// Package compare holds the grader beside what else could judge the same checks of
// the same objects: kyverno-json's engine, and scripts of kubectl and jq that run
// once a second, which is how labs are often graded. It has only tests, which show
// that all of them say the same, and benchmarks.
package compare
