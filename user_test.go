package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
)

// said runs a command line on a data folder, and returns what it prints.
func said(t *testing.T, data, input string, args ...string) (string, error) {
	t.Helper()
	cmd := newRootCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(input))
	cmd.SetArgs(append(args, "--data", data))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// TestPeopleOnTheMachine administers a data folder by the command line.
func TestPeopleOnTheMachine(t *testing.T) {
	data := t.TempDir()
	if _, err := said(t, data, "", "user", "list"); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a folder without a database: got %v", err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	stores := db.Stores()
	for _, user := range []labs.User{{ID: "u_ida", Name: "Ida", Role: labs.Instructor, PasswordHash: "x"}, {ID: "u_ada", Name: "Ada", Role: labs.Student, PasswordHash: "x"}} {
		user.CreatedAt = time.Now()
		if err := stores.Users.Create(t.Context(), &user); err != nil {
			t.Fatal(err)
		}
	}
	class := &labs.Class{ID: "c_1", Title: "Monday", Code: "AAAA-CCCC", InstructorID: "u_ida", CreatedAt: time.Now()}
	if err := stores.Classes.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	if err := stores.Rosters.Join(t.Context(), class.ID, "u_ada", time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args, input string
		want        string // a pattern of what is printed, or of the error
		fails       bool
	}{
		{"user list", "", `(?s)NAME +ROLE +CLASSES.*Ada +Student +Monday .*Ida +Instructor`, false},
		{"user list -o json", "", `"name": "Ada",\s+"role": "Student",\s+"classes": \[\s+"Monday"`, false},
		{"user reset-password ADA", "", `new password of Ada is\s+[3-9A-Y]{4}-[3-9A-Y]{4}-[3-9A-Y]{4}`, false},
		{"user reset-password Eve", "", `no account with the name Eve.*user list`, true},
		{"user rename Ada Grace", "", `Ada is called Grace now`, false},
		{"user rename Grace ida", "", `taken`, true},
		{"user invite-instructor --public-url https://lab.example.org/", "", `https://lab\.example\.org/#bootstrap=[\w-]{43}\n`, false},
		{"class list", "", `Monday +AAAA-CCCC +c_1`, false},
		{"class renew-code aaaa-cccc", "", `Monday is joined by [3-9A-Y]{4}-[3-9A-Y]{4} from`, false},
		{"class close c_1", "", `The class Monday is closed to new students`, false},
		{"class list", "", `Monday +\(closed\)`, false},
		{"class close AAAA-CCCC", "", `no class with the code`, true},
		{"user delete Ida --yes", "", `teaches the class Monday`, true},
		{"user delete Grace", "n\n", `nothing was removed`, true},
		{"user delete Grace", "", `nothing was removed`, true},
		{"user delete Grace", "y\n", `Grace is removed`, false},
		{"user list", "", `Ida`, false},
	} {
		out, err := said(t, data, test.input, strings.Fields(test.args)...)
		if (err != nil) != test.fails {
			t.Errorf("%s: got %v", test.args, err)
		}
		if err != nil {
			out = sentence(err)
		}
		if !regexp.MustCompile(test.want).MatchString(out) {
			t.Errorf("%s: got\n%s\nwant %s", test.args, out, test.want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
