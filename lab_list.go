package main

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// withEntry adds an entry to the end of a list in the spec of a YAML document,
// and leaves all else as it is, comments too. An entry that is there already is
// not added again. Where the place cannot be found, the error says what to do.
func withEntry(text, list, entry string) (string, error) {
	node, err := specList(text, list)
	if err != nil {
		return "", err
	}
	before := entriesOf(node)
	if slices.Contains(before, entry) {
		return text, nil
	}
	changed := inserted(text, node, entry)
	after, err := specList(changed, list)
	if err != nil || !slices.Equal(entriesOf(after), append(before, entry)) {
		return "", fmt.Errorf("cannot find the end of the list spec.%s; add %s to it by hand first", list, entry)
	}
	return changed, nil
}

// specList finds a list in the spec of a YAML document.
func specList(text, list string) (*yaml.Node, error) {
	var document struct {
		Spec map[string]yaml.Node `yaml:"spec"`
	}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	node, ok := document.Spec[list]
	if !ok || node.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("there is no list spec.%s to add to", list)
	}
	return &node, nil
}

func entriesOf(list *yaml.Node) []string {
	var entries []string
	for _, entry := range list.Content {
		entries = append(entries, entry.Value)
	}
	return entries
}

// inserted returns the text with an entry after the last of a list, in the
// list's own style. It relies on where the parser saw things, so the caller looks
// at what came out.
func inserted(text string, list *yaml.Node, entry string) string {
	lines := strings.SplitAfter(text, "\n")
	last := list
	if len(list.Content) > 0 {
		last = list.Content[len(list.Content)-1]
	}
	line := lines[last.Line-1]
	start := min(last.Column-1, len(line)) // in bytes: names before it are ASCII
	if list.Style&yaml.FlowStyle != 0 {
		end := strings.IndexAny(line[start:], "],\n")
		if end < 0 {
			return text
		}
		if last == list { // "[]"
			lines[last.Line-1] = line[:start+1] + entry + line[start+1:]
		} else {
			lines[last.Line-1] = line[:start+end] + ", " + entry + line[start+end:]
		}
		return strings.Join(lines, "")
	}
	if !strings.HasSuffix(line, "\n") {
		line += "\n"
	}
	lines[last.Line-1] = line + line[:start] + entry + "\n"
	return strings.Join(lines, "")
}
