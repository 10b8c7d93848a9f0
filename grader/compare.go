package grader

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// opposite is the comparison that holds where another does not, and mirrored the
// one that says the same from the other side.
var (
	opposite = map[string]string{
		operators.Equals: operators.NotEquals, operators.NotEquals: operators.Equals,
		operators.Less: operators.GreaterEquals, operators.GreaterEquals: operators.Less,
		operators.Greater: operators.LessEquals, operators.LessEquals: operators.Greater,
	}
	mirrored = map[string]string{
		operators.Less: operators.Greater, operators.Greater: operators.Less,
		operators.LessEquals: operators.GreaterEquals, operators.GreaterEquals: operators.LessEquals,
	}
)

// compare explains a comparison: one side is what is looked at, and the other
// what it should be.
func (x *explainer) compare(operator string, left, right celast.Expr, in *frame, should bool) account {
	if operator == operators.In {
		return x.among(left, right, in, should)
	}
	looked, other := left, right
	if x.turned(left, right, in) {
		looked, other = right, left
		if turned, there := mirrored[operator]; there {
			operator = turned
		}
	}
	if !should {
		operator = opposite[operator]
	}
	from := x.originOf(looked, in)
	if from == nil || tells(from, x.originOf(other, in)) {
		return account{}
	}
	found, have, ok := x.found(looked, in)
	if !ok {
		return account{}
	}
	a := account{found: []string{found}, origin: from, have: have}
	want, err := x.eval(other, in)
	switch {
	case err != nil:
		return a
	case x.hides(other, in), found == hidden && operator != operators.Equals:
		a.wanted = hidden // or it would say what the Secret keeps
		return a
	}
	a.wanted, a.negated = phrase(operator, want), operator == operators.NotEquals
	if operator == operators.Equals {
		a.want = want
	}
	if len(have) == 1 && isNumber(have[0]) != isNumber(want) && (isText(have[0]) || isText(want)) {
		a.found = []string{quoted(have[0])}
		if operator == operators.Equals {
			a.wanted = quoted(want)
		}
	}
	return a
}

// turned tells whether it is the right side that is looked at: the only one that
// comes from the cluster, or what the cluster makes of the left one.
func (x *explainer) turned(left, right celast.Expr, in *frame) bool {
	l, r := x.originOf(left, in), x.originOf(right, in)
	if l == nil || r == nil {
		return l == nil
	}
	return l.variable == r.variable && slices.Contains(r.path, "status") && !slices.Contains(l.path, "status")
}

// tells tells whether showing both sides would tell an answer: what a student
// has noted in a ConfigMap is held against what they are to find in the cluster.
func tells(looked, other *origin) bool {
	if other == nil || looked.variable == other.variable {
		return false
	}
	return isNote(looked) || isNote(other)
}

func isNote(o *origin) bool {
	return o.variable == nil || o.variable.query.kind == "ConfigMap" || o.variable.query.kind == "Secret"
}

// phrase says what a comparison asks for.
func phrase(operator string, want ref.Val) string {
	words := wordsOf(want)
	switch operator {
	case operators.NotEquals:
		if want == types.String("") || want == types.NullValue {
			return "something"
		}
		return "not " + words
	case operators.Less:
		return "less than " + words
	case operators.LessEquals:
		return "at most " + words
	case operators.Greater:
		return "more than " + words
	case operators.GreaterEquals:
		return "at least " + words
	}
	return words
}

func isNumber(value ref.Val) bool {
	switch value.(type) {
	case types.Int, types.Uint, types.Double:
		return true
	}
	return false
}

func isText(value ref.Val) bool {
	_, ok := value.(types.String)
	return ok
}

// among explains "x in y": x of the cluster should be one of some values, or x
// should be in a list or a map of the cluster.
func (x *explainer) among(item, all celast.Expr, in *frame, should bool) account {
	if x.originOf(item, in) == nil {
		return x.holds(item, all, in, should)
	}
	from := x.originOf(item, in)
	found, have, ok := x.found(item, in)
	if !ok || tells(from, x.originOf(all, in)) {
		return account{}
	}
	a := account{found: []string{found}, origin: from, have: have}
	values, err := x.eval(all, in)
	switch {
	case err != nil:
	case x.hides(all, in), found == hidden:
		a.wanted = hidden
	case should:
		a.wanted = "one of " + listed(values)
	default:
		a.wanted = "none of " + listed(values)
	}
	return a
}

// holds explains that a list or a map should hold something. Of a map, the keys
// are shown: they are what is asked for.
func (x *explainer) holds(item, all celast.Expr, in *frame, should bool) account {
	from := x.originOf(all, in)
	want, err := x.eval(item, in)
	if from == nil || err != nil {
		return account{}
	}
	a := account{wanted: wordsOf(want) + " in the list", origin: from}
	values, err := x.eval(all, in)
	if missing := x.blameOf(err, all, in); missing != nil {
		a.found = []string{missing.words()}
	} else if err != nil {
		return account{}
	}
	if _, mapped := values.(traits.Mapper); mapped || slices.Contains([]string{"labels", "data", "annotations"}, lastOf(from.path)) {
		a.label = wordsOf(want)
		a.wanted = "the key " + a.label
		if lastOf(from.path) == "labels" {
			a.wanted = "the label " + a.label
		}
	}
	if !should {
		a.wanted = strings.Replace("no "+a.wanted, "no the ", "no ", 1)
	}
	switch {
	case len(a.found) > 0:
	case x.hides(all, in) && !(startsAtName(all) && lastOf(from.path) == "data"): // keys are no secret
		a.found = []string{hidden}
	default:
		a.found = []string{listed(values)}
	}
	return a
}

func (x *explainer) blameOf(err error, of celast.Expr, in *frame) *gap {
	if err == nil || !isMissing(err) {
		return nil
	}
	return x.blame(of, in)
}

func lastOf(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}

// text explains the tests of a text: startsWith, endsWith, contains, matches and
// sameImage.
func (x *explainer) text(function string, looked, other celast.Expr, in *frame, should bool) account {
	from := x.originOf(looked, in)
	if from == nil || tells(from, x.originOf(other, in)) {
		return account{}
	}
	found, have, ok := x.found(looked, in)
	if !ok {
		return account{}
	}
	a := account{found: []string{found}, origin: from, have: have}
	want, isString := x.textOf(other, in)
	switch {
	case !isString:
		return a
	case x.hides(other, in), found == hidden:
		a.wanted = hidden
		return a
	}
	a.wanted, a.negated = textPhrase(function, want, should), !should
	switch {
	case function == SameImage && should:
		a.want = types.String(want)
	case function == "matches" && should:
		if plain := example(want); plain != "" {
			a.wanted, a.want = textWords(plain), types.String(plain)
		}
	}
	return a
}

func (x *explainer) textOf(of celast.Expr, in *frame) (string, bool) {
	value, err := x.eval(of, in)
	text, ok := value.(types.String)
	return string(text), err == nil && ok
}

func textPhrase(function, want string, should bool) string {
	words := textWords(want)
	not := ""
	if !should {
		not = "does not "
	}
	end := "s"
	if !should {
		end = ""
	}
	switch function {
	case SameImage:
		if !should {
			return "not " + words
		}
		return words
	case "startsWith":
		return "a text that " + not + "start" + end + " with " + words
	case "endsWith":
		return "a text that " + not + "end" + end + " with " + words
	case "contains":
		return "a text that " + not + "contain" + end + " " + words
	}
	if !should {
		if plain := example(want); plain != "" {
			return "not " + textWords(plain)
		}
		return "a text that does not match " + words
	}
	return "a text that matches " + words
}

// example returns the plain text that a regular expression means, where it means
// one apart from what may be left out: "nginx:1.27" for
// "^(docker[.]io/)?nginx:1[.]27$". It is empty for all others.
func example(pattern string) string {
	if !strings.HasPrefix(pattern, "^") || !strings.HasSuffix(pattern, "$") {
		return ""
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var text strings.Builder
	if !shortest(parsed, &text) {
		return ""
	}
	if ok, err := regexp.MatchString(pattern, text.String()); err != nil || !ok {
		return ""
	}
	return text.String()
}

// shortest writes the only text that a pattern matches without what may be left
// out, and tells whether there is only one.
func shortest(of *syntax.Regexp, text *strings.Builder) bool {
	switch of.Op {
	case syntax.OpLiteral:
		text.WriteString(string(of.Rune))
		return of.Flags&syntax.FoldCase == 0
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpEmptyMatch, syntax.OpQuest, syntax.OpStar:
		return true
	case syntax.OpCapture, syntax.OpConcat:
		return !slices.ContainsFunc(of.Sub, func(sub *syntax.Regexp) bool { return !shortest(sub, text) })
	}
	return false
}
