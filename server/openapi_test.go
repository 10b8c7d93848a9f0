package server_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wheelhouse/grader"
)

// TestOpenAPI holds the document against the router, both ways.
func TestOpenAPI(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var documented, registered []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	param := regexp.MustCompile(`:(\w+)`)
	for _, route := range newWorld(t, options{}).server.Routes() {
		registered = append(registered, route.Method+" "+param.ReplaceAllString(route.Path, "{$1}"))
	}
	for _, route := range registered {
		if !slices.Contains(documented, route) {
			t.Errorf("route %s is not in openapi.yaml", route)
		}
	}
	for _, route := range documented {
		if !slices.Contains(registered, route) {
			t.Errorf("openapi.yaml has %s, which is no route", route)
		}
	}
}

// TestAnswers gets every kind of success that the document names, from every
// route; each answer is held against its schema on the way. What no schema can
// tell, that nothing of the solution gets out, is looked at here too.
func TestAnswers(t *testing.T) {
	s := newSchool(t)
	s.found("pods",
		grader.Result{Step: "one", Check: "exists", Status: grader.True, Reason: grader.ReasonPassed, Evidence: []grader.Evidence{{Name: "Pod default/web", Text: "kind: Pod"}}},
		grader.Result{Step: "two", Check: "more", Status: grader.False, Reason: grader.ReasonPending, Message: "wait",
			Wanted: "3", Found: "2", Object: "Deployment default/web", Hint: "Three is more than two."})
	s.until("the results", func() bool {
		view, err := s.labs.View(t.Context(), s.ann.user, s.session)
		return err == nil && len(view.Steps[0].Results) > 0
	})
	var document strings.Builder
	for _, path := range []string{"/healthz", "/readyz", "/api/openapi.yaml", "/api/me", "/api/course", "/api/labs/pods", "/api/labs/volumes",
		"/api/sessions/" + s.session, "/api/sessions/" + s.session + "/results", "/api/classes"} {
		document.Write(s.ann.do("GET", path, nil).want(200).body)
	}
	if !strings.Contains(document.String(), `"wanted":"3","found":"2","object":"Deployment default/web","hint":"Three is more than two."`) {
		t.Error("the API does not tell what was wanted and found")
	}
	for _, secret := range []string{"SECRET-SOLUTION", "SECRET-WRONG", "SECRET-EXPRESSION"} {
		if strings.Contains(document.String(), secret) {
			t.Errorf("the API tells %s", secret)
		}
	}
	s.ann.do("POST", "/api/labs/pods/sessions", nil).want(200)
	s.ann.do("POST", "/api/sessions/"+s.session+"/apps", map[string]any{"namespace": "default", "service": "web", "port": 80}).want(200)
	s.ann.do("POST", "/api/sessions/"+s.session+"/repairs", map[string]any{"fault": "Kubeconfig"}).want(200)
	s.ida.do("GET", "/api/classes/"+s.class, nil).want(200)
	s.ida.do("GET", "/api/classes/"+s.class+"/sessions/"+s.session, nil).want(200)
	s.ann.do("DELETE", "/api/sessions/"+s.session, nil).want(204)
	s.ann.do("POST", "/api/logout", nil).want(204)
	s.ann.do("POST", "/api/probe", nil).want(204)
	TestPeople(t)
	TestAdministering(t)

	var lab struct{ Next *string }
	s.bob.do("GET", "/api/labs/pods", nil).want(200).into(&lab)
	if lab.Next == nil || *lab.Next != "services" {
		t.Errorf("the lab after pods: got %v, want services", lab.Next)
	}
	var final map[string]json.RawMessage
	s.bob.do("GET", "/api/labs/volumes", nil).want(200).into(&final)
	if string(final["next"]) != "null" {
		t.Errorf("the lab after the last: got %s, want null", final["next"])
	}
	s.bob.do("GET", "/api/labs/nothing", nil).want(404)
	s.bob.do("POST", "/api/labs/nothing/sessions", nil).want(404)

	doc, err := documentOf()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range doc {
		if _, ok := seen.Load(want); !ok {
			t.Errorf("no test ever got %s", want)
		}
	}
}
