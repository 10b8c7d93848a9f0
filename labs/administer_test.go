package labs_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"wheelhouse/labs"
)

// joined makes a student with a password who is in the class.
func (w *world) joined(class *labs.Class, name string) (token string, user *labs.User) {
	w.t.Helper()
	token, user, err := w.Join(w.t.Context(), nil, class.Code, name, goodPassword)
	if err != nil {
		w.t.Fatal(err)
	}
	return token, user
}

func (w *world) loggedIn(token string) bool {
	_, err := w.Authenticate(w.t.Context(), token)
	return err == nil
}

func TestChangePassword(t *testing.T) {
	w := newWorld(t, nil)
	class, _ := w.class("Teacher")
	here, ada := w.joined(class, "Ada")
	there, _, err := w.Login(t.Context(), "Ada", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	const better = "even better than that"
	wantCode(t, w.ChangePassword(t.Context(), ada, here, "wrong password", better), labs.CodeForbidden)
	wantCode(t, w.ChangePassword(t.Context(), ada, here, goodPassword, "short"), labs.CodeInvalid)
	wantCode(t, w.ChangePassword(t.Context(), ada, here, goodPassword, "ada"), labs.CodeInvalid)
	if !w.loggedIn(here) || !w.loggedIn(there) {
		t.Fatal("a change that was refused ended a log-in")
	}
	if err := w.ChangePassword(t.Context(), ada, here, goodPassword, better); err != nil {
		t.Fatal(err)
	}
	if !w.loggedIn(here) || w.loggedIn(there) {
		t.Errorf("logged in: here %t, there %t; want here alone", w.loggedIn(here), w.loggedIn(there))
	}
	_, _, err = w.Login(t.Context(), "Ada", goodPassword)
	wantCode(t, err, labs.CodeUnauthorized)
	if _, _, err := w.Login(t.Context(), "Ada", better); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestAStudentIsAdministered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		class, teacher := w.class("Teacher")
		second, err := w.CreateClass(t.Context(), teacher, "Second")
		if err != nil {
			t.Fatal(err)
		}
		_, other := w.class("Other")
		token, ada := w.joined(class, "Ada")
		_, bob := w.joined(class, "Bob")
		ctx := t.Context()

		for name, try := range map[string]func(actor *labs.User) error{
			"password": func(actor *labs.User) error { _, err := w.ResetPassword(ctx, actor, class.ID, ada.ID); return err },
			"rename": func(actor *labs.User) error {
				_, err := w.RenameStudent(ctx, actor, class.ID, ada.ID, "Eve")
				return err
			},
			"remove": func(actor *labs.User) error { return w.RemoveStudent(ctx, actor, class.ID, ada.ID) },
			"move":   func(actor *labs.User) error { return w.MoveStudent(ctx, actor, class.ID, ada.ID, second.ID) },
			"delete": func(actor *labs.User) error { return w.DeleteStudent(ctx, actor, class.ID, ada.ID) },
			"code":   func(actor *labs.User) error { _, err := w.RenewCode(ctx, actor, class.ID); return err },
			"close":  func(actor *labs.User) error { _, err := w.CloseClass(ctx, actor, class.ID); return err },
		} {
			for _, actor := range []*labs.User{other, bob, ada} {
				if got := labs.CodeOf(try(actor)); got != labs.CodeNotFound {
					t.Errorf("%s by %s: got %q, want NotFound", name, actor.Name, got)
				}
			}
		}

		password, err := w.ResetPassword(ctx, teacher, class.ID, ada.ID)
		if err != nil || len(password) != 14 {
			t.Fatalf("a new password: got %q, %v", password, err)
		}
		if w.loggedIn(token) {
			t.Error("a log-in outlived the password")
		}
		if token, _, err = w.Login(ctx, "ada", password); err != nil {
			t.Errorf("the new password: %v", err)
		}

		_, err = w.RenameStudent(ctx, teacher, class.ID, ada.ID, "bob")
		wantCode(t, err, labs.CodeConflict)
		if renamed, err := w.RenameStudent(ctx, teacher, class.ID, ada.ID, " Ada Lovelace "); err != nil || renamed.Name != "Ada Lovelace" {
			t.Errorf("renamed: got %+v, %v", renamed, err)
		}
		if !w.loggedIn(token) {
			t.Error("another name ended a log-in")
		}

		view := w.open(ada, "pods")
		if got := len(view.HintCosts); got != 1 {
			t.Fatalf("she is in %d classes", got)
		}
		wantCode(t, w.MoveStudent(ctx, teacher, class.ID, ada.ID, w.otherClass(other).ID), labs.CodeNotFound)
		if err := w.MoveStudent(ctx, teacher, class.ID, ada.ID, second.ID); err != nil {
			t.Fatal(err)
		}
		for class, want := range map[string]string{class.ID: "Bob", second.ID: "Ada Lovelace"} {
			grid, err := w.Grid(ctx, teacher, class)
			if err != nil || len(grid.Students) != 1 || grid.Students[0].Name != want {
				t.Errorf("after the move: got %+v, %v, want %s", grid, err, want)
			}
		}
		if got := comparable(w.view(ada, view.Session.ID)); got != comparable(w.storedView(ada, view.Session.ID)) {
			t.Errorf("after the move the session shows\n%s", got)
		}
		if err := w.RemoveStudent(ctx, teacher, second.ID, ada.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.view(ada, view.Session.ID); len(got.HintCosts) != 0 || got.Session.Phase != labs.Ready {
			t.Errorf("after she was taken out: got %+v", got)
		}
		_, err = w.ResetPassword(ctx, teacher, second.ID, ada.ID)
		wantCode(t, err, labs.CodeNotFound)
	})
}

// otherClass is a class of another instructor's.
func (w *world) otherClass(of *labs.User) *labs.Class {
	w.t.Helper()
	class, err := w.CreateClass(w.t.Context(), of, "Elsewhere")
	if err != nil {
		w.t.Fatal(err)
	}
	return class
}

func TestAnAccountIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		class, teacher := w.class("Teacher")
		_, other := w.class("Other")
		token, ada := w.joined(class, "Ada")
		view := w.open(ada, "pods")
		w.find(view, passed("create", "exists"), passed("create", "image"))

		elsewhere := w.otherClass(other)
		if _, _, err := w.Join(t.Context(), ada, elsewhere.Code, "", ""); err != nil {
			t.Fatal(err)
		}
		wantCode(t, w.DeleteStudent(t.Context(), teacher, class.ID, ada.ID), labs.CodeConflict)
		if err := w.RemoveStudent(t.Context(), other, elsewhere.ID, ada.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteStudent(t.Context(), teacher, class.ID, ada.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if w.loggedIn(token) {
			t.Error("a log-in outlived the account")
		}
		if left, err := w.provider.List(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("clusters are left: %v, %v", left, err)
		}
		_, err := w.db.Stores().Sessions.Get(t.Context(), view.Session.ID)
		wantCode(t, err, labs.CodeNotFound)
		_, _, err = w.Login(t.Context(), "Ada", goodPassword)
		wantCode(t, err, labs.CodeUnauthorized)
		if grid, err := w.Grid(t.Context(), teacher, class.ID); err != nil || len(grid.Students) != 0 {
			t.Errorf("the class: got %+v, %v", grid, err)
		}
		w.joined(class, "Ada") // the name is free again
	})
}

func TestCodesAreRenewedAndClosed(t *testing.T) {
	w := newWorld(t, nil)
	class, teacher := w.class("Teacher")
	_, ada := w.joined(class, "Ada")
	renewed, err := w.RenewCode(t.Context(), teacher, class.ID)
	if err != nil || renewed.Code == class.Code {
		t.Fatalf("got %+v, %v, want another code than %s", renewed, err, class.Code)
	}
	join := func(code string) error { _, _, err := w.Join(t.Context(), ada, code, "", ""); return err }
	wantCode(t, join(class.Code), labs.CodeNotFound)
	if err := join(renewed.Code); err != nil {
		t.Error(err)
	}
	for range 2 { // closing what is closed is no error
		if closed, err := w.CloseClass(t.Context(), teacher, class.ID); err != nil || closed.Code != "" {
			t.Fatalf("closed: got %+v, %v", closed, err)
		}
	}
	second := w.otherClass(teacher)
	if _, err := w.CloseClass(t.Context(), teacher, second.ID); err != nil {
		t.Errorf("a second closed class: %v", err)
	}
	for _, code := range []string{renewed.Code, "", "closed:" + class.ID} {
		wantCode(t, join(code), labs.CodeNotFound)
	}
	if classes, err := w.ClassesOf(t.Context(), teacher); err != nil || classes[0].Code != "" {
		t.Errorf("the instructor's classes: got %+v, %v, want no code", classes, err)
	}
	if again, err := w.RenewCode(t.Context(), teacher, class.ID); err != nil || join(again.Code) != nil {
		t.Errorf("opened again: got %+v, %v", again, err)
	}
}

func TestAnotherInstructorIsInvited(t *testing.T) {
	w := newWorld(t, nil)
	ida := w.instructor("Ida")
	_, err := w.InviteInstructor(t.Context(), w.student())
	wantCode(t, err, labs.CodeForbidden)
	secret, err := w.InviteInstructor(t.Context(), ida)
	if err != nil {
		t.Fatal(err)
	}
	if token, user, err := w.TakeLink(t.Context(), secret); token != "" || user != nil || err != nil {
		t.Errorf("the link: got %q, %+v, %v, want nobody logged in", token, user, err)
	}
	_, _, err = w.Bootstrap(t.Context(), secret, "ida", goodPassword)
	wantCode(t, err, labs.CodeConflict)
	_, ivo, err := w.Bootstrap(t.Context(), secret, "Ivo", goodPassword)
	if err != nil || ivo.Role != labs.Instructor {
		t.Fatalf("got %+v, %v, want an instructor", ivo, err)
	}
	_, _, err = w.Bootstrap(t.Context(), secret, "Eve", goodPassword)
	wantCode(t, err, labs.CodeUnauthorized)
}

// TestOperator does on the machine what has no page, without asking anybody.
func TestOperator(t *testing.T) {
	synctest.Test(t, testOperator)
}

func testOperator(t *testing.T) {
	w := newWorld(t, nil)
	ida := w.instructor("Ida")
	class, err := w.CreateClass(t.Context(), ida, "Monday")
	if err != nil {
		t.Fatal(err)
	}
	token, _ := w.joined(class, "Ada")
	o, ctx := labs.NewOperator(w.db.Stores()), t.Context()
	if users, err := o.Users(ctx); err != nil || len(users) != 2 || users[0].Name != "Ada" {
		t.Errorf("users: got %+v, %v", users, err)
	}
	ada, err := o.User(ctx, "ADA")
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.User(ctx, "Eve")
	wantCode(t, err, labs.CodeNotFound)
	if _, err := o.ResetPassword(ctx, ada); err != nil || w.loggedIn(token) {
		t.Errorf("a new password: %v; logged in: %t", err, w.loggedIn(token))
	}
	if ada, err = o.Rename(ctx, ada, "Ada Lovelace"); err != nil {
		t.Error(err)
	}
	if found, err := o.Class(ctx, strings.ToLower(class.Code)); err != nil || found.ID != class.ID {
		t.Errorf("by its code: got %+v, %v", found, err)
	}
	joins := func(code string) bool { id, err := w.ClassOfCode(ctx, code); return err == nil && id == class.ID }
	if renewed, err := o.RenewCode(ctx, class); err != nil || !joins(renewed.Code) || joins(class.Code) {
		t.Errorf("a new code: got %+v, %v", renewed, err)
	}
	wantCode(t, o.Delete(ctx, ida), labs.CodeConflict) // she teaches
	view := w.open(ada, "pods")
	wantCode(t, o.Delete(ctx, ada), labs.CodeConflict)
	if err := w.End(ctx, ada, view.Session.ID); err != nil {
		t.Fatal(err)
	}
	if err := o.Delete(ctx, ada); err != nil {
		t.Error(err)
	}
	if _, err := o.User(ctx, "Ada Lovelace"); labs.CodeOf(err) != labs.CodeNotFound {
		t.Errorf("the deleted account: got %v", err)
	}
}
