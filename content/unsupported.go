package content

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// withoutFrontMatter returns a text with empty lines in the place of front matter,
// which Markdown would take for a heading, and warns of it.
func (p *markdownPage) withoutFrontMatter(source string) string {
	lines := strings.Split(source, "\n")
	end := slices.Index(lines[1:], "---") + 1
	if lines[0] != "---" || end == 0 || !frontMatter.MatchString(lines[1]) {
		return source
	}
	p.warnLine(1, "front matter is not read: the title and the like stand in lab.yaml; leave it out")
	return strings.Repeat("\n", end+1) + strings.Join(lines[end+1:], "\n")
}

// checkShown warns of Markdown that the page shows as plain text: raw HTML, and what
// other sites add to GitHub's Markdown.
func (p *markdownPage) checkShown() {
	p.walk(func(node ast.Node) {
		switch node := node.(type) {
		case *ast.HTMLBlock:
			p.checkHTML(node, blockHTML(node, p.source))
		case *ast.RawHTML:
			p.checkHTML(node, string(node.Segments.Value(p.source)))
		case *ast.CodeBlock:
			p.warnf(node, "a code block that is only indented does not say what it holds: write ```bash above it and ``` below, or ```yaml, ```text and the like")
		case *ast.LinkReferenceDefinition:
			if isFootnote(node) {
				p.warnf(node, footnotes)
			}
		case *ast.Blockquote:
			p.checkAlert(node)
		case *ast.Heading:
			if node.Level < 3 && node.Parent() != p.root {
				p.addf(node, `a heading inside of a section has three or more "#"`)
			}
			p.checkProse(node)
		case *ast.Paragraph, *ast.TextBlock:
			p.checkProse(node)
		}
	})
}

// shownNowhere reports whether the page shows nothing at all of a block.
func (p *markdownPage) shownNowhere(node ast.Node) bool {
	if block, ok := node.(*ast.HTMLBlock); ok {
		return plainHTML(blockHTML(block, p.source)) == ""
	}
	return node.Kind() == ast.KindLinkReferenceDefinition && !isFootnote(node)
}

const footnotes = "footnotes are shown as they are written; write the remark into the text, in brackets or in a sentence of its own"

var (
	frontMatter = regexp.MustCompile(`^[A-Za-z][\w-]*:(\s|$)`)
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTag     = regexp.MustCompile(`<([A-Za-z][A-Za-z0-9-]*)`)
	alert       = regexp.MustCompile(`^\[!([A-Za-z]+)\]`)
	taskBox     = regexp.MustCompile(`^\[[ xX]\]\s`)
)

// unshown are the forms of text that the page shows as they are written, each with
// what to write instead.
var unshown = []struct {
	form    *regexp.Regexp
	message string
}{
	{regexp.MustCompile(`\[\^[^\]\s]+\]`), footnotes},
	{regexp.MustCompile(`(?:^|[^\w\]\\])\[[^\[\]]*[A-Za-z][^\[\]]*\]\[[^\[\]]*\]`),
		"the link is shown as it is written, because the name in its second brackets is defined nowhere; write [text](address)"},
	{regexp.MustCompile(`^(:::|!!!\s|\?\?\?\s)`), "a box of this form is shown as it is written; write a quotation that begins with \"> **Note:** \""},
	{regexp.MustCompile(`^\{(%\s|\{[<%])`), "tags of a site generator are shown as they are written; leave them out"},
	{regexp.MustCompile(`^\$\$`), "formulas are shown as they are written; write them in words or as `code`"},
	{regexp.MustCompile(`(?:^|\s):[a-z][a-z0-9_+-]+:(?:$|[\s.,!?)])`), "the name of an emoji is shown as it is written; write the character itself or leave it out"},
}

// instead says for elements of HTML what to write in Markdown.
var instead = map[string]string{
	"details": "a text to unfold is a hint of the step, in lab.yaml", "summary": "a text to unfold is a hint of the step, in lab.yaml",
	"br": "end the line with a backslash, or leave a line empty for a new paragraph",
	"a":  "write [text](address)", "b": "write **bold**", "strong": "write **bold**", "i": "write *slanted*", "em": "write *slanted*",
	"code": "write `code`", "kbd": "write `code`", "samp": "write `code`", "var": "write `code`", "tt": "write `code`",
	"pre": "write a code block: ```text above it and ``` below", "h1": "write a heading with \"###\"", "h2": "write a heading with \"###\"",
	"h3": "write a heading with \"###\"", "h4": "write a heading with \"####\"", "hr": "write --- in a line of its own",
	"ul": "write a list with \"- \"", "ol": "write a list with \"1. \"", "li": "write a list with \"- \"", "del": "write ~~deleted~~", "s": "write ~~deleted~~",
	"thead": "write a table with \"|\"", "tbody": "write a table with \"|\"", "dl": "write a list with \"- \"", "dt": "write a list with \"- \"",
	"dd": "write a list with \"- \"", "section": "write its text alone", "figure": "write its text alone", "figcaption": "write its text alone",
	"table": "write a table with \"|\"", "tr": "write a table with \"|\"", "td": "write a table with \"|\"", "th": "write a table with \"|\"",
	"blockquote": "write a quotation with \"> \"", "p": "leave a line empty between paragraphs", "div": "write its text alone",
	"span": "write its text alone", "center": "write its text alone", "font": "write its text alone", "u": "write *slanted*", "mark": "write **bold**",
	"sub": "write its text alone", "sup": "write its text alone", "small": "write its text alone", "img": "describe it in words or in a text block",
	"picture": "describe it in words or in a text block", "video": "write a link to it", "audio": "write a link to it", "iframe": "write a link to it",
	"script": "leave it out", "style": "leave it out", "svg": "describe it in words or in a text block",
}

// checkHTML warns of the elements of raw HTML. Comments are for authors, and no
// student is to see them: one without an end has to be mended.
func (p *markdownPage) checkHTML(node ast.Node, html string) {
	rest := htmlComment.ReplaceAllString(html, "")
	name := htmlTag.FindStringSubmatch(rest)
	closes := strings.HasPrefix(strings.TrimSpace(rest), "</") // what opens it is told of
	switch {
	case strings.Contains(rest, "<!--"):
		p.addf(node, "the comment has no end (-->), so nothing below it is shown")
	case name != nil:
		known := strings.ToLower(name[1])
		switch {
		case instead[known] == "":
			p.warnf(node, "<"+name[1]+"> is read as HTML and shown as it is written: write it as code, `<"+name[1]+">`, or without the angle brackets")
		case slices.Contains(notText, known) && node.Kind() == ast.KindHTMLBlock:
			p.warnf(node, "HTML such as <"+name[1]+"> is not shown: "+instead[known])
		default:
			p.warnf(node, "HTML such as <"+name[1]+"> is shown as plain text: "+instead[known])
		}
	case !closes && strings.TrimSpace(rest) != "" && rest != html:
		p.warnf(node, "what stands in a line with a comment (<!-- -->) is shown as plain text; put the comment in a line of its own")
	case !closes && strings.TrimSpace(rest) != "":
		p.warnf(node, "HTML is shown as plain text: write it in Markdown, or as `code`")
	}
}

// checkAlert warns of a quotation that is one of GitHub's alerts.
func (p *markdownPage) checkAlert(quotation *ast.Blockquote) {
	first := quotation.FirstChild()
	if first == nil || first.Kind() != ast.KindParagraph {
		return
	}
	if kind := alert.FindStringSubmatch(p.prose(first)[0].text); kind != nil {
		name := strings.ToUpper(kind[1][:1]) + strings.ToLower(kind[1][1:])
		p.warnf(first, "[!"+kind[1]+"] is shown as it is written: begin the quotation with \"> **"+name+":** \" instead")
	}
}

func (p *markdownPage) checkProse(block ast.Node) {
	lines := p.prose(block)
	add := func(line proseLine, message string) {
		p.warnLine(line.number, message)
	}
	if block.Parent().Kind() == ast.KindListItem && block.PreviousSibling() == nil && taskBox.MatchString(lines[0].text) {
		add(lines[0], "the box of a task list is shown as it is written; write a list, because the page ticks the steps")
	}
	if block.Kind() == ast.KindHeading && headingName.MatchString(lines[len(lines)-1].text) {
		add(lines[0], "a heading's {…} is shown as it is written; leave it out")
	}
	for i, line := range lines {
		for _, other := range unshown {
			if other.form.MatchString(line.text) {
				add(line, other.message)
			}
		}
		if i > 0 && strings.HasPrefix(line.text, ": ") {
			add(line, "a list of definitions is shown as it is written; write \"- **word**: what it means\"")
		}
	}
}

var headingName = regexp.MustCompile(`\{[#.][^}]*\}\s*$`)

// proseLine is a line of a block's own text.
type proseLine struct {
	number int
	text   string
}

// prose returns the lines of a paragraph or a heading as they are written, with a
// "`" for each piece of code and each address in them. There is at least one.
func (p *markdownPage) prose(block ast.Node) []proseLine {
	lines := []proseLine{{number: p.line(block)}}
	_ = ast.Walk(block, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		last := &lines[len(lines)-1]
		switch node := node.(type) {
		case *ast.CodeSpan, *ast.AutoLink, *ast.RawHTML:
			if entering {
				last.text += "`"
			}
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if !entering {
				break
			}
			last.number = p.lineAt(node.Segment.Start)
			last.text += string(node.Segment.Value(p.source))
			if node.SoftLineBreak() || node.HardLineBreak() {
				lines = append(lines, proseLine{number: last.number + 1})
			}
		}
		return ast.WalkContinue, nil
	})
	return lines
}
