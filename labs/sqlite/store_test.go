package sqlite_test

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

func TestUsers(t *testing.T) {
	stores := stores(t)
	ada := addUser(t, stores, "Ada Lovelace")
	for _, name := range []string{"Ada Lovelace", "ada lovelace", " ADA LOVELACE ", "Ａda Lovelace"} {
		got, err := stores.Users.ByName(t.Context(), name)
		if err != nil {
			t.Errorf("ByName(%q): %v", name, err)
		} else if *got != *ada {
			t.Errorf("ByName(%q): got %+v, want %+v", name, got, ada)
		}
	}
	err := stores.Users.Create(t.Context(), &labs.User{ID: "u_other", Name: "ADA lovelace", Role: labs.Student, CreatedAt: start})
	wantCode(t, err, labs.CodeConflict)
	_, err = stores.Users.ByName(t.Context(), "Ada")
	wantCode(t, err, labs.CodeNotFound)
	_, err = stores.Users.Get(t.Context(), "u_nobody")
	wantCode(t, err, labs.CodeNotFound)
	for role, want := range map[labs.Role]int{labs.Student: 1, labs.Instructor: 0} {
		if got, err := stores.Users.Count(t.Context(), role); err != nil || got != want {
			t.Errorf("Count(%s): got %d, %v, want %d", role, got, err, want)
		}
	}
}

func TestLogins(t *testing.T) {
	stores := stores(t)
	user := addUser(t, stores, "ada")
	login := &labs.Login{TokenHash: []byte{1}, UserID: user.ID, CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
	if err := stores.Logins.Save(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	got, err := stores.Logins.Get(t.Context(), login.TokenHash, start.Add(59*time.Minute))
	if err != nil || !reflect.DeepEqual(got, login) {
		t.Errorf("Get: got %+v, %v, want %+v", got, err, login)
	}
	_, err = stores.Logins.Get(t.Context(), login.TokenHash, login.ExpiresAt)
	wantCode(t, err, labs.CodeNotFound)
	for range 2 { // deleting what is not there is no error
		if err := stores.Logins.Delete(t.Context(), login.TokenHash); err != nil {
			t.Error(err)
		}
	}
	_, err = stores.Logins.Get(t.Context(), login.TokenHash, start)
	wantCode(t, err, labs.CodeNotFound)
}

func TestOneOfManyTakesALink(t *testing.T) {
	stores := stores(t)
	link := &labs.Link{TokenHash: []byte{1}, UserID: addUser(t, stores, "ada").ID, ExpiresAt: start.Add(time.Hour)}
	first := &labs.Link{TokenHash: []byte{2}, ExpiresAt: start.Add(time.Hour)} // of nobody yet
	for _, link := range []*labs.Link{link, first} {
		if err := stores.Links.Save(t.Context(), link); err != nil {
			t.Fatal(err)
		}
		if got, err := stores.Links.Get(t.Context(), link.TokenHash, start); err != nil || !reflect.DeepEqual(got, link) {
			t.Errorf("Get: got %+v, %v, want %+v", got, err, link)
		}
	}
	var taken atomic.Int32
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			got, err := stores.Links.Take(t.Context(), link.TokenHash, start)
			if err == nil && reflect.DeepEqual(got, link) {
				taken.Add(1)
			} else {
				wantCode(t, err, labs.CodeNotFound)
			}
		})
	}
	work.Wait()
	if got := taken.Load(); got != 1 {
		t.Errorf("%d took the link, want 1", got)
	}
	_, err := stores.Links.Take(t.Context(), first.TokenHash, first.ExpiresAt)
	wantCode(t, err, labs.CodeNotFound)
}

func TestClasses(t *testing.T) {
	stores := stores(t)
	teacher, bob, ada := addUser(t, stores, "teacher"), addUser(t, stores, "bob"), addUser(t, stores, "Ada")
	class := labs.Class{ID: "c_1", Title: "Monday", Code: "K7QM-3XRT", InstructorID: teacher.ID, CreatedAt: start}
	if err := stores.Classes.Create(t.Context(), &class); err != nil {
		t.Fatal(err)
	}
	again := class
	again.ID = "c_2"
	wantCode(t, stores.Classes.Create(t.Context(), &again), labs.CodeConflict)

	for _, user := range []*labs.User{bob, ada, bob} { // joining twice is no error
		if err := stores.Rosters.Join(t.Context(), class.ID, user.ID, start); err != nil {
			t.Fatal(err)
		}
	}
	students, err := stores.Rosters.Students(t.Context(), class.ID)
	if want := []labs.User{*ada, *bob}; err != nil || !reflect.DeepEqual(students, want) {
		t.Errorf("Students: got %+v, %v, want %+v", students, err, want)
	}
	for name, read := range map[string]func() ([]labs.Class, error){
		"ByInstructor": func() ([]labs.Class, error) { return stores.Classes.ByInstructor(t.Context(), teacher.ID) },
		"ClassesOf":    func() ([]labs.Class, error) { return stores.Rosters.ClassesOf(t.Context(), ada.ID) },
	} {
		if got, err := read(); err != nil || !reflect.DeepEqual(got, []labs.Class{class}) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, class)
		}
	}
	if got, err := stores.Classes.ByCode(t.Context(), class.Code); err != nil || *got != class {
		t.Errorf("ByCode: got %+v, %v, want %+v", got, err, class)
	}
	_, err = stores.Classes.ByCode(t.Context(), "")
	wantCode(t, err, labs.CodeNotFound)
	_, err = stores.Classes.Get(t.Context(), "c_0")
	wantCode(t, err, labs.CodeNotFound)
}

func TestSessions(t *testing.T) {
	stores := stores(t)
	ada, bob := addUser(t, stores, "ada"), addUser(t, stores, "bob")
	session := addSession(t, stores, ada, "connect")
	other := addSession(t, stores, bob, "connect")

	second := *session
	second.ID = "s_second"
	wantCode(t, stores.Sessions.Save(t.Context(), &second), labs.CodeConflict)

	session.Phase, session.Reason, session.Message, session.Cluster = labs.Ready, "R", "M", "wh-1"
	session.ReadyAt, session.ActiveAt, session.FinishedAt = start.Add(time.Second), start.Add(time.Minute), start.Add(time.Hour)
	save(t, stores, session)
	if got, err := stores.Sessions.Get(t.Context(), session.ID); err != nil || *got != *session {
		t.Errorf("Get: got %+v, %v, want %+v", got, err, session)
	}
	for user, want := range map[string][]labs.Session{"": {*session, *other}, ada.ID: {*session}, "u_nobody": nil} {
		if got, err := stores.Sessions.Live(t.Context(), user); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Live(%q): got %+v, %v, want %+v", user, got, err, want)
		}
	}
	session.Phase, session.EndedAt = labs.Ended, start.Add(2*time.Hour)
	save(t, stores, session)
	if got, err := stores.Sessions.Live(t.Context(), ada.ID); err != nil || got != nil {
		t.Errorf("Live after the end: got %+v, %v", got, err)
	}
	save(t, stores, &second) // the first one is over
	_, err := stores.Sessions.Get(t.Context(), "s_nothing")
	wantCode(t, err, labs.CodeNotFound)
}

func TestResults(t *testing.T) {
	stores := stores(t)
	session := addSession(t, stores, addUser(t, stores, "ada"), "connect")
	exists, image := result("create", "exists", grader.False, "There is no pod."), result("create", "image", grader.Unknown, "Cannot tell.")
	later := result("scale", "replicas", grader.False, "Want 3.")
	exists.Evidence = []grader.Evidence{{Name: "b", Text: "1"}, {Name: "a", Text: "2"}}
	later.Wanted, later.Found, later.Object, later.Hint = "3", "2", "Deployment default/web", "Three is more than two."
	record(t, stores, session, []grader.Result{image, exists, later}, nil)

	exists.Status, exists.Message, exists.Evidence = grader.True, "", []grader.Evidence{{Name: "c", Text: "3"}}
	exists.At = start.Add(time.Second)
	session.FinishedAt = exists.At
	record(t, stores, session, []grader.Result{exists}, map[string]time.Time{"create": exists.At})
	// A step is completed once.
	record(t, stores, session, nil, map[string]time.Time{"create": exists.At.Add(time.Hour)})

	got, err := stores.Results.Of(t.Context(), session.ID)
	want := []labs.StepState{
		{Step: "create", CompletedAt: exists.At, Results: []grader.Result{exists, image}},
		{Step: "scale", Results: []grader.Result{later}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Of: got %+v, %v, want %+v", got, err, want)
	}
	if saved, err := stores.Sessions.Get(t.Context(), session.ID); err != nil || !saved.FinishedAt.Equal(exists.At) {
		t.Errorf("the session's row was not written with its results: %+v, %v", saved, err)
	}
	if got, err := stores.Results.Of(t.Context(), "s_nothing"); err != nil || got != nil {
		t.Errorf("Of a session that is not there: got %+v, %v", got, err)
	}
}

func TestGradebook(t *testing.T) {
	stores := stores(t)
	ada, bob := addUser(t, stores, "ada"), addUser(t, stores, "bob")
	old := addSession(t, stores, ada, "connect")
	passed, failed := result("look", "seen", grader.True, ""), result("create", "exists", grader.False, "There is no pod.")
	passed.Evidence = []grader.Evidence{{Name: "a", Text: "b"}}
	record(t, stores, old, []grader.Result{passed, failed}, map[string]time.Time{"look": start})
	old.Phase = labs.Ended
	save(t, stores, old)
	again := *old
	again.ID, again.Phase, again.CreatedAt = "s_again", labs.Ready, start.Add(time.Hour)
	save(t, stores, &again)
	waiting := result("create", "exists", grader.Unknown, "Cannot tell.")
	waiting.Wanted, waiting.Found, waiting.Object, waiting.Hint = "3", "2", "Deployment default/web", "Three is more than two."
	record(t, stores, &again, []grader.Result{waiting}, map[string]time.Time{"look": start.Add(time.Hour)})

	got, err := stores.Gradebook.Entries(t.Context(), []string{ada.ID, bob.ID})
	want := map[string]labs.Entries{
		ada.ID: {"connect": {
			Session:   again,
			Completed: map[string]time.Time{"look": start},
			Results:   map[string][]grader.Result{"create": {waiting}},
		}},
		bob.ID: {},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Entries: got %+v, %v, want %+v", got, err, want)
	}
	if none, err := stores.Gradebook.Entries(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("Entries of nobody: got %+v, %v", none, err)
	}
}

// TestTries: a wrong option counts once, in its order, and goes with its user.
func TestTries(t *testing.T) {
	stores := stores(t)
	ada := addUser(t, stores, "ada")
	addSession(t, stores, ada, "connect")
	first := labs.Try{Step: "one", Check: "kind", Option: "etcd", At: start}
	second := labs.Try{Step: "one", Check: "kind", Option: "a kubelet", At: start.Add(time.Minute)}
	again := first
	again.At = start.Add(time.Hour)
	for _, try := range []labs.Try{second, first, again} {
		if err := stores.Tries.Add(t.Context(), ada.ID, "connect", try); err != nil {
			t.Fatal(err)
		}
	}
	want := []labs.Try{first, second}
	if got, err := stores.Tries.Of(t.Context(), ada.ID, "connect"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Of: got %+v, %v, want %+v", got, err, want)
	}
	if got, err := stores.Gradebook.Entries(t.Context(), []string{ada.ID}); err != nil || !reflect.DeepEqual(got[ada.ID]["connect"].Tries, want) {
		t.Errorf("Entries: got %+v, %v", got, err)
	}
	if got, err := stores.Tries.Of(t.Context(), ada.ID, "pods"); err != nil || len(got) != 0 {
		t.Errorf("of another lab: got %+v, %v", got, err)
	}
	if err := stores.Users.Delete(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := stores.Tries.Of(t.Context(), ada.ID, "connect"); err != nil || len(got) != 0 {
		t.Errorf("of a user who is gone: got %+v, %v", got, err)
	}
}

// TestRecords keeps what checks saw with their results, and not longer.
func TestRecords(t *testing.T) {
	stores := stores(t)
	session := addSession(t, stores, addUser(t, stores, "Ada"), "pods")
	record := func(at time.Time, kept string) {
		t.Helper()
		result := grader.Result{Step: "one", Check: "exists", Status: grader.True, Reason: grader.ReasonPassed, Found: "x", At: at}
		if kept != "" {
			result = result.WithRecord([]byte(kept))
		}
		if err := stores.Results.Record(t.Context(), session, []grader.Result{result}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		what string
		at   time.Time
		kept string
		want string
	}{
		{"the first", start, `{"values":{"a":1}}`, `{"values":{"a":1}}`},
		{"the same once more, by a process that did not judge it", start, "", `{"values":{"a":1}}`},
		{"a new one", start.Add(time.Second), `{"values":{"a":2}}`, `{"values":{"a":2}}`},
		{"one that saw nothing", start.Add(2 * time.Second), "", ""},
	} {
		record(test.at, test.kept)
		got, err := stores.Results.Kept(t.Context(), "pods")
		if err != nil || len(got) != 1 || string(got[0].Record) != test.want || got[0].Student != "Ada" || got[0].SessionID != session.ID || got[0].Result.Found != "x" {
			t.Errorf("%s: got %+v, %v, want the record %s", test.what, got, err, test.want)
		}
	}
	if got, err := stores.Results.Kept(t.Context(), "services"); err != nil || len(got) != 0 {
		t.Errorf("another lab: got %+v, %v", got, err)
	}
}
