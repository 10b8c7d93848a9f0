package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envelope is the outside of every content file, as of any Kubernetes object.
type envelope[T any] struct {
	// The version of this format.
	APIVersion string `yaml:"apiVersion" jsonschema:"required"`
	// What the file describes.
	Kind string `yaml:"kind" jsonschema:"required"`
	// What the file's object is called.
	Metadata metadata `yaml:"metadata" jsonschema:"required"`
	// What it is like.
	Spec T `yaml:"spec" jsonschema:"required"`
}

type metadata struct {
	// The name of the folder that the file is in.
	Name string `yaml:"name" jsonschema:"required,minLength=1"`
}

// document remembers where in a file each value was written.
type document struct {
	loader *loader
	file   string
	root   *yaml.Node
}

// line is where the value at the path of keys and indexes stands, or the nearest
// one around it that is there.
func (d *document) line(keys ...any) int {
	node, line := d.root, 1
	for _, key := range keys {
		next, at := child(node, key)
		if next == nil {
			break
		}
		node, line = next, at
	}
	return line
}

// child finds one value of a mapping or a list. A mapping's value stands where
// its key does, which is what an author looks for.
func child(node *yaml.Node, key any) (*yaml.Node, int) {
	switch key := key.(type) {
	case string:
		if node.Kind != yaml.MappingNode {
			return nil, 0
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i+1], node.Content[i].Line
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && key < len(node.Content) {
			return node.Content[key], node.Content[key].Line
		}
	}
	return nil, 0
}

// addf notes a problem with the value at a path: d.addf(at("spec", "minutes"), "…").
func (d *document) addf(at []any, format string, args ...any) {
	d.loader.addf(d.file, d.line(at...), format, args...)
}

func at(keys ...any) []any { return keys }

// decode reads a content file strictly. The result is false where the file is so
// broken that looking further into it would only make noise.
func decode[T any](l *loader, file, kind string) (T, *document, bool) {
	var out envelope[T]
	text, ok := l.text(file)
	if !ok {
		return out.Spec, nil, false
	}
	doc, ok := parse(l, file, text)
	if !ok {
		return out.Spec, nil, false
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&out); err != nil {
		l.addYAML(file, err)
	}
	doc.checkEnvelope(out.APIVersion, out.Kind, out.Metadata.Name, kind)
	return out.Spec, doc, true
}

func (d *document) checkEnvelope(apiVersion, kind, name, wantKind string) {
	if apiVersion != APIVersion {
		d.addf(at("apiVersion"), "apiVersion has to be %s", APIVersion)
	}
	if kind != wantKind {
		d.addf(at("kind"), "kind has to be %s", wantKind)
	}
	folder := d.file[:strings.LastIndex(d.file, "/")]
	folder = folder[strings.LastIndex(folder, "/")+1:]
	if name != folder {
		d.addf(at("metadata", "name"), "metadata.name is %s and has to be the name of the folder, %s", quote(name), folder)
	}
}

// parse reads the one YAML document of a file and refuses what could make it
// grow (aliases) or mean two things (a key that is there twice).
func parse(l *loader, file, text string) (*document, bool) {
	documents, ok := parseAll(l, file, text)
	switch {
	case !ok:
		return nil, false
	case len(documents) == 0:
		l.addf(file, 0, "is empty")
		return nil, false
	case len(documents) > 1:
		l.addf(file, documents[1].root.Line, "holds more than one YAML document; one file is one object")
		return nil, false
	case documents[0].root.Kind != yaml.MappingNode:
		l.addf(file, documents[0].root.Line, "has to hold fields (apiVersion, kind, metadata, spec)")
		return nil, false
	}
	return documents[0], true
}

// parseAll reads all YAML documents of a file, leaving out empty ones.
func parseAll(l *loader, file, text string) ([]*document, bool) {
	var documents []*document
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	sound := true
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return documents, sound
		}
		if err != nil {
			l.addYAML(file, err)
			return nil, false
		}
		if len(node.Content) == 0 || node.Content[0].Tag == "!!null" {
			continue
		}
		sound = l.soundNode(file, node.Content[0]) && sound
		documents = append(documents, &document{loader: l, file: file, root: node.Content[0]})
	}
}

func (l *loader) soundNode(file string, node *yaml.Node) bool {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		l.addf(file, node.Line, "YAML anchors and aliases are not allowed; write the value out")
		return false
	}
	sound := true
	if node.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if first, twice := seen[key.Value]; twice {
				l.addf(file, key.Line, "%s is set twice; the first time is in line %d", quote(key.Value), first)
				sound = false
			}
			seen[key.Value] = key.Line
		}
	}
	for _, inner := range node.Content {
		sound = l.soundNode(file, inner) && sound
	}
	return sound
}

var (
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)
	yamlUnknown = regexp.MustCompile(`^field (.*?) not found in type .+$`)
	yamlType    = regexp.MustCompile("(?s)^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (\\S+)$")
)

// addYAML turns the parser's errors, which speak of Go types, into sentences for
// an author.
func (l *loader) addYAML(file string, err error) {
	messages := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var typeError *yaml.TypeError
	if errors.As(err, &typeError) {
		messages = typeError.Errors
	}
	for _, message := range messages {
		line := 0
		if parts := yamlLine.FindStringSubmatch(message); parts != nil {
			line, _ = strconv.Atoi(parts[1])
			message = parts[2]
		}
		l.addf(file, line, "%s", inWords(message))
		if line > 0 {
			l.broken[place{file, line}] = true
		}
	}
}

func inWords(message string) string {
	if parts := yamlUnknown.FindStringSubmatch(message); parts != nil {
		return fmt.Sprintf("there is no field %s here", quote(parts[1]))
	}
	parts := yamlType.FindStringSubmatch(message)
	if parts == nil {
		return "is not YAML: " + message
	}
	found := map[string]string{"seq": "a list", "map": "a set of fields", "null": "nothing"}[parts[1]]
	if found == "" {
		found = quote(parts[2])
	}
	return fmt.Sprintf("this has to be %s, and is %s", typeInWords(parts[3]), found)
}

func typeInWords(goType string) string {
	switch {
	case goType == "int":
		return "a whole number"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case goType == "[]string":
		return "a list of texts"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "a set of fields"
}
