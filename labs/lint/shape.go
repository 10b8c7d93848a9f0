package lint

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// shape is what is known of a value in an expression: which part of which kind of
// object it is, and its type in Kubernetes' API. The zero shape knows nothing.
type shape struct {
	kind string       // "Deployment"; empty where it is no part of an object
	path string       // from the object on: "spec.containers[].image"
	api  reflect.Type // nil where it is not known; never a pointer
	elem *shape       // of a list that an expression makes, or that a variable holds
}

func listOf(elem shape) shape { return shape{kind: elem.kind, path: elem.path, elem: &elem} }

func basic(value any) shape { return shape{api: reflect.TypeOf(value)} }

// apiType is the Go type of one of Kubernetes' own kinds, or nil.
func apiType(apiVersion, kind string) reflect.Type {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil
	}
	return scheme.Scheme.KnownTypes(version)[kind]
}

// kindsOf returns the kinds that an API of Kubernetes' own has, without those
// that only travel, such as lists and options.
func kindsOf(apiVersion string) []string {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil
	}
	types := scheme.Scheme.KnownTypes(version)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(types)), func(kind string) bool {
		_, stored := types[kind].FieldByName("ObjectMeta")
		return !stored
	})
}

// misspelt tells whether the API is one of Kubernetes' own and lacks the kind.
func misspelt(apiVersion, kind string) bool {
	kinds := kindsOf(apiVersion)
	return len(kinds) > 0 && !slices.Contains(kinds, kind)
}

// form is how a value looks in JSON, as far as a comparison minds.
type form string

const (
	unknown form = ""
	text    form = "a text"
	number  form = "a number"
	truth   form = "true or false"
	list    form = "a list"
	fields  form = "a set of fields"
)

var (
	texts     = []reflect.Type{reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime](), reflect.TypeFor[metav1.Duration](), reflect.TypeFor[resource.Quantity]()}
	either    = reflect.TypeFor[intstr.IntOrString]()
	marshaler = reflect.TypeFor[json.Marshaler]()
)

func (s shape) form() form {
	switch {
	case s.elem != nil:
		return list
	case s.api == nil || s.api == either:
		return unknown
	case slices.Contains(texts, s.api):
		return text
	case reflect.PointerTo(s.api).Implements(marshaler):
		return unknown
	}
	switch s.api.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return truth
	case reflect.Slice:
		if s.api.Elem().Kind() == reflect.Uint8 {
			return text // base64
		}
		return list
	case reflect.Struct, reflect.Map:
		return fields
	case reflect.Interface:
		return unknown
	}
	return number
}

// closed tells whether the value's fields are all known.
func (s shape) closed() bool {
	return s.form() == fields && s.api.Kind() == reflect.Struct
}

// inside is the part of the value called name, of the type api.
func (s shape) inside(name string, api reflect.Type) shape {
	for api != nil && api.Kind() == reflect.Pointer {
		api = api.Elem()
	}
	return shape{kind: s.kind, path: strings.TrimPrefix(s.path+"."+name, "."), api: api}
}

// field is the part of the value with that name in JSON; false where there is
// certainly none. A part of what is not known is not known either.
func (s shape) field(name string) (shape, bool) {
	switch s.form() {
	case unknown:
		if s.api == either {
			return shape{}, false
		}
		return s.inside(name, nil), true
	case fields:
		if s.api.Kind() == reflect.Map {
			return s.inside(name, s.api.Elem()), true
		}
		api, found := jsonFields(s.api)[name]
		return s.inside(name, api), found
	}
	return shape{}, false
}

// element is what the value holds: the elements of a list, the values of a map.
func (s shape) element() shape {
	switch {
	case s.elem != nil:
		return *s.elem
	case s.api == nil:
		return shape{kind: s.kind, path: s.path + "[]"}
	case s.form() == list, s.api.Kind() == reflect.Map:
		element := s.inside("", s.api.Elem())
		element.path = s.path + "[]"
		return element
	}
	return shape{}
}

// jsonFields returns the fields of a struct by their names in JSON, with those of
// the structs inlined in it.
func jsonFields(api reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range api.NumField() {
		field := api.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && field.Anonymous:
			maps.Copy(all, jsonFields(field.Type))
		case name == "":
			all[field.Name] = field.Type
		default:
			all[name] = field.Type
		}
	}
	return all
}

// didYouMean proposes the candidate that is most like name: "; did you mean
// spec.replicas?", with prefix before it, or "" where none is alike.
func didYouMean(name string, candidates []string, prefix string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range candidates {
		if distance := editDistance(strings.ToLower(name), strings.ToLower(candidate)); distance < least && distance < len(name) {
			best, least = candidate, distance
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + prefix + best + "?"
}

// editDistance counts the letters to add, drop or change to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
