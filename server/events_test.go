package server_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gorilla/websocket"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

// next reads the next event, and holds it against the document.
func next(t *testing.T, conn *websocket.Conn, into any) (kind string) {
	t.Helper()
	_, data, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Type string
		Data json.RawMessage
	}
	var raw any
	if json.Unmarshal(data, &event) != nil || json.Unmarshal(data, &raw) != nil || json.Unmarshal(event.Data, into) != nil {
		t.Fatalf("not an event: %s", data)
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Components.Schemas["Event"].Value.VisitJSON(raw, openapi3.VisitAsResponse()); err != nil {
		t.Errorf("event is not what the document says: %v: %s", err, data)
	}
	return event.Type
}

// TestSessionEvents follows a session from its first view to its last.
func TestSessionEvents(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	id := ann.open("pods")
	conn := ann.socket("/api/events?session=" + id)
	var s session
	if kind := next(t, conn, &s); kind != "session" || s.ID != id || s.Phase != "Ready" || len(s.Steps) != 2 {
		t.Fatalf("first event: got %s %+v, want the whole session", kind, s)
	}
	if got := s.Steps[0].Checks; len(got) != 2 || got[0].Status != "Unknown" || got[0].Reason != "NotEvaluated" {
		t.Errorf("checks before the first look: got %+v, want both, Unknown", got)
	}
	evidence := []grader.Evidence{{Name: "Pod default/web", Text: "kind: Pod"}}
	start := time.Now()
	w.found("pods", grader.Result{Step: "one", Check: "exists", Status: grader.False, Reason: grader.ReasonNotFound, Message: "there is no Pod named web", Evidence: evidence})
	next(t, conn, &s)
	t.Logf("from a result to the browser: %s", time.Since(start).Round(100*time.Microsecond))
	if got := s.Steps[0].Checks[0]; got.Status != "False" || got.Message != "there is no Pod named web" || got.Evidence != nil {
		t.Errorf("after a result: got %+v, want its words and no evidence", got)
	}
	w.found("pods",
		grader.Result{Step: "one", Check: "exists", Status: grader.True, Reason: grader.ReasonPassed, Evidence: evidence},
		grader.Result{Step: "one", Check: "runs", Status: grader.True, Reason: grader.ReasonPassed},
		grader.Result{Step: "two", Check: "more", Status: grader.True, Reason: grader.ReasonPassed})
	next(t, conn, &s)
	if s.Steps[0].CompletedAt == nil || s.FinishedAt == nil {
		t.Errorf("after all passed: got %+v, want it finished", s)
	}
	var results session
	ann.do("GET", "/api/sessions/"+id+"/results", nil).want(200).into(&results)
	if got := results.Steps[0].Checks[0].Evidence; len(got) != 1 || got[0].Text != "kind: Pod" {
		t.Errorf("results: got evidence %+v, want the pod", got)
	}
	ann.do("DELETE", "/api/sessions/"+id, nil).want(204)
	for s.Phase != "Ended" {
		next(t, conn, &s)
	}
	var course struct {
		Modules []struct {
			Labs []struct {
				Name                  string
				CompletedSteps, Steps int
				FinishedAt            *time.Time
				Session               *struct{ ID string }
			}
		}
	}
	ann.do("GET", "/api/course", nil).want(200).into(&course)
	if got := course.Modules[0].Labs[0]; got.CompletedSteps != 2 || got.FinishedAt == nil || got.Session != nil {
		t.Errorf("course: got %+v, want the lab finished", got)
	}
}

// TestFailedSession: a session that failed stays on the course page until there is
// a newer one, for whoever was away when it did.
func TestFailedSession(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	phase := func() string {
		var course struct {
			Modules []struct {
				Labs []struct {
					Name    string
					Session *struct{ Phase string }
				}
			}
		}
		ann.do("GET", "/api/course", nil).want(200).into(&course)
		for _, module := range course.Modules {
			for _, lab := range module.Labs {
				if lab.Name == "pods" && lab.Session != nil {
					return lab.Session.Phase
				}
			}
		}
		return "none"
	}
	w.fake.Fail("Create", errors.New("no space left on device"))
	ann.do("POST", "/api/labs/pods/sessions", nil).want(201)
	w.until("the session fails", func() bool { return phase() == "Failed" })
	id := ann.open("pods")
	if got := phase(); got != "Ready" {
		t.Errorf("with a newer session: got %s, want Ready", got)
	}
	ann.do("DELETE", "/api/sessions/"+id, nil).want(204)
	w.until("the newer session ends", func() bool { return phase() == "none" })
}

// TestClassEvents follows a class while a student works.
func TestClassEvents(t *testing.T) {
	s := newSchool(t)
	conn := s.ida.socket("/api/events?class=" + s.class)
	type class struct {
		Students []struct {
			Name   string
			Online bool
			Labs   []struct {
				Lab, Session, Phase string
				Steps               []struct {
					Name, Status string
					CompletedAt  *time.Time
				}
			}
		}
		Labs []struct{ Name string }
	}
	var c class
	if kind := next(t, conn, &c); kind != "class" || len(c.Students) != 2 || len(c.Labs) != 4 || c.Students[0].Name != "ann" {
		t.Fatalf("first event: got %s %+v, want Ann and Bob at four labs", kind, c)
	}
	page := s.ann.socket("/api/events?session=" + s.session)
	s.found("pods",
		grader.Result{Step: "one", Check: "exists", Status: grader.True, Reason: grader.ReasonPassed},
		grader.Result{Step: "one", Check: "runs", Status: grader.True, Reason: grader.ReasonPassed},
		grader.Result{Step: "two", Check: "more", Status: grader.False, Reason: grader.ReasonWrong, Message: "no"})
	sum := func() []string {
		var out []string
		for _, step := range c.Students[0].Labs[0].Steps {
			out = append(out, step.Status)
		}
		return out
	}
	for !slices.Equal(sum(), []string{"True", "False"}) || !c.Students[0].Online {
		c = class{}
		next(t, conn, &c)
	}
	page.Close()
	for c.Students[0].Online {
		c = class{}
		next(t, conn, &c)
	}
	var results session
	s.ida.do("GET", "/api/classes/"+s.class+"/sessions/"+c.Students[0].Labs[0].Session, nil).want(200).into(&results)
	if results.Steps[0].CompletedAt == nil {
		t.Errorf("got %+v, want Ann's results", results)
	}
}
