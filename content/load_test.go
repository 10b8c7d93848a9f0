package content_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wheelhouse/content"
)

var update = flag.Bool("update", false, "write the problems that were found to testdata/invalid-*/want.txt")

// minimal returns the files of the smallest valid course, to be changed freely.
func minimal(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	overlay(t, files, "testdata/valid-minimal")
	return files
}

// overlay puts the files of a folder over those that are there. An empty file
// takes one away.
func overlay(t testing.TB, files fstest.MapFS, dir string) {
	t.Helper()
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(name, "/") {
			return err
		}
		raw, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if len(raw) == 0 {
			delete(files, name)
			return nil
		}
		files[name] = &fstest.MapFile{Data: raw, Mode: 0o644}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoadValid(t *testing.T) {
	course, err := content.Load(os.DirFS("testdata/valid-full"), "course")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, lab := range course.Labs() {
		names = append(names, lab.Module+"/"+lab.Name)
	}
	if want := []string{"02-second/pods", "01-first/hello"}; !slices.Equal(names, want) {
		t.Fatalf("labs: got %v, want %v, the order of course.yaml", names, want)
	}
	lab, ok := course.Lab("pods")
	if !ok {
		t.Fatal("there is no lab pods")
	}
	if got, want := lab.Dir, "course/02-second/pods"; got != want {
		t.Errorf("Dir: got %q, want %q", got, want)
	}
	if got, want := lab.Cluster.Workers, 1; got != want {
		t.Errorf("workers: got %d, want %d", got, want)
	}
	run, _ := lab.Step("run")
	if got, want := run.Points, 3; got != want {
		t.Errorf("points of run: got %d, want %d", got, want)
	}
	if free, dear := run.Hints[0], run.Hints[1]; free.Cost != 0 || dear.Cost != 1 || dear.HTML != "<p>Read <strong>slowly</strong>.</p>" {
		t.Errorf("hints: got %+v and %+v", free, dear)
	}
	if deleted, _ := lab.Step("delete"); deleted.Points != 1 || !slices.Equal(deleted.After, []string{"run"}) {
		t.Errorf("delete: got %d points after %v, want 1 after [run]", deleted.Points, deleted.After)
	}
	pod, _ := run.Check("pod")
	if got, want := pod.Line, 18; got != want {
		t.Errorf("line of the check pod: got %d, want %d", got, want)
	}
	if got, want := pod.Validations[0].Line, 25; got != want || !pod.Validations[0].Pending {
		t.Errorf("validation: got line %d pending %v, want line %d pending", got, pod.Validations[0].Pending, want)
	}
	page, _ := run.Check("page")
	if pod.Points != 2 || page.Points != 0 {
		t.Errorf("points of checks: got %d and %d, want 2 and 0", pod.Points, page.Points)
	}
	if pod.Guard || !page.Guard {
		t.Errorf("guards: got pod %v and page %v, want page only", pod.Guard, page.Guard)
	}
	if got := page.Exec; got.Timeout != 2*time.Second || got.Interval != 10*time.Second || !slices.Equal(got.Command, []string{"curl", "-s", "localhost"}) {
		t.Errorf("exec: got %+v", got)
	}
	var setup []string
	for _, file := range lab.Setup {
		setup = append(setup, file.Name)
	}
	if want := []string{"10-shop.yaml", "20-look.sh", "setup.sh"}; !slices.Equal(setup, want) {
		t.Errorf("setup: got %v, want %v", setup, want)
	}
	if raw, err := fs.ReadFile(lab.Files, "notes/read-me.txt"); err != nil || string(raw) != "Hello.\n" {
		t.Errorf("files: got %q, %v", raw, err)
	}
	// What editors leave is no part of a course, and in a home folder it is.
	if raw, err := fs.ReadFile(lab.Files, ".bash_aliases"); err != nil || string(raw) != "mine\n" {
		t.Errorf("a hidden file of files: got %q, %v", raw, err)
	}
	if want := []content.Part{{Step: "run", Text: "kubectl run web --image=nginx:1.27\n", Line: 5}, {Step: "delete", Text: "kubectl delete pod web\n", Line: 8}}; !slices.Equal(lab.Solution, want) {
		t.Errorf("solution: got %+v, want %+v", lab.Solution, want)
	}
	const dir = "course/02-second/pods/"
	if want := []content.Command{
		{File: dir + "README.md", Line: 9, Text: "kubectl get pods"},
		{File: dir + "README.md", Line: 12, Text: "kubectl run web --image=nginx:1.27\nkubectl get pods"},
		{File: dir + "lab.yaml", Line: 15, Text: "kubectl run --help"},
	}; !slices.Equal(lab.Commands, want) {
		t.Errorf("commands: got %+v, want %+v", lab.Commands, want)
	}
	if got := lab.Wrong[1]; got.Name != "nothing" || got.After != "run" || got.Step != "delete" || got.Check != "gone" || got.Message != "still there" {
		t.Errorf("wrong answer: got %+v", got)
	}
	if want := []content.RightAnswer{{Name: "manifest", Step: "run", Text: "# step: run\nkubectl apply --filename=web.yaml\n"}}; !slices.Equal(lab.Right, want) {
		t.Errorf("right answers: got %+v, want %+v", lab.Right, want)
	}
	if hello, _ := course.Lab("hello"); hello.Files != nil {
		t.Error("a lab without a folder files has Files")
	}
}

// TestLoadInvalid loads the smallest valid course with the files of one
// testdata/invalid-* over it, and compares the problems, all of them.
func TestLoadInvalid(t *testing.T) {
	dirs, err := filepath.Glob("testdata/invalid-*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			files := minimal(t)
			overlay(t, files, dir)
			_, err := content.Load(files, "course")
			if err == nil {
				t.Fatal("loaded without a problem")
			}
			got := err.Error() + "\n"
			file := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("problems:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestLoadKeepsToItsFolder(t *testing.T) {
	const lab = "course/01-first/hello/"
	tests := []struct {
		name, link, target, want string
	}{
		{"file out of the course", lab + "setup.sh", "../../../../secret.sh", lab + "setup.sh: is a symbolic link"},
		{"file in the course", lab + "setup.sh", "solve.sh", lab + "setup.sh: is a symbolic link"},
		{"absolute", lab + "setup.sh", "/etc/passwd", lab + "setup.sh: is a symbolic link"},
		{"folder", lab + "files", "../../..", lab + "files: is a symbolic link"},
		{"loop", lab + "files", ".", lab + "files: is a symbolic link"},
		{"the course itself", "other", "course", "other: is not a folder"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/valid-minimal")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "secret.sh"), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(tt.target, filepath.Join(dir, tt.link)); err != nil {
				t.Fatal(err)
			}
			course := "course"
			if tt.link == "other" {
				course = "other"
			}
			_, err := content.Load(os.DirFS(dir), course)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	for _, name := range []string{"", ".", "..", "../course", "/course", "course/01-first", "Course", "absent"} {
		if _, err := content.Load(os.DirFS("testdata/valid-minimal"), name); err == nil {
			t.Errorf("loaded the course %q", name)
		}
	}
}

func TestLoadLimits(t *testing.T) {
	const lab = "course/01-first/hello/lab.yaml"
	big := bytes.Repeat([]byte("# comment\n"), 30_000)
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name < 'j'; name++ {
		previous := string(name - 1)
		bomb += string(name) + ": &" + string(name) + " [" + strings.Repeat("*"+previous+", ", 8) + "*" + previous + "]\n"
	}
	tests := []struct {
		name, text, want string
	}{
		{"size", string(big), "is larger than 256 KiB"},
		{"aliases", bomb, "YAML anchors and aliases are not allowed"},
		{"aliases of variables", "spec:\n  variables:\n    a: &a {oneOf: [x, y]}\n    b: *a\n", "lab.yaml:3: YAML anchors and aliases are not allowed"},
		{"steps", "spec: {steps: [" + strings.Repeat("{name: a}, ", 51) + "]}", "a lab has 50 steps at most"},
		{"checks", "spec: {steps: [{name: a, checks: [" + strings.Repeat("{name: a}, ", 51) + "]}]}", "a step has 50 checks at most"},
		{"depth", strings.Repeat("[", 20_000), "is not YAML"},
		{"not UTF-8", "a: \xff\xfe", "is not a text in UTF-8"},
		{"zero byte", "a: \x00", "is not a text in UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := minimal(t)
			files[lab] = &fstest.MapFile{Data: []byte(tt.text)}
			began := time.Now()
			_, err := content.Load(files, "course")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.300v, want %q", err, tt.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestByteOrderMark: some editors of Windows write one at the start of a file.
func TestByteOrderMark(t *testing.T) {
	plain, marked := minimal(t), minimal(t)
	for _, files := range []fstest.MapFS{plain, marked} {
		overlay(t, files, "testdata/valid-full")
	}
	for name, file := range marked {
		if !strings.Contains(name, "/files/") {
			marked[name] = &fstest.MapFile{Data: append([]byte("\ufeff"), bytes.ReplaceAll(file.Data, []byte("\n"), []byte("\r\n"))...)}
		}
	}
	want, err := content.Load(plain, "course")
	if err != nil {
		t.Fatal(err)
	}
	got, err := content.Load(marked, "course")
	if err != nil {
		t.Fatal(err)
	}
	for i, lab := range got.Labs() {
		other := want.Labs()[i]
		if lab.Intro != other.Intro || !slices.Equal(lab.Solution, other.Solution) || !slices.Equal(lab.Wrong, other.Wrong) ||
			!slices.Equal(lab.Right, other.Right) || !slices.Equal(lab.Setup, other.Setup) || !slices.Equal(lab.Commands, other.Commands) {
			t.Errorf("got %+v, want %+v", lab, other)
		}
	}
}

// TestHintsAreReadAsTheReadme: what is said of a README is said of a hint.
func TestHintsAreReadAsTheReadme(t *testing.T) {
	for hint, want := range map[string]string{
		"<details>more</details>":   "HTML such as <details> is shown as plain text",
		"# More":                    `a heading in a hint has three or more "#"`,
		"```fish\nls\n```":          `a block of "fish" has no Run button`,
		"> [!TIP]\n> Look.":         "[!TIP] is shown as it is written",
		"Look at `<pod>`.[^1]\n\nx": "footnotes are shown as",
	} {
		files := minimal(t)
		const name = "course/01-first/hello/lab.yaml"
		with := strings.Replace(string(files[name].Data), "    checks:", "    hints: ["+strconv.Quote(hint)+"]\n    checks:", 1)
		files[name] = &fstest.MapFile{Data: []byte(with)}
		course, err := content.Load(files, "course")
		problems := append(content.Problems(err), course.Warnings...)
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, want) || problems[0].Line == 0 {
			t.Errorf("%q: got %v, want %s", hint, problems, want)
		}
	}
}

// TestTextOfScripts: what stands in a here-document is no comment of the script.
func TestTextOfScripts(t *testing.T) {
	const text = "cat > a.sh <<'EOF'\n# step: other\n# answer colour: red\nEOF\n"
	files := minimal(t)
	files["course/01-first/hello/solve.sh"] = &fstest.MapFile{Data: []byte("# step: create\n" + text)}
	course, err := content.Load(files, "course")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := course.Labs()[0].Solution, []content.Part{{Step: "create", Text: text, Line: 2}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want := []content.Given{{Check: "size", Text: "2", Line: 5}}
	if got := content.Answers(text + "# answer size: 2\n"); !slices.Equal(got, want) {
		t.Errorf("answers: got %+v, want %+v", got, want)
	}
}

func TestProblems(t *testing.T) {
	files := minimal(t)
	delete(files, "course/01-first/hello/solve.sh")
	delete(files, "course/01-first/hello/README.md")
	_, err := content.Load(files, "course")
	problems := content.Problems(err)
	if len(problems) != 2 {
		t.Fatalf("got %d problems, want 2: %v", len(problems), err)
	}
	if got, want := problems[0].Error(), "course/01-first/hello/README.md: is missing"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := content.Problems(nil); got != nil {
		t.Errorf("problems of nil: got %v", got)
	}
	if got := content.Problems(fs.ErrPermission); len(got) != 1 || got[0].Message != fs.ErrPermission.Error() {
		t.Errorf("problems of another error: got %v", got)
	}
}
