package server_test

import (
	"strings"
	"testing"

	"wheelhouse/labs"
)

func TestAQuestionIsAnswered(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	session := ann.open("questions")
	type answer = map[string]any
	path := "/api/sessions/" + session + "/answers"
	for _, test := range []struct {
		body   answer
		status int
		want   string // in what comes back
	}{
		{answer{"step": "one", "check": "typed", "answer": "41"}, 200, `"reason":"Wrong","message":"Count again.","found":"41"`},
		{answer{"step": "one", "check": "typed", "answer": " \t"}, 422, "The answer is empty."},
		{answer{"step": "one", "check": "typed", "answer": strings.Repeat("4", 1025)}, 422, "may have 1024"},
		{answer{"step": "one", "check": "chosen", "answer": "up"}, 422, "none of the options"},
		{answer{"step": "one", "check": "other", "answer": "x"}, 404, "no such question"},
		{answer{"step": "two", "check": "typed", "answer": "x"}, 404, "no such question"},
		{answer{"step": "one", "check": "typed"}, 422, "The answer is empty."},
		{answer{"step": "one", "check": "typed", "answer": " 42 "}, 200, `"found":" 42 "`},
		{answer{"step": "one", "check": "typed", "answer": "43"}, 200, `"found":" 42 "`}, // it was right once
		{answer{"step": "one", "check": "chosen", "answer": "left"}, 200, "The other one."},
		{answer{"step": "one", "check": "chosen", "answer": "left"}, 200, `"tried":["left"]`},
		{answer{"step": "one", "check": "chosen", "answer": "right"}, 200, `"reason":"Passed"`},
		{answer{"step": "one", "check": "chosen", "answer": "left"}, 409, "This step is not open"},
	} {
		if got := string(ann.do("POST", path, test.body).want(test.status).body); !strings.Contains(got, test.want) {
			t.Errorf("%v: got %s, want %s in it", test.body, got, test.want)
		}
	}
	var view struct{ FinishedAt *string }
	ann.do("GET", "/api/sessions/"+session, nil).want(200).into(&view)
	if view.FinishedAt == nil {
		t.Error("all is answered, and the lab is not finished")
	}
	if lab := string(ann.do("GET", "/api/labs/questions", nil).want(200).body); !strings.Contains(lab, `"question":{"options":["left","right"]}`) || strings.Contains(lab, "42") {
		t.Errorf("the lab: %s", lab)
	}
	ann.do("DELETE", "/api/sessions/"+session, nil).want(204)
	ann.do("POST", path, answer{"step": "one", "check": "typed", "answer": "42"}).want(409)
}
