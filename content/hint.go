package content

import (
	"fmt"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// UnmarshalYAML takes a text, or a mapping of text and cost. It is strict by
// itself, because what a decoder refuses is not passed on to it.
func (h *hintSpec) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return node.Decode(&h.Text)
	}
	for i := 0; i < len(node.Content); i += 2 {
		if key := node.Content[i]; key.Value != "text" && key.Value != "cost" {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s not found in type content.hintSpec", key.Line, key.Value)}}
		}
	}
	type plain hintSpec
	return node.Decode((*plain)(h))
}

// JSONSchemaExtend says the same to editors.
func (hintSpec) JSONSchemaExtend(schema *jsonschema.Schema) {
	mapping := *schema
	*schema = jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string", MinLength: mapping.MinLength}, &mapping}, Description: mapping.Description}
	mapping.Description = ""
}
