package content_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"wheelhouse/content"
)

// drawn is the smallest valid course, with a lab that has variables.
func drawn(t *testing.T, change func(files fstest.MapFS)) (*content.Course, error) {
	t.Helper()
	files := minimal(t)
	const dir = "course/01-first/hello/"
	files[dir+"lab.yaml"] = &fstest.MapFile{Data: []byte(`apiVersion: wheelhouse.dev/v1
kind: Lab
metadata: {name: hello}
spec:
  title: Hello
  summary: A lab.
  minutes: 5
  variables:
    word: {oneOf: [red, green, blue]}
    replicas: {oneOf: [3, 4]}
  steps:
  - name: create
    title: Create it
    hints: ["Say {{variables.word}}."]
    checks:
    - name: exists
      title: The ConfigMap {{ variables.word }} is there
      objects:
        hello: {apiVersion: v1, kind: ConfigMap, namespace: default, name: "{{variables.word}}"}
      validations:
      - expression: hello.data.word == variables.word && hello.data.count == string(variables.replicas)
        messageExpression: "'Want ' + string(variables.replicas) + ' of {{variables.word}}.'"
`)}
	files[dir+"README.md"] = &fstest.MapFile{Data: []byte("Hello.\n\n## Create it\n\nMake `{{variables.word}}` and {{ variables.replicas }}; {{ .Values.x }} is none of ours.\n")}
	files[dir+"solve.sh"] = &fstest.MapFile{Data: []byte("# step: create\nkubectl create configmap {{variables.word}} --from-literal=count={{variables.replicas}}\n")}
	files[dir+"setup/a.yaml"] = &fstest.MapFile{Data: []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: setup}, data: {count: \"{{variables.replicas}}\"}}\n")}
	if change != nil {
		change(files)
	}
	return content.Load(files, "course")
}

func TestVariables(t *testing.T) {
	course, err := drawn(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	sample, _ := course.Lab("hello")
	if got := fmt.Sprint(sample.Values); got != "map[replicas:3 word:red]" {
		t.Errorf("the first values: got %s", got)
	}
	seen := map[string]int{}
	for i := range 100 {
		lab := sample.For(fmt.Sprint("student", i))
		word, replicas := lab.Values["word"], lab.Values["replicas"]
		seen[word+replicas]++
		check := lab.Steps[0].Checks[0]
		for what, got := range map[string]string{
			"title":        check.Title,
			"object":       check.Objects["hello"].Name,
			"expression":   check.Validations[0].Expression,
			"message":      check.Validations[0].MessageExpression,
			"hint":         string(lab.Steps[0].Hints[0].HTML),
			"instructions": string(lab.Steps[0].Instructions),
			"solution":     lab.Solution[0].Text,
			"setup":        lab.Setup[0].Text,
		} {
			want := map[string]string{
				"title":        "The ConfigMap " + word + " is there",
				"object":       word,
				"expression":   "hello.data.word == '" + word + "' && hello.data.count == string(" + replicas + ")",
				"message":      "'Want ' + string(" + replicas + ") + ' of " + word + ".'",
				"hint":         "Say " + word + ".",
				"instructions": "<code>" + word + "</code> and " + replicas + "; {{ .Values.x }} is",
				"solution":     "configmap " + word + " --from-literal=count=" + replicas,
				"setup":        `count: "` + replicas + `"`,
			}[what]
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		if again := sample.For(fmt.Sprint("student", i)); again != lab || lab.For("x") != sample.For("x") {
			t.Error("the same seed gives another lab")
		}
	}
	if len(seen) != 6 {
		t.Errorf("100 students have %d of 6 combinations: %v", len(seen), seen)
	}
}

func TestVariablesThatAreWrong(t *testing.T) {
	lab := "course/01-first/hello/lab.yaml"
	for _, test := range []struct{ file, old, new, want string }{
		{lab, "{oneOf: [3, 4]}", "{oneOf: [3]}", lab + ":10: the variable replicas needs oneOf with two values at least"},
		{lab, "{oneOf: [3, 4]}", "{oneOf: [3, 3]}", lab + ":10: the value 3 is there already"},
		{lab, "{oneOf: [3, 4]}", "{oneOf: [3, \"a b\"]}", lab + `:10: "a b" cannot be a value`},
		{lab, "{oneOf: [3, 4]}", "{oneOf: 3}", lab + ":10: "},
		{lab, "replicas: {oneOf", "Re-plicas: {oneOf", lab + `:10: "Re-plicas" cannot be a variable`},
		{lab, "string(variables.replicas)\n", "string(variables.replica)\n", lab + `:21: there is no variable "replica"`},
		{"course/01-first/hello/README.md", "{{variables.word}}", "{{variables.wrd}}", `README.md:5: there is no variable "wrd"`},
	} {
		_, err := drawn(t, func(files fstest.MapFS) {
			text := string(files[test.file].Data)
			if !strings.Contains(text, test.old) {
				t.Fatalf("%s does not hold %q", test.file, test.old)
			}
			files[test.file] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, test.old, test.new))}
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.new, err, test.want)
		}
	}
}
