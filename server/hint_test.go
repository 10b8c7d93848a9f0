package server_test

import (
	"strings"
	"testing"

	"wheelhouse/labs"
)

// TestHintsAreTaken: a hint's text comes once it is taken, and what it costs the
// class decides.
func TestHintsAreTaken(t *testing.T) {
	s := newSchool(t)
	hints := "/api/sessions/" + s.session + "/hints"
	lab := func() string { return string(s.ann.do("GET", "/api/labs/pods", nil).want(200).body) }
	if got := lab(); !strings.Contains(got, `"hints":[{"cost":0},{"cost":1}]`) || strings.Contains(got, "A hint") || strings.Contains(got, "All of it") {
		t.Errorf("the lab: %s", got)
	}
	type body = map[string]any
	// What the next one costs is the class's word, from the moment that it says another.
	cost := func() int {
		var view struct{ Steps []struct{ HintCost int } }
		s.ann.do("GET", "/api/sessions/"+s.session, nil).want(200).into(&view)
		return view.Steps[0].HintCost
	}
	for _, class := range []struct {
		says any
		want int
	}{{10, 2}, {1, 1}, {nil, 0}} {
		s.ida.do("PATCH", "/api/classes/"+s.class, body{"hintCost": class.says}).want(200)
		if got := cost(); got != class.want {
			t.Errorf("the class says %v: the next hint costs %d, want %d", class.says, got, class.want)
		}
	}
	for _, test := range []struct {
		body   body
		status int
		want   string // in what comes back
	}{
		{body{"step": "one", "hint": 1}, 409, "one after the other"},
		{body{"step": "one", "hint": 0}, 200, `"hintCost":1`},
		{body{"step": "one", "hint": 0}, 200, `"hints":["\u003cp\u003eA hint\u003c/p\u003e"]`},
		{body{"step": "one", "hint": 2}, 404, "no such hint"},
		{body{"step": "two", "hint": 0}, 404, "no such hint"},
		{body{"step": "one", "hint": 1}, 200, `All of it`},
	} {
		if got := string(s.ann.do("POST", hints, test.body).want(test.status).body); !strings.Contains(got, test.want) {
			t.Errorf("%v: got %s, want %s in it", test.body, got, test.want)
		}
	}
	if got := cost(); got != 0 {
		t.Errorf("no hint is left, and the next costs %d", got)
	}
	// They are in the lab's next session too, and the instructor sees how many.
	s.ann.do("DELETE", "/api/sessions/"+s.session, nil).want(204)
	var next struct{ Steps []struct{ Hints []string } }
	s.ann.do("POST", "/api/labs/pods/sessions", nil).want(201).into(&next)
	if len(next.Steps[0].Hints) != 2 || len(next.Steps[1].Hints) != 0 {
		t.Errorf("the next session: %+v", next)
	}
	grid := func() string { return string(s.ida.do("GET", "/api/classes/"+s.class, nil).want(200).body) }
	if got := grid(); !strings.Contains(got, `"hints":2`) || !strings.Contains(got, `"hintCost":null`) || !strings.Contains(got, `"points":3`) {
		t.Errorf("the class: %s", got)
	}
	for _, cost := range []any{"1", -1, 11, 1.5, true} {
		s.ida.do("PATCH", "/api/classes/"+s.class, body{"hintCost": cost}).want(422)
	}
	s.ida.do("PATCH", "/api/classes/"+s.class, body{}).want(422)
	s.ida.do("PATCH", "/api/classes/"+s.class, body{"hintCost": 10}).want(200)
	if got := lab(); !strings.Contains(got, `"hints":[{"cost":2},{"cost":2}]`) { // all that the step counts
		t.Errorf("the lab, where hints cost 10: %s", got)
	}
	if got := grid(); !strings.Contains(got, `"hintCost":10`) {
		t.Errorf("the class: %s", got)
	}
	s.ida.do("PATCH", "/api/classes/"+s.class, body{"hintCost": nil}).want(200)
	if got := grid(); !strings.Contains(got, `"hintCost":null`) {
		t.Errorf("the class: %s", got)
	}
	bob := s.as(s.user("bob2", labs.Student))
	if got := string(bob.do("GET", "/api/labs/pods", nil).want(200).body); !strings.Contains(got, `"hints":[{"cost":0},{"cost":1}]`) {
		t.Errorf("the lab for somebody in no class: %s", got)
	}
}
