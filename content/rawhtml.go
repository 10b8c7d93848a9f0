package content

import (
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
)

// The page shows raw HTML as plain text: the text between the tags stays, the tags
// of elements that HTML knows are dropped, and what only looks like a tag, such as
// <pod>, is shown as it is written. Nothing of it keeps its meaning as HTML but the
// ends of lines and paragraphs.

// inline are the elements that do not end a paragraph. All others of instead do.
var inline = []string{"a", "b", "strong", "i", "em", "code", "kbd", "samp", "var", "tt", "del", "s", "span", "font", "u", "mark",
	"sub", "sup", "small", "img", "picture", "script", "style", "svg", "td", "th"}

// notText are the elements whose content is not for readers.
var notText = []string{"script", "style", "svg"}

// htmlBlock writes a block of raw HTML as paragraphs of its text.
func (htmlRenderer) htmlBlock(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(plainHTML(blockHTML(node.(*ast.HTMLBlock), source)))
	}
	return ast.WalkSkipChildren, nil
}

// rawHTML writes a tag in a sentence: the text after it is a node of its own.
func (htmlRenderer) rawHTML(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkSkipChildren, nil
	}
	tag := string(node.(*ast.RawHTML).Segments.Value(source))
	text := plainTag(tag)
	if tagName(tag) == "a" && strings.HasPrefix(tag, "</") {
		text = plainAddress(openLink(node, source))
	}
	_, _ = w.WriteString(text)
	return ast.WalkSkipChildren, nil
}

// image writes the description of an image in its place.
func (htmlRenderer) image(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkContinue, nil
}

// linkDefinition writes the text of a footnote that Markdown takes for the address of a
// link, and nothing for a real one.
func (htmlRenderer) linkDefinition(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering && isFootnote(node) {
		_, _ = w.WriteString("<p>" + template.HTMLEscapeString(strings.TrimSpace(string(node.Lines().Value(source)))) + "</p>\n")
	}
	return ast.WalkSkipChildren, nil
}

func isFootnote(node ast.Node) bool {
	definition, ok := node.(*ast.LinkReferenceDefinition)
	return ok && strings.HasPrefix(string(definition.Label), "^")
}

func blockHTML(node *ast.HTMLBlock, source []byte) string {
	raw := string(node.Lines().Value(source))
	if node.HasClosure() {
		raw += string(node.ClosureLine.Value(source))
	}
	return raw
}

// openLink returns the tag of the link that ends at a node, or "".
func openLink(node ast.Node, source []byte) string {
	for before := node.PreviousSibling(); before != nil; before = before.PreviousSibling() {
		if raw, ok := before.(*ast.RawHTML); ok {
			if tag := string(raw.Segments.Value(source)); tagName(tag) == "a" {
				return tag
			}
		}
	}
	return ""
}

// plainAddress is where a link of HTML leads, as a reader can copy it.
func plainAddress(tag string) string {
	if address := attribute(tag, "href"); isWeb(address) {
		return " (" + template.HTMLEscapeString(address) + ")"
	}
	return ""
}

// plainHTML returns the text of raw HTML, safe to put into a page: paragraphs, and
// blocks for what is preformatted. Comments are left out.
func plainHTML(raw string) string {
	raw = htmlComment.ReplaceAllString(raw, "")
	var out, text strings.Builder
	link, skipped, preformatted := "", "", false
	end := func() {
		switch shown := text.String(); {
		case strings.TrimSpace(strings.ReplaceAll(shown, "<br>", "")) == "":
		case preformatted:
			out.WriteString("<pre><code>" + strings.Trim(shown, "\n") + "\n</code></pre>\n")
		default:
			out.WriteString("<p>" + strings.TrimSpace(shown) + "</p>\n")
		}
		text.Reset()
	}
	tokens := html.NewTokenizer(strings.NewReader(raw))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		tag := string(tokens.Raw())
		name := tagName(tag)
		switch {
		case kind == html.EndTagToken && name == skipped:
			skipped = ""
		case skipped != "":
		case kind == html.TextToken:
			text.WriteString(template.HTMLEscapeString(html.UnescapeString(tag)))
		case kind == html.StartTagToken && slices.Contains(notText, name):
			skipped = name
		case name == "pre" && kind != html.SelfClosingTagToken:
			end()
			preformatted = kind == html.StartTagToken
		case name == "a" && kind == html.EndTagToken:
			text.WriteString(plainAddress(link))
			link = ""
		case name == "a":
			link = tag
		case instead[name] == "" || slices.Contains(inline, name) || name == "br":
			text.WriteString(plainTag(tag))
		case !preformatted:
			end()
		}
	}
	if skipped == "" {
		text.WriteString(template.HTMLEscapeString(string(tokens.Raw()))) // of a tag without an end
	}
	end()
	return out.String()
}

// plainTag is what is shown of one tag, or of a comment or a declaration.
func plainTag(tag string) string {
	switch name := tagName(tag); {
	case strings.HasPrefix(tag, "<!--"):
		return ""
	case name == "br":
		return "<br>"
	case name == "img":
		return template.HTMLEscapeString(attribute(tag, "alt"))
	case name == "td" || name == "th":
		return " "
	case instead[name] != "":
		return ""
	}
	return template.HTMLEscapeString(tag)
}

var tagStart = regexp.MustCompile(`^</?([A-Za-z][A-Za-z0-9-]*)`)

// tagName returns the name of a tag's element in small letters, or "" for what is
// no tag.
func tagName(tag string) string {
	if name := tagStart.FindStringSubmatch(tag); name != nil {
		return strings.ToLower(name[1])
	}
	return ""
}

// attribute returns an attribute's value of a tag, or "".
func attribute(tag, name string) string {
	tokens := html.NewTokenizer(strings.NewReader(tag))
	tokens.Next()
	for _, attr := range tokens.Token().Attr {
		if attr.Key == name {
			return attr.Val
		}
	}
	return ""
}
