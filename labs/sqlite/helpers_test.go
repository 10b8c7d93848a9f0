package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

var start = time.Date(2026, 3, 14, 9, 26, 53, 589e6, time.UTC)

func messageOf(err error) string {
	known, _ := errors.AsType[*labs.Error](err)
	if known == nil {
		return ""
	}
	return known.Message
}

func wantCode(t *testing.T, err error, want labs.Code) {
	t.Helper()
	if got := labs.CodeOf(err); got != want {
		t.Errorf("code of %v: got %q, want %q", err, got, want)
	}
}

func addUser(t testing.TB, stores labs.Stores, name string) *labs.User {
	t.Helper()
	user := &labs.User{ID: "u_" + name, Name: name, Role: labs.Student, PasswordHash: "$argon2id$", CreatedAt: start}
	if err := stores.Users.Create(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	return user
}

func addSession(t testing.TB, stores labs.Stores, user *labs.User, lab string) *labs.Session {
	t.Helper()
	session := &labs.Session{ID: "s_" + user.Name + "_" + lab, UserID: user.ID, Lab: lab, Phase: labs.Pending, CreatedAt: start, ActiveAt: start}
	save(t, stores, session)
	return session
}

func save(t testing.TB, stores labs.Stores, session *labs.Session) {
	t.Helper()
	if err := stores.Sessions.Save(t.Context(), session); err != nil {
		t.Fatal(err)
	}
}

func record(t testing.TB, stores labs.Stores, session *labs.Session, results []grader.Result, completed map[string]time.Time) {
	t.Helper()
	if err := stores.Results.Record(t.Context(), session, results, completed); err != nil {
		t.Fatal(err)
	}
}

func result(step, check string, status grader.Status, message string) grader.Result {
	reason := grader.ReasonWrong
	if status == grader.True {
		reason = grader.ReasonPassed
	}
	return grader.Result{Step: step, Check: check, Status: status, Reason: reason, Message: message, At: start}
}
