package content

import (
	"bytes"
	"html/template"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// appLink is the target of a link to an application in the student's cluster:
// "app:NAMESPACE/SERVICE:PORT".
var appLink = regexp.MustCompile(`^app:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?:[1-9][0-9]{0,4}$`)

// markdown is GitHub's Markdown with raw HTML as plain text (rawhtml.go), and
// without task lists, because the page ticks the steps.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Linkify, extension.Strikethrough,
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(htmlRenderer{}, 1))),
)

// markdownPage is a parsed Markdown text and what is wrong with it.
type markdownPage struct {
	source   []byte
	root     ast.Node
	problems []markdownProblem
}

type markdownProblem struct {
	line    int
	message string
	warning bool // the text can be read all the same
}

// parseMarkdown parses a text and checks what the renderer will make of it.
func parseMarkdown(source string) *markdownPage {
	page := &markdownPage{}
	page.source = []byte(page.withoutFrontMatter(source))
	page.root = markdown.Parser().Parse(text.NewReader(page.source), parser.WithContext(pageContext{parser.NewContext()}))
	page.walk(func(node ast.Node) {
		switch node := node.(type) {
		case *ast.FencedCodeBlock:
			page.checkFence(node)
		case *ast.AutoLink:
			page.checkAddress(node)
		case *ast.Image:
			page.warnf(node, "images are not shown, only their description is; say it in words or in a text block")
		}
	})
	page.checkShown()
	return page
}

func (p *markdownPage) walk(visit func(ast.Node)) {
	_ = ast.Walk(p.root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(node)
		}
		return ast.WalkContinue, nil // so Walk itself cannot fail
	})
}

func (p *markdownPage) addf(node ast.Node, message string) {
	p.problems = append(p.problems, markdownProblem{line: p.line(node), message: message})
}

// warnf notes what the page shows otherwise than the author means it.
func (p *markdownPage) warnf(node ast.Node, message string) {
	p.warnLine(p.line(node), message)
}

func (p *markdownPage) warnLine(line int, message string) {
	p.problems = append(p.problems, markdownProblem{line, message, true})
}

// pageContext is goldmark's, without footnotes among the addresses of links.
type pageContext struct{ parser.Context }

// AddReference notes the address of a link.
func (c pageContext) AddReference(reference parser.Reference) {
	if !bytes.HasPrefix(reference.Label(), []byte("^")) {
		c.Context.AddReference(reference)
	}
}

// checkAddress looks at an address that stands in the text as it is. One of
// e-mail stays text.
func (p *markdownPage) checkAddress(node *ast.AutoLink) {
	target := string(node.URL(p.source))
	if node.AutoLinkType == ast.AutoLinkURL && !isWeb(target) {
		p.addf(node, "the address "+quote(target)+" is neither https nor http")
	}
}

// isWeb tells whether a link leads to another site that a browser can open.
func isWeb(target string) bool {
	address, err := url.Parse(target)
	return err == nil && (address.Scheme == "https" || address.Scheme == "http") && address.Host != ""
}

func (p *markdownPage) codeLines(block ast.Node) []string {
	return strings.Split(strings.TrimRight(string(block.Lines().Value(p.source)), "\n"), "\n")
}

// links resolves every link: external ones and those to applications stay as they
// are, relative ones are given to resolve. A link that cannot be resolved keeps
// its text only.
func (p *markdownPage) links(resolve func(line int, target string) (string, bool)) {
	p.walk(func(node ast.Node) {
		link, ok := node.(*ast.Link)
		if !ok {
			return
		}
		target := string(link.Destination)
		address, err := url.Parse(target)
		switch {
		case strings.HasPrefix(target, "app:"):
			port, err := strconv.Atoi(target[strings.LastIndex(target, ":")+1:])
			if !appLink.MatchString(target) || err != nil || port > 65535 {
				p.addf(node, "the link "+quote(target)+" to an application has to be like app:NAMESPACE/SERVICE:PORT")
			}
		case err != nil || strings.HasPrefix(target, "#") || target == "":
			p.addf(node, "the link "+quote(target)+" leads nowhere: a link is an https address, an app: link or the folder of another lab")
		case address.Scheme != "" || address.Host != "":
			if !isWeb(target) {
				p.addf(node, "the link "+quote(target)+" is neither https nor http nor app")
			}
		default:
			resolved, ok := resolve(p.line(node), target)
			if !ok {
				resolved = ""
			}
			link.Destination = []byte(resolved)
		}
	})
}

// all renders the whole text.
func (p *markdownPage) all() template.HTML { return p.render(p.root) }

// render makes HTML that is safe to put into a page, whatever the text was.
func (p *markdownPage) render(node ast.Node) template.HTML {
	var out bytes.Buffer
	if err := markdown.Renderer().Render(&out, p.source, node); err != nil {
		return "" // a bytes.Buffer does not fail, and neither do our node renderers
	}
	safe := strings.TrimSpace(policy.Sanitize(out.String()))
	// The policy takes href="#" for an empty address and drops it. Without one, a
	// link cannot be reached by the keyboard.
	return template.HTML(strings.ReplaceAll(safe, "<a data-app=", `<a href="#" data-app=`))
}

// line is where a node begins: its own line, or for a piece of a paragraph that
// of its first text.
func (p *markdownPage) line(node ast.Node) int {
	offset := -1
	_ = ast.Walk(node, func(inner ast.Node, entering bool) (ast.WalkStatus, error) {
		if segment, ok := inner.(*ast.Text); ok && entering {
			offset = segment.Segment.Start
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	switch node := node.(type) {
	case *ast.FencedCodeBlock:
		if node.Info != nil {
			offset = node.Info.Segment.Start
		}
	case *ast.RawHTML:
		offset = node.Segments.At(0).Start
	}
	for at := node; offset < 0 && at != nil; at = at.Parent() {
		if at.Type() != ast.TypeInline && at.Lines() != nil && at.Lines().Len() > 0 {
			offset = at.Lines().At(0).Start
		}
	}
	if offset < 0 {
		return 1
	}
	return p.lineAt(offset)
}

func (p *markdownPage) lineAt(offset int) int {
	return 1 + bytes.Count(p.source[:min(offset, len(p.source))], []byte("\n"))
}

// plain is the text of a node without its markup.
func (p *markdownPage) plain(node ast.Node) string {
	var out strings.Builder
	_ = ast.Walk(node, func(inner ast.Node, entering bool) (ast.WalkStatus, error) {
		switch inner := inner.(type) {
		case *ast.Text:
			if entering {
				out.Write(inner.Segment.Value(p.source))
			}
		case *ast.String:
			if entering {
				out.Write(inner.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(out.String())
}
