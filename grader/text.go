package grader

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// textSize bounds a text that an expression builds, in bytes.
const textSize = 1 << 20

var errText = fmt.Errorf("it builds a text of more than %d MiB", textSize>>20)

// bounded are the functions of CEL whose result may be far larger than all that
// goes in, so that CEL's cost, which is counted by what goes in, does not bound
// them. They have the declarations of cel-go's ext.Strings, and those
// of sets of its ext.Sets, which run for as long as two lists are long multiplied.
func bounded() []cel.EnvOption {
	texts, list := cel.StringType, cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{texts, texts, texts}, texts, cel.FunctionBinding(replace)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{texts, texts, texts, cel.IntType}, texts, cel.FunctionBinding(replace))),
		cel.Function("join",
			cel.MemberOverload("list_join_string", []*cel.Type{list, texts}, texts, cel.BinaryBinding(join))),
		set("contains", func(a, b traits.Lister) ref.Val { return all(b, a) }),
		set("intersects", some),
		set("equivalent", func(a, b traits.Lister) ref.Val {
			if one := all(a, b); one != types.True {
				return one
			}
			return all(b, a)
		}),
	}
}

// setSize bounds how many pairs of elements the functions of sets compare.
const setSize = 1 << 20

var errSets = fmt.Errorf("it compares sets of more than %d pairs of elements", setSize)

func set(name string, compare func(a, b traits.Lister) ref.Val) cel.EnvOption {
	list := cel.ListType(cel.TypeParamType("T"))
	return cel.Function("sets."+name, cel.Overload("list_sets_"+name+"_list", []*cel.Type{list, list}, cel.BoolType, cel.BinaryBinding(func(a, b ref.Val) ref.Val {
		of, in := a.(traits.Lister), b.(traits.Lister)
		if of.Size().(types.Int)*in.Size().(types.Int) > setSize {
			return types.WrapErr(errSets)
		}
		return compare(of, in)
	})))
}

// all tells whether each element of one list is in the other.
func all(of, in traits.Lister) ref.Val {
	for it := of.Iterator(); it.HasNext() == types.True; {
		if there := in.Contains(it.Next()); there != types.True {
			return there
		}
	}
	return types.True
}

// some tells whether any is.
func some(of, in traits.Lister) ref.Val {
	for it := of.Iterator(); it.HasNext() == types.True; {
		if in.Contains(it.Next()) == types.True {
			return types.True
		}
	}
	return types.False
}

func replace(args ...ref.Val) ref.Val {
	text, old, new, most := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String)), -1
	if len(args) > 3 {
		most = int(args[3].(types.Int))
	}
	times := strings.Count(text, old)
	if most >= 0 {
		times = min(times, most)
	}
	if len(text)+times*(len(new)-len(old)) > textSize {
		return types.WrapErr(errText)
	}
	return types.String(strings.Replace(text, old, new, most))
}

func join(values, separator ref.Val) ref.Val {
	var parts []string
	between, size := string(separator.(types.String)), 0
	for it := values.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		part, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("no such overload: join of a list that holds more than texts")
		}
		if size += len(part) + len(between); size > textSize {
			return types.WrapErr(errText)
		}
		parts = append(parts, string(part))
	}
	return types.String(strings.Join(parts, between))
}
