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

// wordsOf writes a value for a student: text as it is, and JSON of lists and
// maps.
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
	case traits.Mapper, traits.Lister:
		return clip(jsonOf(plain(v, 0)), valueSize)
	}
	return clip(fmt.Sprint(plain(value, 0)), valueSize)
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
