package labs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/labs"
)

const goodPassword = "correct horse battery"

// instructor makes the first instructor of a world.
func (w *world) instructor(name string) *labs.User {
	w.t.Helper()
	secret, err := w.BootstrapLink(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	_, user, err := w.Bootstrap(w.t.Context(), secret, name, goodPassword)
	if err != nil {
		w.t.Fatal(err)
	}
	return user
}

func TestNamesAndPasswords(t *testing.T) {
	w := newWorld(t, nil)
	class, _ := w.class("Teacher")
	long := strings.Repeat("é", 64)
	for _, test := range []struct {
		name, password string
		code           labs.Code // "" is fine
		message        string
	}{
		{"Ada", goodPassword, "", ""},
		{"  Bob Ross ", goodPassword, "", ""},
		{long, goodPassword, "", ""},
		{"Zoë", "0123456789", "", ""},
		{"علی\u200cرضا", goodPassword, "", ""},                  // Persian, with a joiner that parts letters
		{"क्\u200dष", goodPassword, "", ""},                     // Devanagari, with one that joins them
		{"Mae 👩🏽\u200d🔬", goodPassword, "", ""},                 // one picture of three
		{"علیرضا", goodPassword, labs.CodeConflict, "is taken"}, // the same without
		{"山田\u3000太郎", goodPassword, "", ""},                    // an ideographic space
		{"山田 太郎", goodPassword, labs.CodeConflict, "is taken"},
		{"Jean\u00a0Luc", goodPassword, "", ""},                                     // no-break space
		{"Аdа", goodPassword, labs.CodeConflict, "looks like somebody else's"},      // Cyrillic А and а
		{"ΒΟΒ ROSS", goodPassword, labs.CodeConflict, "looks like somebody else's"}, // Greek ΒΟΒ
		{"Marna", goodPassword, "", ""},
		{"Mama", goodPassword, "", ""}, // looks alike in one script: another person
		{"Анна", goodPassword, "", ""},
		{"A\u200dnn", goodPassword, labs.CodeInvalid, "invisible"}, // joins nothing
		{"\u200cعلی", goodPassword, labs.CodeInvalid, "invisible"},
		{"ada", goodPassword, labs.CodeConflict, "The name ada is taken"},
		{"Ａｄａ", goodPassword, labs.CodeConflict, "is taken"}, // full width
		{"Learner", goodPassword, labs.CodeConflict, "is taken"},
		{"", goodPassword, labs.CodeInvalid, "Give a name"},
		{" \t ", goodPassword, labs.CodeInvalid, "Give a name"},
		{long + "e", goodPassword, labs.CodeInvalid, "at most 64"},
		{"a\x00b", goodPassword, labs.CodeInvalid, "invisible"},
		{"a\nb", goodPassword, labs.CodeInvalid, "invisible"},
		{"a\u202eb", goodPassword, labs.CodeInvalid, "invisible"}, // turns the line around
		{"a\u200bb", goodPassword, labs.CodeInvalid, "invisible"}, // a space of no width
		{"a\xffb", goodPassword, labs.CodeInvalid, "UTF-8"},
		{"Eve", "", labs.CodeInvalid, "at least 10"},
		{"Eve", "ninechars", labs.CodeInvalid, "at least 10"},
		{"Eve", "éééé éééé", labs.CodeInvalid, "at least 10"}, // characters, not bytes
		{"Eve", strings.Repeat("x", 1025), labs.CodeInvalid, "at most 1024"},
		{"Evelyn Smith", "evelyn smith", labs.CodeInvalid, "must not be the name"},
	} {
		token, user, err := w.Join(t.Context(), nil, class.Code, test.name, test.password)
		if labs.CodeOf(err) != test.code || !strings.Contains(messageOf(err), test.message) {
			t.Errorf("%q with %q: got %v, want %q with %q", test.name, test.password, err, test.code, test.message)
		}
		if err != nil {
			continue
		}
		if got, err := w.Authenticate(t.Context(), token); err != nil || *got != *user || got.Role != labs.Student || got.Name != strings.NewReplacer("\u3000", " ", "\u00a0", " ").Replace(strings.TrimSpace(test.name)) {
			t.Errorf("%q: logged in as %+v, %v, want %+v", test.name, got, err, user)
		}
	}
}

func TestLogin(t *testing.T) {
	w := newWorld(t, nil)
	user := w.instructor("Ada Lovelace")
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=65536,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(user.PasswordHash) {
		t.Errorf("the stored hash is %q", user.PasswordHash)
	}
	token, got, err := w.Login(t.Context(), " ada LOVELACE", goodPassword)
	if err != nil || *got != *user {
		t.Fatalf("Login: got %+v, %v", got, err)
	}
	if len(token) != 43 { // 256 bits in base64
		t.Errorf("the token is %d characters long, want 43", len(token))
	}

	var messages []string
	times := map[string]time.Duration{}
	for _, test := range []struct{ name, password string }{
		{"Ada Lovelace", goodPassword + "!"},
		{"Nobody", goodPassword},
		{"Ada Lovelace", ""},
		{"", ""},
		{"Ada Lovelace", strings.Repeat("x", 1<<20)},
	} {
		start := time.Now()
		_, _, err := w.Login(t.Context(), test.name, test.password)
		times[test.name] = time.Since(start)
		wantCode(t, err, labs.CodeUnauthorized)
		messages = append(messages, messageOf(err))
	}
	for _, message := range messages {
		if message != messages[0] {
			t.Errorf("the messages tell names apart: %q", messages)
		}
	}
	// Without a hash an answer takes microseconds, with one tens of milliseconds.
	if known, unknown := times["Ada Lovelace"], times["Nobody"]; unknown < known/5 {
		t.Errorf("an unknown name was refused after %s, a known one after %s", unknown, known)
	}

	if err := w.Logout(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{token, "", "nonsense", strings.Repeat("x", 1<<16)} {
		_, err := w.Authenticate(t.Context(), token)
		wantCode(t, err, labs.CodeUnauthorized)
	}
}

// Whoever reads the database or a backup of it cannot log in with what they find.
func TestNoSecretIsStored(t *testing.T) {
	w := newWorld(t, nil)
	w.instructor("Ada")
	token, _, err := w.Login(t.Context(), "Ada", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	link, err := w.LearnerLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "wheelhouse.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found the files %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{"token": token, "link": link, "password": goodPassword} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds the %s", filepath.Base(file), what)
			}
		}
	}
}

func TestLoginsEndOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.options.Limits.Login = time.Hour })
		w.instructor("Ada")
		var tokens []string
		for range 2 {
			token, _, err := w.Login(t.Context(), "Ada", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token)
		}
		want := func(at string, first, second labs.Code) {
			t.Helper()
			for i, code := range []labs.Code{first, second} {
				if _, err := w.Authenticate(t.Context(), tokens[i]); labs.CodeOf(err) != code {
					t.Errorf("%s: log-in %d: got %v, want code %q", at, i, err, code)
				}
			}
		}
		want("at first", "", "")
		for range 2 { // the second time it is unknown, which is no error
			if err := w.Logout(t.Context(), tokens[0]); err != nil {
				t.Fatal(err)
			}
		}
		want("after the log-out", labs.CodeUnauthorized, "")
		time.Sleep(59 * time.Minute)
		want("before its time", labs.CodeUnauthorized, "")
		time.Sleep(2 * time.Minute)
		want("after its time", labs.CodeUnauthorized, labs.CodeUnauthorized)
	})
}

func TestLearner(t *testing.T) {
	w := newWorld(t, nil)
	var users []*labs.User
	for range 2 { // two starts
		secret, err := w.LearnerLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token, user, err := w.TakeLink(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Authenticate(t.Context(), token); err != nil || *got != *user || got.Role != labs.Student {
			t.Errorf("logged in as %+v, %v, want %+v", got, err, user)
		}
		users = append(users, user)
		_, _, err = w.TakeLink(t.Context(), secret)
		wantCode(t, err, labs.CodeUnauthorized)
	}
	if *users[0] != *users[1] {
		t.Errorf("two learners: %+v and %+v", users[0], users[1])
	}
	for _, password := range []string{"", goodPassword} {
		_, _, err := w.Login(t.Context(), users[0].Name, password)
		wantCode(t, err, labs.CodeUnauthorized)
	}
	_, _, err := w.TakeLink(t.Context(), "nonsense")
	wantCode(t, err, labs.CodeUnauthorized)
}

func TestLinksExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		learner, err := w.LearnerLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first, err := w.BootstrapLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		_, _, err = w.TakeLink(t.Context(), learner)
		wantCode(t, err, labs.CodeUnauthorized)
		_, _, err = w.Bootstrap(t.Context(), first, "Ada", goodPassword)
		wantCode(t, err, labs.CodeUnauthorized)
	})
}

func TestBootstrap(t *testing.T) {
	w := newWorld(t, nil)
	secret, err := w.BootstrapLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.BootstrapLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	learner, err := w.LearnerLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if token, user, err := w.TakeLink(t.Context(), secret); token != "" || user != nil || err != nil {
		t.Errorf("TakeLink: got %q, %+v, %v, want nobody", token, user, err)
	}
	_, _, err = w.Bootstrap(t.Context(), secret, "Ada", "short")
	wantCode(t, err, labs.CodeInvalid)
	_, _, err = w.Bootstrap(t.Context(), learner, "Ada", goodPassword)
	wantCode(t, err, labs.CodeUnauthorized)
	if needed, err := w.NeedsInstructor(t.Context()); err != nil || !needed {
		t.Errorf("NeedsInstructor: got %v, %v", needed, err)
	}
	token, user, err := w.Bootstrap(t.Context(), secret, "Ada", goodPassword)
	if err != nil || user.Role != labs.Instructor {
		t.Fatalf("Bootstrap: got %+v, %v", user, err)
	}
	if got, err := w.Authenticate(t.Context(), token); err != nil || *got != *user {
		t.Errorf("logged in as %+v, %v, want %+v", got, err, user)
	}
	if needed, err := w.NeedsInstructor(t.Context()); err != nil || needed {
		t.Errorf("NeedsInstructor: got %v, %v", needed, err)
	}
	_, _, err = w.Bootstrap(t.Context(), secret, "Eve", goodPassword)
	wantCode(t, err, labs.CodeUnauthorized)
	_, _, err = w.Bootstrap(t.Context(), other, "Eve", goodPassword)
	wantCode(t, err, labs.CodeConflict)
	_, _, err = w.TakeLink(t.Context(), other)
	wantCode(t, err, labs.CodeConflict)
	if secret, err := w.BootstrapLink(t.Context()); secret != "" || err != nil {
		t.Errorf("BootstrapLink: got %q, %v, want none", secret, err)
	}
}
