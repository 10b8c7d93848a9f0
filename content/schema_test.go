package content_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"wheelhouse/content"
)

// compileSchema returns the schema of course, module or lab.
func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := content.Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("schema.json")
}

// validate holds a YAML text against a schema.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// TestSchemasAreCommitted: with -update, it commits them.
func TestSchemasAreCommitted(t *testing.T) {
	for _, name := range content.Schemas() {
		want, err := content.Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "docs", "schemas", name+".json")
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the code makes (%v); go test ./content -run Schemas -update", file, err)
		}
	}
}

func TestSchemasAcceptWhatLoadAccepts(t *testing.T) {
	for _, files := range []fs.FS{content.Embedded(), os.DirFS("testdata/valid-full"), os.DirFS("testdata/valid-minimal")} {
		seen := map[string]int{}
		err := fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
			name, isYAML := strings.CutSuffix(path.Base(file), ".yaml")
			if err != nil || !isYAML || name != "course" && name != "module" && name != "lab" {
				return err
			}
			text, err := fs.ReadFile(files, file)
			if err != nil {
				return err
			}
			seen[name]++
			if err := validate(t, compileSchema(t, name), string(text)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			return nil
		})
		if err != nil || len(seen) != 3 {
			t.Errorf("found %v, %v: want courses, modules and labs", seen, err)
		}
	}
}

func TestSchemasRefuse(t *testing.T) {
	text, err := os.ReadFile("testdata/valid-full/course/02-second/pods/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new, want string }{
		{"unknown field", "  minutes:", "  colour: red\n  minutes:", "additional properties 'colour' not allowed"},
		{"unknown field in a check", "    - name: pod\n", "    - name: pod\n      exce: {}\n", "additional properties 'exce' not allowed"},
		{"kind", "kind: Lab", "kind: Labs", "value must be 'Lab'"},
		{"version", "wheelhouse.dev/v1", "wheelhouse.dev/v2", "value must be 'wheelhouse.dev/v1'"},
		{"missing", "  steps:", "  after: []\n  requires:", "missing property 'steps'"},
		{"type", "  minutes: ", "  minutes: many # ", "got string, want integer"},
		{"range", "  minutes: ", "  minutes: 999 # ", "maximum: got 999, want 240"},
	}
	schema := compileSchema(t, "lab")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrong := strings.Replace(string(text), tt.old, tt.new, 1)
			if wrong == string(text) {
				t.Fatalf("the lab holds no %q", tt.old)
			}
			if tt.name == "missing" {
				wrong = "apiVersion: wheelhouse.dev/v1\nkind: Lab\nmetadata: {name: pods}\nspec: {title: a, summary: b, minutes: 3}\n"
			}
			if err := validate(t, schema, wrong); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestSchemasDescribeEveryField: an editor shows what each field is.
func TestSchemasDescribeEveryField(t *testing.T) {
	for _, name := range content.Schemas() {
		text, err := content.Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		type fields map[string]struct{ Description string }
		var schema struct {
			Properties fields
			Defs       map[string]struct{ Properties fields } `json:"$defs"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		all := map[string]fields{"": schema.Properties}
		for def, inner := range schema.Defs {
			all[def] = inner.Properties
		}
		for def, inner := range all {
			for field, property := range inner {
				if property.Description == "" {
					t.Errorf("%s: %s.%s has no comment that describes it", name, def, field)
				}
			}
		}
	}
	if _, err := content.Schema("course.yaml"); err == nil {
		t.Error("made a schema of course.yaml, which is no name of one")
	}
}
