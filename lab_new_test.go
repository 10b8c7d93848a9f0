package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewLabsLintClean(t *testing.T) {
	course := filepath.Join(t.TempDir(), "my-course")
	for _, args := range [][]string{
		{"config-maps", "--module", filepath.Join(course, "01-first")},
		{"second", "--module", filepath.Join(course, "01-first"), "--title", `Two: "<labs>" & more # here`},
		{"third", "--module", filepath.Join(course, "02-next")},
	} {
		stdout, _, err := run(t, append([]string{"lab", "new"}, args...)...)
		if err != nil {
			t.Fatalf("lab new %q: %v", args, err)
		}
		for _, want := range []string{"wheelhouse lab lint --content '" + course + "'", "wheelhouse lab verify " + args[0]} {
			if !strings.Contains(stdout, want) {
				t.Errorf("printed %q, want the next command %q", stdout, want)
			}
		}
	}
	stdout, stderr, err := run(t, "lab", "lint", "--content", course)
	if err != nil || !strings.Contains(stdout, "3 labs") {
		t.Errorf("lab lint: %v\n%s%s", err, stdout, stderr)
	}
}

func TestNewLabRefuses(t *testing.T) {
	root := t.TempDir()
	course := filepath.Join(root, "course")
	module := filepath.Join(course, "first")
	if _, _, err := run(t, "lab", "new", "pods", "--module", module); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(root, "file", "module")
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(module, "module.yaml"))
	for _, test := range []struct{ name, module, title, want string }{
		{"Pods", module, "", `"Pods" is no name for a lab`},
		{"../pods", module, "", "is no name for a lab"},
		{"", module, "", `"" is no name for a lab`},
		{strings.Repeat("a", 64), module, "", "63 at most"},
		{"pods", module, "", "file already exists"},
		{"pods", filepath.Join(course, "second"), "", "the course has a lab pods already, in course/first/pods"},
		{"new", course, "", "is a course; name a module in it"},
		{"new", filepath.Join(course, "My Module"), "", "is no name for a module's folder"},
		{"new", filepath.Join(root, "third"), "", "has no course.yaml and holds other things"},
		{"new", filepath.Join(root, "My Course", "first"), "", "is no name for a course's folder"},
		{"new", plain, "", "not a directory"},
		{"new", module, "two\nlines", "want one line of text"},
	} {
		_, _, err := run(t, "lab", "new", test.name, "--module", test.module, "--title", test.title)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("lab new %q --module %s: %v, want %q", test.name, test.module, err, test.want)
		}
	}
	if after := read(t, filepath.Join(module, "module.yaml")); after != before {
		t.Errorf("module.yaml was changed by what was refused:\n%s", after)
	}
	if entries, err := os.ReadDir(course); err != nil || len(entries) != 2 {
		t.Errorf("the course holds %v, %v; want course.yaml and one module", entries, err)
	}
}

func TestNewLabLeavesNothingWhereItCannotWrite(t *testing.T) {
	course := filepath.Join(t.TempDir(), "course")
	module := filepath.Join(course, "first")
	if _, _, err := run(t, "lab", "new", "pods", "--module", module); err != nil {
		t.Fatal(err)
	}
	// Root may write anywhere, so what is in the way is a file.
	if err := os.WriteFile(filepath.Join(module, "module.yaml.new"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err := run(t, "lab", "new", "nodes", "--module", module)
	if err == nil || !strings.Contains(err.Error(), "cannot make the lab: ") || !strings.Contains(err.Error(), "module.yaml.new") {
		t.Errorf("err = %v, want that module.yaml.new is in the way", err)
	}
	if _, err := os.Stat(filepath.Join(module, "nodes")); !os.IsNotExist(err) {
		t.Errorf("the lab's folder stayed: %v", err)
	}
	if got := read(t, filepath.Join(module, "module.yaml.new")); got != "mine" {
		t.Errorf("a file was overwritten: %q", got)
	}
}

func TestWithEntry(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"flow", "spec:\n  labs: [a, b] # in order\n", "spec:\n  labs: [a, b, new] # in order\n"},
		{"flow in flow", "spec: {title: T, labs: [a]}\n", "spec: {title: T, labs: [a, new]}\n"},
		{"flow over lines", "spec:\n  labs: [a,\n    b,\n  ]\n", "spec:\n  labs: [a,\n    b, new,\n  ]\n"},
		{"empty", "spec:\n  labs: []\n", "spec:\n  labs: [new]\n"},
		{"block", "spec:\n  labs:\n  # the first\n  - a\n  - b # last\n  title: T\n", "spec:\n  labs:\n  # the first\n  - a\n  - b # last\n  - new\n  title: T\n"},
		{"block without an end", "spec:\n  labs:\n    - a", "spec:\n  labs:\n    - a\n    - new\n"},
		{"there already", "spec: {labs: [new, a]}\n", "spec: {labs: [new, a]}\n"},
		{"no list", "spec: {title: T}\n", ""},
		{"not YAML", "spec: [", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := withEntry(test.text, "labs", "new")
			if got != test.want || (err == nil) == (test.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
