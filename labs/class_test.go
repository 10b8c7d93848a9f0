package labs_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

func TestCreateClass(t *testing.T) {
	w := newWorld(t, nil)
	teacher := w.user("Teacher", labs.Instructor)
	codes := map[string]bool{}
	for range 50 {
		class, err := w.CreateClass(t.Context(), teacher, "  Monday ")
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^[34679ACDEFGHJKMNPQRTWXY]{4}-[34679ACDEFGHJKMNPQRTWXY]{4}$`).MatchString(class.Code) || codes[class.Code] || class.Title != "Monday" {
			t.Fatalf("got the class %+v", class)
		}
		codes[class.Code] = true
	}
	_, err := w.CreateClass(t.Context(), w.student(), "Mine")
	wantCode(t, err, labs.CodeForbidden)
	for _, title := range []string{"", "  ", strings.Repeat("x", 101), "a\nb"} {
		_, err := w.CreateClass(t.Context(), teacher, title)
		wantCode(t, err, labs.CodeInvalid)
	}
}

func TestJoin(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.student()
	class, teacher := w.class("Teacher")
	plain := strings.ReplaceAll(class.Code, "-", "")
	for _, code := range []string{class.Code, strings.ToLower(class.Code), plain, " " + plain[:2] + " " + plain[2:] + " "} {
		if token, user, err := w.Join(t.Context(), ada, code, "ignored", ""); err != nil || token != "" || user != ada {
			t.Errorf("Join(%q): got %q, %+v, %v", code, token, user, err)
		}
	}
	for _, code := range []string{"", "AAAA-AAAA", "0000-0000", class.Code + "A", "%", "'"} {
		_, _, err := w.Join(t.Context(), nil, code, "Bob", goodPassword)
		wantCode(t, err, labs.CodeNotFound)
	}
	// A wrong code made no account.
	_, _, err := w.Login(t.Context(), "Bob", goodPassword)
	wantCode(t, err, labs.CodeUnauthorized)

	if got, err := w.ClassesOf(t.Context(), ada); err != nil || len(got) != 1 || got[0] != *class {
		t.Errorf("the student's classes: got %+v, %v", got, err)
	}
	if got, err := w.ClassesOf(t.Context(), teacher); err != nil || len(got) != 1 || got[0] != *class {
		t.Errorf("the instructor's classes: got %+v, %v", got, err)
	}
}

func TestGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada, bob := w.student(), w.user("Bob", labs.Student)
		session := w.open(ada, "pods") // before she joins
		class, teacher := w.class("Teacher")
		changed, cancel, err := w.SubscribeClass(t.Context(), teacher, class.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		told := func(of string) {
			t.Helper()
			synctest.Wait()
			if !received(changed) {
				t.Errorf("the class was not told of %s", of)
			}
		}
		for _, user := range []*labs.User{ada, bob} {
			if _, _, err := w.Join(t.Context(), user, class.Code, "", ""); err != nil {
				t.Fatal(err)
			}
			told("a new student")
		}
		_, leave, err := w.Subscribe(t.Context(), ada, session.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		told("a student who comes")
		w.find(session, passed("look", "seen"), wrong("create", "exists", "There is no pod."))
		told("a result")
		w.open(bob, "services")
		told("a new session")

		grid, err := w.Grid(t.Context(), teacher, class.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(grid.Students) != 2 || grid.Students[0].Name != "Ada" || grid.Students[1].Name != "Bob" || grid.Class != *class {
			t.Fatalf("got %+v", grid)
		}
		pods := grid.Students[0].Entries["pods"]
		if pods.Session.ID != session.Session.ID || pods.Session.Phase != labs.Ready {
			t.Errorf("Ada's cell shows the session %+v", pods.Session)
		}
		for step, want := range map[string]string{"look": "True Passed", "create": "False Wrong", "scale": " "} {
			if status, reason := pods.Standing(step); string(status)+" "+reason != want {
				t.Errorf("Ada's step %s: got %s %s, want %s", step, status, reason, want)
			}
		}
		if !grid.Students[0].Online || grid.Students[1].Online {
			t.Errorf("online are %v and %v, want only Ada", grid.Students[0].Online, grid.Students[1].Online)
		}
		leave()
		told("a student who leaves")
		if grid, err = w.Grid(t.Context(), teacher, class.ID); err != nil || grid.Students[0].Online {
			t.Errorf("Ada is online still: %+v, %v", grid, err)
		}
	})
}

func TestStanding(t *testing.T) {
	result := func(status grader.Status, reason string) grader.Result {
		return grader.Result{Status: status, Reason: reason}
	}
	right, missing, pending := result(grader.True, grader.ReasonPassed), result(grader.False, grader.ReasonNotFound), result(grader.False, grader.ReasonPending)
	unknown, wrong := result(grader.Unknown, grader.ReasonUnreachable), result(grader.False, grader.ReasonWrong)
	for _, test := range []struct {
		name    string
		results []grader.Result
		want    grader.Result
	}{
		{"nothing judged", nil, grader.Result{}},
		{"all passed", []grader.Result{right, right}, right},
		{"one is missing", []grader.Result{right, missing}, missing},
		{"not yet before missing", []grader.Result{missing, pending, right}, pending},
		{"unknown before not yet", []grader.Result{unknown, pending, missing}, unknown},
		{"wrong before all", []grader.Result{pending, wrong, unknown, right}, wrong},
	} {
		entry := labs.Entry{Results: map[string][]grader.Result{"step": test.results}}
		if status, reason := entry.Standing("step"); status != test.want.Status || reason != test.want.Reason {
			t.Errorf("%s: got %q %q, want %q %q", test.name, status, reason, test.want.Status, test.want.Reason)
		}
		entry.Completed = map[string]time.Time{"step": time.Now()}
		if status, reason := entry.Standing("step"); status != grader.True || reason != grader.ReasonPassed {
			t.Errorf("%s, but completed before: got %q %q", test.name, status, reason)
		}
	}
}

// TestOwnership tries everything on somebody else's session and class.
func TestOwnership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada, eve := w.student(), w.user("Eve", labs.Student)
		class, teacher := w.class("Teacher", ada)
		evesClass, stranger := w.class("Stranger", eve)
		id := w.open(ada, "pods").Session.ID

		read := map[string]func(actor *labs.User) error{
			"View":    func(u *labs.User) error { _, err := w.View(t.Context(), u, id); return err },
			"Results": func(u *labs.User) error { _, err := w.Results(t.Context(), u, id); return err },
			"Access":  func(u *labs.User) error { _, err := w.Access(t.Context(), u, id, labs.Read); return err },
			"Subscribe": func(u *labs.User) error {
				_, cancel, err := w.Subscribe(t.Context(), u, id)
				if err == nil {
					cancel()
				}
				return err
			},
		}
		write := map[string]func(actor *labs.User) error{
			"Access to write": func(u *labs.User) error { _, err := w.Access(t.Context(), u, id, labs.Write); return err },
			"End":             func(u *labs.User) error { return w.End(t.Context(), u, id) },
		}
		ofClass := map[string]func(actor *labs.User) error{
			"Grid":         func(u *labs.User) error { _, err := w.Grid(t.Context(), u, class.ID); return err },
			"ClassResults": func(u *labs.User) error { _, err := w.ClassResults(t.Context(), u, class.ID, id); return err },
			"SubscribeClass": func(u *labs.User) error {
				_, cancel, err := w.SubscribeClass(t.Context(), u, class.ID)
				if err == nil {
					cancel()
				}
				return err
			},
		}
		for _, test := range []struct {
			actor                *labs.User
			read, write, ofClass labs.Code
		}{
			{eve, labs.CodeNotFound, labs.CodeNotFound, labs.CodeNotFound},
			{stranger, labs.CodeNotFound, labs.CodeNotFound, labs.CodeNotFound},
			{teacher, "", labs.CodeForbidden, ""},
			// Last, because it ends the session.
			{ada, "", "", labs.CodeNotFound},
		} {
			for _, group := range []struct {
				calls map[string]func(*labs.User) error
				want  labs.Code
			}{{read, test.read}, {ofClass, test.ofClass}, {write, test.write}} {
				for name, call := range group.calls {
					if name == "End" && test.actor == ada {
						continue
					}
					if got := labs.CodeOf(call(test.actor)); got != group.want {
						t.Errorf("%s by %s: got %q, want %q", name, test.actor.Name, got, group.want)
					}
				}
			}
		}
		// A class of one's own opens no session of another's student.
		_, err := w.ClassResults(t.Context(), stranger, evesClass.ID, id)
		wantCode(t, err, labs.CodeNotFound)
		for _, id := range []string{"", "s_nothing", class.ID, "'"} {
			_, err := w.View(t.Context(), ada, id)
			wantCode(t, err, labs.CodeNotFound)
			wantCode(t, w.End(t.Context(), ada, id), labs.CodeNotFound)
		}
		if view := w.view(ada, id); view.Session.Phase != labs.Ready {
			t.Errorf("somebody ended the session: %+v", view.Session)
		}
	})
}
