package server_test

import (
	"strings"
	"testing"
	"time"

	"wheelhouse/labs"
)

// TestAdministering walks what is done to people once they are there.
func TestAdministering(t *testing.T) {
	w := newWorld(t, options{})
	secret, err := w.labs.BootstrapLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ida := w.browser()
	ida.do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ida", "password": "correct horse battery"}).want(200)
	var first, second struct{ ID, Code string }
	ida.do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&first)
	ida.do("POST", "/api/classes", map[string]string{"title": "Tuesday"}).want(201).into(&second)
	join := func(code, name string) (*client, string) {
		t.Helper()
		c := w.browser()
		var got me
		c.do("POST", "/api/join", map[string]string{"code": code, "name": name, "password": "correct horse battery"}).want(200).into(&got)
		c.user = &labs.User{ID: got.User.ID, Name: name, Role: labs.Student}
		return c, got.User.ID
	}
	ann, annID := join(first.Code, "Ann")
	students := "/api/classes/" + first.ID + "/students/"

	// Her own password, and one from her instructor, which ends what she has open.
	ann.do("POST", "/api/me/password", map[string]string{"current": "wrong", "password": "another long one"}).want(403)
	ann.do("POST", "/api/me/password", map[string]string{"current": "correct horse battery", "password": "short"}).want(422)
	ann.do("POST", "/api/me/password", map[string]string{"current": "correct horse battery", "password": "another long one"}).want(204)
	ann.do("GET", "/api/course", nil).want(200)
	session := ann.open("pods")
	conn, _ := ann.dial("/api/events?session=" + session)
	if conn == nil {
		t.Fatal("no events socket")
	}
	var reset struct{ Password string }
	ida.do("POST", students+annID+"/password", nil).want(200).into(&reset)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if strings.Contains(err.Error(), "timeout") {
		t.Error("a socket outlived its log-in")
	}
	ann.do("GET", "/api/course", nil).want(401)
	ann.do("POST", "/api/login", map[string]string{"name": "Ann", "password": "another long one"}).want(401)
	ann.do("POST", "/api/login", map[string]string{"name": "Ann", "password": reset.Password}).want(200)

	// Her name and her place.
	ida.do("PATCH", students+annID, map[string]string{"name": "Anna"}).want(204)
	ida.do("PATCH", students+annID, map[string]string{"name": "Ida"}).want(409)
	ida.do("PATCH", students+annID, map[string]string{}).want(422)
	ida.do("PATCH", students+annID, map[string]string{"name": "Anna", "class": second.ID}).want(422)
	ida.do("PATCH", students+annID, map[string]string{"class": second.ID}).want(204)
	ida.do("PATCH", students+annID, map[string]string{"class": second.ID}).want(404)
	if got := ida.do("GET", "/api/classes/"+second.ID, nil).want(200); !strings.Contains(string(got.body), `"name":"Anna"`) {
		t.Errorf("the second class: %s", got.body)
	}
	ida.do("DELETE", "/api/classes/"+second.ID+"/students/"+annID, nil).want(204)
	ann.do("GET", "/api/course", nil).want(200)

	// An account goes with its session.
	bob, bobID := join(first.Code, "Bob")
	bob.open("pods")
	ida.do("DELETE", students+bobID+"/account", nil).want(204)
	bob.do("GET", "/api/course", nil).want(401)
	ida.do("DELETE", students+bobID+"/account", nil).want(404)

	// The code, and another instructor.
	var renewed, closed struct{ Code string }
	ida.do("POST", "/api/classes/"+first.ID+"/code", nil).want(200).into(&renewed)
	w.browser().do("POST", "/api/join", map[string]string{"code": first.Code, "name": "Eve", "password": "correct horse battery"}).want(404)
	join(renewed.Code, "Eve")
	ida.do("DELETE", "/api/classes/"+first.ID+"/code", nil).want(200).into(&closed)
	if closed.Code != "" {
		t.Errorf("the closed class has the code %q", closed.Code)
	}
	w.browser().do("POST", "/api/join", map[string]string{"code": renewed.Code, "name": "Mallory", "password": "correct horse battery"}).want(404)
	var invitation struct{ Link string }
	ida.do("POST", "/api/instructors", nil).want(201).into(&invitation)
	_, secret, _ = strings.Cut(invitation.Link, "/#bootstrap=")
	var got me
	ivo := w.browser()
	ivo.do("POST", "/api/login/link", map[string]string{"secret": secret}).want(200).into(&got)
	if got.User != nil || !got.Bootstrap {
		t.Errorf("the invitation: got %+v, want nobody logged in and bootstrap", got)
	}
	ivo.do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ivo", "password": "correct horse battery"}).want(200).into(&got)
	if got.User == nil || got.User.Role != "Instructor" {
		t.Errorf("the invited instructor: got %+v", got)
	}
}
