package content

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Values are what a lab's variables are for one student, as text.
type Values map[string]string

// variableSpec is what a variable of lab.yaml may be.
type variableSpec struct {
	// The values to draw from: numbers, or texts of letters, digits, dots, hyphens and underscores.
	OneOf []string `yaml:"oneOf" jsonschema:"required,minItems=2"`
}

var (
	variableName  = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,30}$`)
	variableValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,60}[A-Za-z0-9])?$`)
	// placeholder is how texts name a variable, and reference how expressions do.
	placeholder = regexp.MustCompile(`\{\{\s*variables\.([A-Za-z0-9_]*)\s*\}\}`)
	reference   = regexp.MustCompile(`\bvariables\.([A-Za-z][A-Za-z0-9_]*)`)
)

// draws makes a lab for values that were drawn.
type draws struct {
	read func(Values) *Lab
	all  map[string][]string

	mu   sync.Mutex
	made map[string]*Lab // by the values in one text
}

// For returns the lab as the owner of a seed sees it: with one value for each of
// its variables, which are always the same for the same seed. A lab without
// variables is the same for everybody. It may be called by several goroutines.
func (l *Lab) For(seed string) *Lab {
	if l.draws == nil {
		return l
	}
	values := draw(l.draws.all, seed)
	key := fmt.Sprint(map[string]string(values)) // in the order of the names
	l.draws.mu.Lock()
	defer l.draws.mu.Unlock()
	made, there := l.draws.made[key]
	if !there {
		made = l.draws.read(values)
		l.draws.made[key] = made
	}
	return made
}

// draw picks a value for each variable.
func draw(all map[string][]string, seed string) Values {
	values := Values{}
	for name, from := range all {
		sum := sha256.Sum256([]byte(seed + "\x00" + name))
		values[name] = from[binary.BigEndian.Uint64(sum[:])%uint64(len(from))]
	}
	return values
}

// edge picks the first value of each variable, or the last: a lab is read with
// both when its course is loaded.
func edge(all map[string][]string, last bool) Values {
	values := Values{}
	for name, from := range all {
		values[name] = from[0]
		if last {
			values[name] = from[len(from)-1]
		}
	}
	return values
}

// variables reads what lab.yaml declares; nil where that is nothing.
func (l *loader) variables(file string) map[string][]string {
	before := len(l.problems)
	text, ok := l.text(file)
	l.problems = l.problems[:before] // told when the whole is read
	if !ok {
		return nil
	}
	if _, sound := parse(&loader{broken: map[place]bool{}}, file, text); !sound { // with aliases, above all
		return nil
	}
	var outer struct {
		Spec struct {
			Variables map[string]variableSpec `yaml:"variables"`
		} `yaml:"spec"`
	}
	if yaml.Unmarshal([]byte(text), &outer) != nil {
		return nil
	}
	all := map[string][]string{}
	for name, spec := range outer.Spec.Variables {
		if variableName.MatchString(name) && len(spec.OneOf) > 0 {
			all[name] = spec.OneOf
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// checkVariables notes what is wrong with the declarations.
func (d *document) checkVariables(specs map[string]variableSpec) {
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if !variableName.MatchString(name) {
			d.addf(at("spec", "variables", name), "%s cannot be a variable: use a small letter, then letters and digits", quote(name))
		}
		from := specs[name].OneOf
		if len(from) < 2 {
			d.addf(at("spec", "variables", name), "the variable %s needs oneOf with two values at least", name)
		}
		for i, value := range from {
			if !variableValue.MatchString(value) {
				d.addf(at("spec", "variables", name, "oneOf", i), "%s cannot be a value: use letters, digits, dots, hyphens and underscores", quote(value))
			}
			if slices.Contains(from[:i], value) {
				d.addf(at("spec", "variables", name, "oneOf", i), "the value %s is there already", value)
			}
		}
	}
}

// filled puts the values into a file's text.
func (l *loader) filled(file, text string) string {
	if l.values == nil {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = placeholder.ReplaceAllStringFunc(line, func(found string) string {
			name := placeholder.FindStringSubmatch(found)[1]
			value, there := l.values[name]
			if !there {
				l.addf(file, i+1, "there is no variable %s", quote(name))
			}
			return value
		})
	}
	return strings.Join(lines, "\n")
}

// expression puts the values into a CEL expression, as numbers or texts.
func (d *document) expression(where []any, text *string) {
	values := d.loader.values
	if values == nil {
		return
	}
	*text = reference.ReplaceAllStringFunc(*text, func(found string) string {
		name := reference.FindStringSubmatch(found)[1]
		value, there := values[name]
		if !there {
			d.addf(where, "there is no variable %s", quote(name))
			return found
		}
		if _, err := strconv.ParseInt(value, 10, 64); err == nil {
			return value
		}
		return "'" + value + "'"
	})
}

// labOf reads a lab, with the first values of its variables, and sees to it that
// it is one with the last as well.
func (l *loader) labOf(dir, module string) *Lab {
	all := l.variables(path.Join(dir, "lab.yaml"))
	if all == nil {
		return l.lab(dir, module)
	}
	before := len(l.problems)
	l.values = edge(all, false)
	lab := l.lab(dir, module)
	if len(l.problems) == before {
		l.values = edge(all, true)
		l.lab(dir, module)
	}
	l.values = nil
	read := func(values Values) *Lab {
		other := &loader{fsys: l.fsys, files: l.files, children: l.children, broken: map[place]bool{}, values: values}
		made := other.lab(dir, module)
		made.draws = lab.draws
		return made
	}
	lab.draws = &draws{read: read, all: all, made: map[string]*Lab{}}
	return lab
}
