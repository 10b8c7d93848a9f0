package content

import (
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// sources are this package's own files: the comments on what is decoded are the
// descriptions that editors show.
//
//go:embed *.go
var sources embed.FS

// formats are the files that have a schema, by the word that Schema takes.
var formats = []struct {
	name, kind string
	decoded    any
}{
	{"course", KindCourse, envelope[courseSpec]{}},
	{"module", KindModule, envelope[moduleSpec]{}},
	{"lab", KindLab, envelope[labSpec]{}},
}

// Schemas returns what Schema takes.
func Schemas() []string {
	var names []string
	for _, format := range formats {
		names = append(names, format.name)
	}
	return names
}

// Schema returns the JSON Schema (draft 2020-12) of course.yaml, module.yaml or
// lab.yaml, made from the types that the file is decoded into. It refuses what an
// editor can know to be wrong; Load knows more.
func Schema(name string) ([]byte, error) {
	for _, format := range formats {
		if format.name != name {
			continue
		}
		comments, err := readComments()
		if err != nil {
			return nil, err
		}
		schema := reflector(comments).Reflect(format.decoded)
		schema.Title, schema.Description = name+".yaml of Wheelhouse", ""
		constant(schema, "apiVersion", APIVersion)
		constant(schema, "kind", format.kind)
		out, err := json.MarshalIndent(schema, "", "  ")
		return append(out, '\n'), err
	}
	return nil, fmt.Errorf("there is no schema of %q; there are %s", name, strings.Join(Schemas(), ", "))
}

func constant(schema *jsonschema.Schema, field, value string) {
	if property, ok := schema.Properties.Get(field); ok {
		property.Const = value
	}
}

func reflector(comments map[string]string) *jsonschema.Reflector {
	return &jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		FieldNameTag:               "yaml",
		LookupComment: func(t reflect.Type, field string) string {
			name, _, _ := strings.Cut(t.Name(), "[") // without the types of a generic one
			return comments[strings.TrimSuffix(name+"."+field, ".")]
		},
	}
}

// readComments returns the comments of this package's types, by "type" and
// "type.field", each on one line.
func readComments() (map[string]string, error) {
	comments := map[string]string{}
	files, err := sources.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := sources.ReadFile(file.Name())
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range parsed.Decls {
			if types, ok := declaration.(*ast.GenDecl); ok && types.Tok == token.TYPE && !strings.HasSuffix(file.Name(), "_test.go") {
				addComments(comments, types)
			}
		}
	}
	return comments, nil
}

func addComments(comments map[string]string, types *ast.GenDecl) {
	for _, spec := range types.Specs {
		named := spec.(*ast.TypeSpec) // token.TYPE declares nothing else
		doc := named.Doc
		if doc == nil && !types.Lparen.IsValid() {
			doc = types.Doc
		}
		comments[named.Name.Name] = oneLine(doc.Text())
		fields, ok := named.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range fields.Fields.List {
			for _, name := range field.Names {
				comments[named.Name.Name+"."+name.Name] = sentence(field.Doc.Text() + " " + field.Comment.Text())
			}
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// sentence makes a sentence of a comment, which may begin small and end open.
func sentence(comment string) string {
	text := oneLine(comment)
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
