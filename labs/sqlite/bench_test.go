package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

// BenchmarkRecord is a step that ticks: three results with evidence, one step,
// the session's row, safe on the disk.
func BenchmarkRecord(b *testing.B) {
	stores := stores(b)
	session := addSession(b, stores, addUser(b, stores, "ada"), "connect")
	var results []grader.Result
	for i := range 3 {
		r := result("step", fmt.Sprintf("check-%d", i), grader.True, "")
		r.Evidence = []grader.Evidence{{Name: "Pod default/web", Text: fmt.Sprintf("%4096d", i)}}
		results = append(results, r)
	}
	for i := 0; b.Loop(); i++ {
		record(b, stores, session, results, map[string]time.Time{fmt.Sprintf("step-%d", i): start})
	}
}

// BenchmarkGrid is what a class's grid reads: 30 students at 6 labs of 5 steps
// with 2 checks each, among 30 others.
func BenchmarkGrid(b *testing.B) {
	stores := stores(b)
	var class []string
	for i := range 60 {
		user := addUser(b, stores, fmt.Sprintf("student-%02d", i))
		if i%2 == 0 {
			class = append(class, user.ID)
		}
		for lab := range 6 {
			work(b, stores, user, fmt.Sprintf("lab-%d", lab))
		}
	}
	for b.Loop() {
		entries, err := stores.Gradebook.Entries(b.Context(), class)
		if err != nil || len(entries) != len(class) {
			b.Fatalf("got %d users, %v, want %d", len(entries), err, len(class))
		}
	}
}

// work is one student's finished session.
func work(b *testing.B, stores labs.Stores, user *labs.User, lab string) {
	b.Helper()
	session := addSession(b, stores, user, lab)
	var results []grader.Result
	completed := map[string]time.Time{}
	for step := range 5 {
		name := fmt.Sprintf("step-%d", step)
		completed[name] = start
		for check := range 2 {
			r := result(name, fmt.Sprintf("check-%d", check), grader.True, "")
			r.Evidence = []grader.Evidence{{Name: "Pod default/web", Text: fmt.Sprintf("%8192d", check)}}
			results = append(results, r)
		}
	}
	record(b, stores, session, results, completed)
}
