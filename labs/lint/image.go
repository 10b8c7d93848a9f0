package lint

import (
	"regexp"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"wheelhouse/grader"
)

// images reports comparisons that know one spelling of an image only: a student
// may write its registry, its library or a digest, too.
func (l *linter) images(c *check) {
	for _, v := range c.validations {
		walk(v.root(), func(e ast.Expr) {
			if e.Kind() != ast.CallKind {
				return
			}
			operands := children(e)
			if len(operands) != 2 {
				return
			}
			image, wanted := operands[0], operands[1]
			switch name := e.AsCall().FunctionName(); name {
			case grader.SameImage:
				if fixed(image) && v.isImage(wanted) {
					l.complain(c, v.line, "%s takes the image that is looked at first: write sameImage(%s, %s)", name, v.source(wanted), v.source(image))
				}
			case operators.Equals, operators.NotEquals:
				if v.isImage(wanted) {
					image, wanted = wanted, image
				}
				if v.isImage(image) && fixed(wanted) && v.source(wanted) != `""` {
					not := ""
					if name == operators.NotEquals {
						not = "!"
					}
					l.complain(c, v.line, "the image may be written in other ways, such as docker.io/library/nginx:1.27: write %ssameImage(%s, %s)", not, v.source(image), v.source(wanted))
				}
			case operators.In, "startsWith":
				if v.isImage(image) && fixed(wanted) {
					l.complain(c, v.line, "the image may be written in other ways, such as docker.io/library/nginx:1.27: write sameImage(%s, …)", v.source(image))
				}
			case "matches":
				if v.isImage(image) && wanted.Kind() == ast.LiteralKind && whole(wanted) {
					l.complain(c, v.line, "the image may be written in ways that the pattern does not take, such as with a digest: write sameImage(%s, …)", v.source(image))
				}
			}
		})
	}
}

// isImage reports whether a value is the image of a container, as its author wrote
// it.
func (e *expression) isImage(value ast.Expr) bool {
	path := e.shapes[value.ID()].path
	return !strings.HasPrefix(path, "status.") && containerImage.MatchString(path)
}

// containerImage is where an image stands in a Pod and in what makes Pods.
var containerImage = regexp.MustCompile(`(^|[.])(containers|initContainers|ephemeralContainers)\[\][.]image$`)

// fixed reports whether a value is the same in every cluster.
func fixed(value ast.Expr) bool { return len(free(value, nil)) == 0 }

// whole reports whether a pattern is one of a whole text.
func whole(pattern ast.Expr) bool {
	text, ok := pattern.AsLiteral().(types.String)
	return ok && strings.HasPrefix(string(text), "^") && strings.HasSuffix(string(text), "$")
}
