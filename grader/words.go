package grader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

const (
	valueSize  = 200 // bytes of a value that a student is shown
	valueItems = 50  // elements of a list or map that are looked at for it
	nothing    = "nothing"
)

// wordsOf writes a value for a student: text as it is, an API object as its kind and
// name, a larger part of one as its name or its fields, and JSON of other lists and maps.
func wordsOf(value ref.Val) string {
	switch v := value.(type) {
	case nil, types.Null:
		return nothing
	case *types.Optional:
		if !v.HasValue() {
			return nothing
		}
		return wordsOf(v.GetValue())
	case types.String:
		return textWords(string(v))
	case traits.Mapper:
		return mapWords(v)
	case traits.Lister:
		return listWords(v)
	}
	return clip(fmt.Sprint(plain(value, 0)), valueSize)
}

const longMap = 80 // bytes of JSON, which people do not read

func mapWords(of traits.Mapper) string {
	kind, namespace, name := textMember(of, "kind"), textMember(member(of, "metadata"), "namespace"), textMember(member(of, "metadata"), "name")
	if kind != "" && name != "" {
		return clip(kind+" "+objectKey{namespace, name}.String(), valueSize)
	}
	text := jsonOf(plain(of, 0))
	if len(text) <= longMap {
		return text
	}
	if name := textMember(of, "name"); name != "" {
		return clip("the one named "+name, valueSize)
	}
	return clip("the fields "+listed(of), valueSize)
}

// listWords writes a list whose elements would be long as JSON by what they are
// called.
func listWords(of traits.Lister) string {
	text := jsonOf(plain(of, 0))
	if len(text) <= longMap {
		return text
	}
	if items := itemsOf(of, 1); len(items) > 0 {
		if _, maps := items[0].(traits.Mapper); maps {
			return listed(of)
		}
	}
	return clip(text, valueSize)
}

// textMember is a map's value of a key where that is text.
func textMember(of ref.Val, key string) string {
	text, _ := member(of, key).(types.String)
	return string(text)
}

// textWords shows white space around a text, and a text that is empty.
func textWords(text string) string {
	switch {
	case text == "":
		return "an empty text"
	case strings.TrimSpace(text) != text:
		return clip(strconv.Quote(text), valueSize)
	}
	return clip(oneLine(text), valueSize)
}

// quoted shows that a value is text, where a number could be meant.
func quoted(value ref.Val) string {
	if text, ok := value.(types.String); ok {
		return clip(jsonOf(string(text)), valueSize)
	}
	return wordsOf(value)
}

// plain turns a value into what encoding/json knows, the first elements of a
// long one.
func plain(value ref.Val, depth int) any {
	if depth > 10 {
		return "…"
	}
	switch v := value.(type) {
	case types.Null, nil:
		return nil
	case *types.Optional:
		if !v.HasValue() {
			return nil
		}
		return plain(v.GetValue(), depth+1)
	case types.String, types.Bool, types.Int, types.Uint:
		return v.Value()
	case types.Double:
		return json.Number(strconv.FormatFloat(float64(v), 'g', -1, 64))
	case types.Timestamp, types.Duration, types.Bytes:
		return v.ConvertToType(types.StringType).Value()
	case traits.Mapper:
		return plainMap(v, depth)
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True && len(list) < valueItems; {
			list = append(list, plain(it.Next(), depth+1))
		}
		return list
	}
	return fmt.Sprint(value.Value())
}

func plainMap(from traits.Mapper, depth int) map[string]any {
	all := map[string]any{}
	for it := from.Iterator(); it.HasNext() == types.True && len(all) < valueItems; {
		key := it.Next()
		all[fmt.Sprint(key.Value())] = plain(from.Get(key), depth+1)
	}
	return all
}

// jsonOf writes JSON on one line, as people write it.
func jsonOf(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return "" // a number that is none
	}
	return strings.TrimSpace(text.String())
}

// listed writes a list's elements, or a map's keys in order: "a, b, c".
func listed(values ref.Val) string {
	items := itemsOf(values, valueItems)
	if _, iterable := values.(traits.Iterable); !iterable {
		return wordsOf(values)
	}
	words := make([]string, 0, len(items))
	for _, item := range items {
		words = append(words, wordsOf(item))
	}
	if _, mapped := values.(traits.Mapper); mapped {
		slices.Sort(words)
	}
	if len(words) == 0 {
		return nothing
	}
	return clip(strings.Join(words, ", "), valueSize)
}
