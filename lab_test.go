package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs/verify"
	"wheelhouse/provisioner/provisionertest"
)

// run executes a command line and returns what it printed.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := newRootCommand()
	var out, problems bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&problems)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return out.String(), problems.String(), err
}

func TestTheCourseHasNoMistake(t *testing.T) {
	stdout, stderr, err := run(t, "lab", "lint")
	if err != nil {
		t.Fatalf("lab lint: %v\n%s%s", err, stdout, stderr)
	}
}

func TestLintReportsEveryMistakeWithItsLine(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(folder, "course", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("course.yaml", "apiVersion: wheelhouse.dev/v1\nkind: Course\nmetadata: {name: course}\nspec: {title: T, summary: S, modules: [one]}\n")
	write("one/module.yaml", "apiVersion: wheelhouse.dev/v1\nkind: Module\nmetadata: {name: one}\nspec: {title: T, summary: S, labs: [pods]}\n")
	write("one/pods/README.md", "Hello.\n\n## Run it\n\nDo.\n\n```bash\nkubectl rnu --help\n```\n")
	write("one/pods/solve.sh", "# step: run\nkubectl run web --image=nginx:1.27\n")
	write("one/pods/lab.yaml", `apiVersion: wheelhouse.dev/v1
kind: Lab
metadata: {name: pods}
spec:
  title: Pods
  summary: One pod.
  minutes: 5
  colour: red
  steps:
  - name: run
    title: Run it
    checks:
    - name: pod
      title: There is a pod
      objects:
        pod: {apiVersion: v1, kind: Pod, namespace: default, name: web}
      validations:
      - expression: pod.spec.
        message: no
`)
	stdout, _, err := run(t, "lab", "lint", "--content", filepath.Join(folder, "course"))
	if !errors.Is(err, errReported) {
		t.Fatalf("err = %v, want errReported\n%s", err, stdout)
	}
	for _, want := range []string{
		"course/one/pods/lab.yaml:8: ",  // the unknown field
		"course/one/pods/lab.yaml:18: ", // the expression that does not compile
		"course/one/pods/lab.yaml:13: ", // the instructions do not mention web
		"course/one/pods/README.md:8: ", // the command that kubectl has not
		"course/one/pods/wrong: ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("printed %q, want a mistake at %q", stdout, want)
		}
	}
}

// TestLintSurvivesEveryMistake looks at courses that are broken in every way
// that package content knows: what is left of them is still compiled.
func TestLintSurvivesEveryMistake(t *testing.T) {
	folders, err := filepath.Glob("content/testdata/invalid-*/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("found no broken course: %v", err)
	}
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			if stat, err := os.Stat(folder); err != nil || !stat.IsDir() {
				return
			}
			if stdout, _, err := run(t, "lab", "lint", "--content", folder, "-o", "json"); !errors.Is(err, errReported) {
				t.Errorf("err = %v, want errReported\n%s", err, stdout)
			}
		})
	}
}

func TestSchemaIsPrinted(t *testing.T) {
	stdout, _, err := run(t, "lab", "schema", "module")
	if err != nil || stdout != read(t, "docs/schemas/module.json") {
		t.Errorf("lab schema module: %v, printed %.80q, want docs/schemas/module.json", err, stdout)
	}
	if _, _, err := run(t, "lab", "schema", "modules"); err == nil {
		t.Error("lab schema modules is no error")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJUnitTellsWhatFailed(t *testing.T) {
	lab := &content.Lab{Name: "pods", Dir: "course/one/pods"}
	outcomes := []*verify.Outcome{
		{Case: verify.Case{Lab: lab, Name: "solution"}, Duration: 1500 * time.Millisecond},
		{Case: verify.Case{Lab: lab, Name: "wrong/typo"}, Problems: []string{"step run accepts this wrong answer"}, Transcript: "\x1b[1m\u009b1m$ kubectl"},
		nil, // never ran
	}
	file := filepath.Join(t.TempDir(), "junit.xml")
	if err := writeJUnit(file, outcomes); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Cases []struct {
				Name    string  `xml:"name,attr"`
				Time    float64 `xml:"time,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(read(t, file)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Suites) != 1 || got.Suites[0].Tests != 2 || got.Suites[0].Cases[0].Time != 1.5 {
		t.Fatalf("got %+v, want one suite of two tests, the first of 1.5 s", got)
	}
	if failure := got.Suites[0].Cases[1].Failure; failure == nil || failure.Message != "step run accepts this wrong answer" {
		t.Errorf("failure = %+v, want the problem", failure)
	}
	var table bytes.Buffer
	if err := printOutcomes(&table, outcomes[:2]); !errors.Is(err, errReported) {
		t.Errorf("err = %v, want errReported", err)
	}
	if strings.ContainsAny(table.String(), "\x1b\u009b") {
		t.Error("the table holds an escape sequence of a terminal")
	}
}

func TestReportsTellWhatFailed(t *testing.T) {
	lab := &content.Lab{Name: "pods", Dir: "course/one/pods", Minutes: 20}
	outcomes := []*verify.Outcome{
		{Case: verify.Case{Lab: lab, Name: "solution"}, Duration: 1500 * time.Millisecond},
		{Case: verify.Case{Lab: lab, Name: "without/run"}, Problems: []string{"flaky: 1 of 2 runs failed", "want <b>"}, Flaky: true, Transcript: "\x1b[1m$ kubectl\n\n</pre>"},
		nil, // never ran
	}
	file := filepath.Join(t.TempDir(), "report.md")
	if err := writeMarkdown(file, outcomes, 2); err != nil {
		t.Fatal(err)
	}
	got := read(t, file)
	for _, want := range []string{
		"1 of 3 proofs hold", "1 never ran", "| pods | solution | proven | 1.5s | 20 min |\n", "| pods | without/run | FLAKY |",
		"<details>", "flaky: 1 of 2 runs failed", "want &lt;b&gt;", "$ kubectl&#10;&#10;&lt;/pre&gt;</pre>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	if strings.ContainsRune(got, '\x1b') {
		t.Error("the report holds an escape sequence of a terminal")
	}
	var table bytes.Buffer
	if err := printOutcomes(&table, outcomes[:2]); !errors.Is(err, errReported) || !strings.Contains(table.String(), "FLAKY") || !strings.Contains(table.String(), "20 min") {
		t.Errorf("err = %v, the table is\n%s\nwant it flaky, and what the lab claims", err, table.String())
	}
}

func TestProgressEstimatesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		progress := newProofProgress(&out, 4)
		outcome := &verify.Outcome{Case: verify.Case{Lab: &content.Lab{Name: "pods"}, Name: "solution"}, Duration: 9 * time.Second}
		time.Sleep(10 * time.Second) // of synctest
		progress.ended(outcome)
		outcome.Problems = []string{"no"}
		progress.ended(outcome)
		progress.ended(outcome)
		progress.ended(outcome)
		want := "1 of 4 ✓ pods solution (9s), about 30s left\n2 of 4 ✗ pods solution (9s), about 10s left\n" +
			"3 of 4 ✗ pods solution (9s), about 3s left\n4 of 4 ✗ pods solution (9s)\n"
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// TestEveryLabIsProven is "wheelhouse lab verify --runs 1" of the whole course on
// embedded clusters, but for the proofs without a part. On kind, whose clusters
// take several times as long, it proves the solutions of the labs that ask most of a
// provider; "make verify" proves the rest.
func TestEveryLabIsProven(t *testing.T) {
	askMost := []string{"intro-app", "kubectl-exec", "cluster-ip"} // web addresses, containers, network
	t.Run(providerKind, func(t *testing.T) {
		provisionertest.NeedsEngine(t)
		proveEveryLab(t, "", providerKind, askMost, "solution")
	})
	t.Run(providerEmbedded, func(t *testing.T) {
		provisionertest.NeedsPack(t)
		proveEveryLab(t, "", providerEmbedded, nil, "solution", "wrong/*", "right/*")
	})
}

// TestEveryKindOfCheckIsProven proves labs that are there for the sake of their
// checks. kind has no address outside of a cluster.
func TestEveryKindOfCheckIsProven(t *testing.T) {
	t.Run(providerKind, func(t *testing.T) {
		provisionertest.NeedsEngine(t)
		proveEveryLab(t, "testdata/checks", providerKind, []string{"kinds"}, "solution")
	})
	t.Run(providerEmbedded, func(t *testing.T) {
		provisionertest.NeedsPack(t)
		proveEveryLab(t, "testdata/checks", providerEmbedded, nil, "solution", "wrong/*")
	})
}

// proveEveryLab proves the named labs of a folder, all of them where none is
// named; no folder is the course itself.
func proveEveryLab(t *testing.T, folder, provider string, names []string, only ...string) {
	cfg := config{Content: folder, Provider: provider, NodeImage: provisionertest.NodeImage(), PackCache: provisionertest.PackCache(t)}
	course, err := cfg.loadCourse()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := labsNamed(course, names)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := casesOf(chosen, only)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Minute)
	defer cancel()
	parallel := 2
	if provider == providerEmbedded { // proofs wait for pods most of the time, and these clusters are small
		parallel = 4
	}
	outcomes, err := cfg.verify(ctx, cases, proofRuns{each: 1, parallel: parallel}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range outcomes {
		if len(outcome.Problems) > 0 {
			t.Errorf("%s %s: %s", outcome.Case.Lab.Name, outcome.Case.Name, printable(strings.Join(outcome.Problems, "; ")))
		}
	}
	var report bytes.Buffer
	if err := printOutcomes(&report, outcomes); err != nil {
		t.Error(err)
	}
	t.Log(report.String())
}

func TestOnlyChoosesProofs(t *testing.T) {
	labs := []*content.Lab{{Name: "pods", Steps: []content.Step{{Name: "run"}}, Wrong: []content.WrongAnswer{{Name: "typo"}, {Name: "late"}}, Right: []content.RightAnswer{{Name: "edit"}}}, {Name: "nodes"}}
	tests := []struct {
		only string
		want []string // nil is an error
	}{
		{"*", []string{"solution", "without/run", "wrong/typo", "wrong/late", "right/edit", "solution"}},
		{"right/*", []string{"right/edit"}},
		{"without/*", []string{"without/run"}},
		{"solution,wrong/*", []string{"solution", "wrong/typo", "wrong/late", "solution"}},
		{"wrong/*,wrong/typo", []string{"wrong/typo", "wrong/late"}},
		{"solution,typo", nil},
		{"solution", []string{"solution", "solution"}},
		{"wrong/*", []string{"wrong/typo", "wrong/late"}},
		{"wrong/late", []string{"wrong/late"}},
		{"typo", nil},
		{"[", nil},
	}
	for _, test := range tests {
		cases, err := casesOf(labs, strings.Split(test.only, ","))
		var got []string
		for _, one := range cases {
			got = append(got, one.Name)
		}
		if !slices.Equal(got, test.want) || (err == nil) == (test.want == nil) {
			t.Errorf("--only %s: got %v, %v, want %v", test.only, got, err, test.want)
		}
	}
}

// TestMarkdownThatIsPlainText: lint names it as a mistake, other commands warn of it
// and go on.
func TestMarkdownThatIsPlainText(t *testing.T) {
	folder, edit := newCourse(t)
	edit("README.md", "## ", "<details>More.</details>\n\n## ")
	text, _, _ := strings.Cut(read(t, filepath.Join(folder, "first", "greeting", "README.md")), "<details>")
	want := fmt.Sprintf("course/first/greeting/README.md:%d: HTML such as <details> is shown as plain text: a text to unfold is a hint of the step, in lab.yaml\n", 1+strings.Count(text, "\n"))

	stdout, stderr, err := run(t, "lab", "lint", "--content", folder)
	if !errors.Is(err, errReported) || !strings.Contains(stdout, want) || !strings.Contains(stderr, "found.") {
		t.Errorf("lab lint: got %v, printed\n%s%s\nwant errReported and %s", err, stdout, stderr, want)
	}
	stdout, stderr, err = run(t, "lab", "list", "--content", folder, "-o", "json")
	if err != nil || !strings.Contains(stdout, `"name": "greeting"`) || strings.Count(stderr, "Warning: "+want) != 1 {
		t.Errorf("lab list: got %v, printed\n%s%s\nwant Warning: %s", err, stdout, stderr, want)
	}
	// What ends these commands comes after the course is loaded.
	if _, stderr, err = run(t, "lab", "verify", "absent", "--content", folder); err == nil || strings.Count(stderr, "Warning: "+want) != 1 {
		t.Errorf("lab verify: got %v, printed\n%s\nwant Warning: %s", err, stderr, want)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	place, reason, _ := strings.Cut(strings.TrimSuffix(want, "\n"), ": ")
	file, line, _ := strings.Cut(place, ":")
	for _, args := range [][]string{{"serve"}, {"learn", "--open=false"}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--content", folder, "--data", t.TempDir(), "--listen", taken.Addr().String())...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		out, err := cmd.CombinedOutput()
		logged := fmt.Sprintf("level=WARN msg=\"students see a part of the course as plain text\" file=%s line=%s reason=%q\n", file, line, reason)
		if err == nil || strings.Count(string(out), logged) != 1 || !strings.Contains(string(out), "is taken by another program") {
			t.Errorf("%s: got %v, printed\n%s\nwant %s", args[0], err, out, logged)
		}
	}
}
