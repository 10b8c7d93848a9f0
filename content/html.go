package content

import (
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// htmlRenderer writes what the lab page gives a meaning to: code that can be run
// or copied, and links to applications. The page finds it by data attributes. What
// the page does not show, such as raw HTML, is written as plain text.
type htmlRenderer struct{}

// RegisterFuncs tells goldmark which nodes are written here.
func (r htmlRenderer) RegisterFuncs(registerer renderer.NodeRendererFuncRegisterer) {
	registerer.Register(ast.KindFencedCodeBlock, r.fence)
	registerer.Register(ast.KindCodeBlock, r.indented)
	registerer.Register(ast.KindCodeSpan, r.codeSpan)
	registerer.Register(ast.KindLink, r.link)
	registerer.Register(ast.KindHTMLBlock, r.htmlBlock)
	registerer.Register(ast.KindRawHTML, r.rawHTML)
	registerer.Register(ast.KindImage, r.image)
	registerer.Register(ast.KindLinkReferenceDefinition, r.linkDefinition)
}

// fence writes a block by what its language says the student does with it.
func (htmlRenderer) fence(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	language := languageOf(node.(*ast.FencedCodeBlock), source)
	code := string(node.Lines().Value(source))
	switch language {
	case "text", "output", "":
		writeCode(w, `<pre><code>`, code)
	default:
		if runnable(language) {
			writeShell(w, shellParts(language, strings.Split(strings.TrimRight(code, "\n"), "\n")))
			break
		}
		open := `<pre data-copy=""><code>`
		if languageName.MatchString(language) {
			open = `<pre data-copy=""><code class="language-` + language + `">`
		}
		writeCode(w, open, code)
	}
	return ast.WalkSkipChildren, nil
}

// writeShell writes commands as the page runs and copies them, without prompts,
// and what they print below them.
func writeShell(w util.BufWriter, parts []shellPart) {
	for _, part := range parts {
		open := `<pre data-run="` + sizes(part.lines) + `"><code class="language-bash">`
		if part.output {
			open = `<pre><code>`
		}
		writeCode(w, open, part.text()+"\n")
	}
}

func (htmlRenderer) indented(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		writeCode(w, `<pre><code>`, string(node.Lines().Value(source)))
	}
	return ast.WalkSkipChildren, nil
}

// writeCode writes a block; errors of w come back from goldmark's own flush.
func writeCode(w util.BufWriter, open, code string) {
	_, _ = w.WriteString(open)
	_, _ = w.Write(util.EscapeHTML([]byte(code)))
	_, _ = w.WriteString("</code></pre>\n")
}

// codeSpan makes a whole kubectl command clickable.
func (htmlRenderer) codeSpan(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	code := spanText(source, node)
	open := "<code>"
	if wholeCommand(code) {
		open = `<code data-run="">`
	}
	_, _ = w.WriteString(open)
	_, _ = w.Write(util.EscapeHTML([]byte(code)))
	_, _ = w.WriteString("</code>")
	return ast.WalkSkipChildren, nil
}

// wholeCommand tells a command that can be run as it stands from one that a
// sentence only speaks about, such as "kubectl run" or one with a gap to fill.
func wholeCommand(code string) bool {
	words := strings.Fields(code)
	if len(words) < 2 || words[0] != "kubectl" || strings.ContainsAny(code, "<…") || strings.Contains(code, "...") {
		return false
	}
	return len(words) > 2 || slices.Contains([]string{"version", "cluster-info", "api-resources", "api-versions"}, words[1])
}

func (htmlRenderer) link(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, _ = w.WriteString("</a>")
		return ast.WalkContinue, nil
	}
	target := node.(*ast.Link).Destination
	if appLink.Match(target) {
		_, _ = w.WriteString(`<a data-app="` + strings.TrimPrefix(string(target), "app:") + `">`)
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString(`<a href="`)
	_, _ = w.Write(util.EscapeHTML(util.URLEscape(target, true)))
	_, _ = w.WriteString(`">`)
	return ast.WalkContinue, nil
}

var (
	languageName = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)
	appTarget    = regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+:[0-9]+$`)
)

// policy is the second fence: whatever the renderer wrote, only these elements
// and attributes come through. It is safe for use by many goroutines.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "ul", "li", "strong", "em", "del", "blockquote", "h3", "h4", "h5", "h6",
		"pre", "code", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowElements("ol")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|center|right)$`)).OnElements("th", "td")
	p.AllowAttrs("data-run", "data-copy").Matching(regexp.MustCompile(`^$`)).OnElements("pre", "code")
	p.AllowAttrs("data-run").Matching(regexp.MustCompile(`^[0-9]{1,4}( [0-9]{1,4})*$`)).OnElements("pre")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[a-z0-9-]{1,20}$`)).OnElements("code")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("data-app").Matching(appTarget).OnElements("a")
	p.RequireParseableURLs(true)
	p.AllowURLSchemes("https", "http")
	p.AllowRelativeURLs(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	p.RequireNoReferrerOnFullyQualifiedLinks(true)
	return p
}()
