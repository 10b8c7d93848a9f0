package lint

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"golang.org/x/net/html"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// mentions reports what a check wants and the student cannot know: names of
// objects, texts and numbers that no instruction up to its step and no file of
// the workstation's home names.
func (l *linter) mentions() {
	known := plain(string(l.lab.Intro)) + "\n" + homeText(l.lab.Files)
	for i := range l.lab.Steps {
		step := &l.lab.Steps[i]
		if step.Instructions == "" {
			return // package content has said what is missing
		}
		known += "\n" + step.Title + "\n" + plain(string(step.Instructions))
		for _, c := range l.checks {
			if c.step == step {
				l.mentioned(c, known)
			}
		}
	}
}

func (l *linter) mentioned(c *check, known string) {
	for _, word := range namesOf(c.spec) {
		if !mentionsWord(known, word) {
			l.complain(c, c.spec.Line, "the instructions never mention %s, which it looks for", word)
		}
	}
	l.revealed(c, known)
	for _, v := range c.validations {
		wanted := &wanted{expression: v, written: writtenByCluster(c.spec)}
		wanted.collect(v.root())
		for _, word := range wanted.words {
			switch {
			case mentionsWord(known, word):
			case !mentionsWord(l.setup.whole, word):
				l.complain(c, v.line, "the instructions never mention %s, which it wants", word)
			case !c.spec.Diagnose && !slices.Contains(wanted.images, word):
				l.complain(c, v.line, "it wants %s, which students are to find in what the set-up makes, and the page shows them what is wanted; "+
					"give the check diagnose: true", word)
			}
		}
		for _, n := range wanted.numbers {
			if !mentionsNumber(known, n) {
				l.complain(c, v.line, "the instructions never mention the number %d, which it wants", n)
			}
		}
	}
}

// namesOf are the names that a student has to know to make or to change what the
// check looks at. The namespaces that every cluster has need no words.
func namesOf(spec *content.Check) []string {
	var names []string
	namespace := func(name string) {
		if name != "" && name != "default" && !content.SystemNamespace(name) {
			names = append(names, name)
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(spec.Objects)) {
		object := spec.Objects[variable]
		namespace(object.Namespace)
		if object.Name != "" && object.Name != given[object.Kind] { // which every namespace has
			names = append(names, object.Name)
		}
	}
	add := func(given ...string) {
		for _, name := range given {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	pod := func(ref *content.PodRef) {
		namespace(ref.Namespace)
		add(ref.Pod, ref.Container)
	}
	switch {
	case spec.Exec != nil:
		pod(&spec.Exec.PodRef)
	case spec.Logs != nil:
		pod(&spec.Logs.PodRef)
	case spec.HTTP != nil:
		namespace(spec.HTTP.Namespace)
		add(spec.HTTP.Service, spec.HTTP.Pod, spec.HTTP.Ingress, spec.HTTP.Host)
	case spec.Can != nil:
		namespace(spec.Can.Namespace)
		in, account, _ := strings.Cut(spec.Can.ServiceAccount, "/")
		namespace(in)
		add(account)
	case spec.Workstation != nil:
		if spec.Workstation.File != "" {
			add(path.Base(spec.Workstation.File))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// controlled are the kinds whose objects the cluster writes and a student does
// not, so that a student need not know what stands in them.
var controlled = []string{"Event", "EndpointSlice", "Endpoints", "Lease", "Node"}

// writtenByCluster tells whether no student writes what the check looks at.
func writtenByCluster(spec *content.Check) bool {
	for _, object := range spec.Objects {
		if !slices.Contains(controlled, object.Kind) {
			return false
		}
	}
	return len(spec.Objects) > 0
}

// wanted collects the literals that an expression wants something to equal.
type wanted struct {
	*expression
	written bool
	words   []string
	images  []string // those of words that name images
	numbers []int64
}

// collect looks where a literal is what a student has to bring about: not in a
// negation, a condition, a message of how to continue, or one of several ways.
func (w *wanted) collect(e ast.Expr) {
	switch e.Kind() {
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		w.collect(loop.IterRange())
		w.collect(stepOf(loop))
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.LogicalNot, operators.LogicalOr, operators.NotEquals:
		case operators.Conditional:
			w.collect(call.Args()[1])
			w.collect(call.Args()[2])
		case operators.Equals, grader.SameImage:
			before := len(w.words)
			w.equal(call.Args()[0], call.Args()[1])
			w.equal(call.Args()[1], call.Args()[0])
			if call.FunctionName() == grader.SameImage {
				w.images = append(w.images, w.words[before:]...)
			}
		default:
			for _, part := range children(e) {
				w.collect(part)
			}
		}
	default:
		for _, part := range children(e) {
			w.collect(part)
		}
	}
}

// stepOf is what the author has written into exists, all, filter or map. What
// those add, the accumulator and how it is joined, is taken off.
func stepOf(loop ast.ComprehensionExpr) ast.Expr {
	step := loop.LoopStep()
	if step.Kind() != ast.CallKind {
		return step
	}
	args := step.AsCall().Args()
	switch step.AsCall().FunctionName() {
	case operators.LogicalOr, operators.LogicalAnd, operators.Add:
		if args[0].Kind() == ast.IdentKind && args[0].AsIdent() == loop.AccuVar() {
			return args[1]
		}
	case operators.Conditional: // filter: the condition decides what is left
		return args[0]
	}
	return step
}

func (w *wanted) equal(thing, value ast.Expr) {
	if value.Kind() != ast.LiteralKind || thing.Kind() == ast.LiteralKind || w.written || w.byCluster(thing) {
		return
	}
	switch literal := value.AsLiteral().(type) {
	case types.String:
		if word := strings.TrimSpace(string(literal)); word != "" {
			w.words = append(w.words, word)
		}
	case types.Int:
		if literal > 1 { // none and one need no digit
			w.numbers = append(w.numbers, int64(literal))
		}
	}
	w.collect(thing)
}

// answered are the variables of checks that tell whether something worked, in
// numbers and words that a student need not know: a command's exit code, the status of
// HTTP, the code of DNS.
var answered = []string{"exitCode", "status", "code"}

// byCluster tells whether a value is not the student's to choose by name: a part
// of a status, of an object that the cluster writes, or one of the values that
// Kubernetes' API enumerates; and what a command returned.
func (w *wanted) byCluster(e ast.Expr) bool {
	s := w.shapes[e.ID()]
	first, _, _ := strings.Cut(s.path, ".")
	first = strings.TrimSuffix(first, "[]")
	enumerated := s.api != nil && s.api.Kind() == reflect.String && s.api.PkgPath() != ""
	return first == "status" || enumerated || slices.Contains(controlled, s.kind) ||
		e.Kind() == ast.IdentKind && slices.Contains(answered, e.AsIdent())
}

// homeText is all that a student finds in the workstation's home, names included.
func homeText(files fs.FS) string {
	if files == nil {
		return ""
	}
	var out strings.Builder
	_ = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // package content reports what cannot be read
		}
		text, _ := fs.ReadFile(files, name)
		out.WriteString(name + "\n" + string(text) + "\n")
		return nil
	})
	return out.String()
}

// plain is the text of HTML, with the addresses of its links.
func plain(source string) string {
	var out strings.Builder
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return out.String()
		case html.TextToken:
			out.Write(tokens.Text())
		case html.EndTagToken:
			out.WriteString(" ") // paragraphs are apart
		case html.StartTagToken:
			for _, attribute := range tokens.Token().Attr {
				out.WriteString(" " + attribute.Val + " ")
			}
		}
	}
}

// mentionsWord tells whether text holds word, and not as a part of a longer one.
func mentionsWord(text, word string) bool {
	return regexp.MustCompile(`(^|[^A-Za-z0-9-])` + regexp.QuoteMeta(word) + `($|[^A-Za-z0-9-]|-?$)`).MatchString(text)
}

var numerals = []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}

func mentionsNumber(text string, n int64) bool {
	if n < int64(len(numerals)) && mentionsWord(strings.ToLower(text), numerals[n]) {
		return true
	}
	return regexp.MustCompile(fmt.Sprintf(`(^|[^0-9.])%s($|[^0-9])`, strconv.FormatInt(n, 10))).MatchString(text)
}
