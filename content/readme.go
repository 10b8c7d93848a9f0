package content

import (
	"html/template"
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// readme is a lab's README.md: what stands before the first section, and one
// section a step.
type readme struct {
	file     string
	intro    template.HTML
	commands []Command
	sections []readmeSection
}

type readmeSection struct {
	title string
	line  int
	html  template.HTML
}

// readme reads and renders README.md, or returns nil where there is none. A
// first-level heading at its top is for people who read the file itself; the
// page shows the lab's title instead.
func (l *loader) readme(file string) *readme {
	text, ok := l.text(file)
	if !ok {
		return nil
	}
	page := parseMarkdown(text)
	page.links(func(line int, target string) (string, bool) { return l.link(file, line, target) })
	for _, problem := range page.problems {
		l.addf(file, problem.line, "%s", problem.message)
	}
	out := &readme{file: file, commands: page.commands()}
	for i := range out.commands {
		out.commands[i].File = file
	}
	group, first := ast.NewDocument(), true
	flush := func() {
		html := page.render(group)
		switch {
		case len(out.sections) > 0:
			out.sections[len(out.sections)-1].html = html
			if group.ChildCount() == 0 {
				l.addf(file, out.sections[len(out.sections)-1].line, "the section is empty")
			}
		default:
			out.intro = html
			if group.ChildCount() == 0 {
				l.addf(file, 1, "has no introduction before the first section")
			}
		}
		group = ast.NewDocument()
	}
	for node := page.root.FirstChild(); node != nil; {
		next := node.NextSibling()
		heading, isHeading := node.(*ast.Heading)
		switch {
		case isHeading && heading.Level == 1 && first:
		case isHeading && heading.Level == 1:
			l.addf(file, page.line(node), `a heading inside of a section has three or more "#"`)
		case isHeading && heading.Level == 2:
			flush()
			out.sections = append(out.sections, readmeSection{title: page.plain(heading), line: page.line(node)})
		default:
			group.AppendChild(group, node)
		}
		first = false
		node = next
	}
	flush()
	return out
}

// link resolves a relative link of a README: it may lead to another lab of the
// course, and becomes the address of that lab's page.
func (l *loader) link(file string, line int, target string) (string, bool) {
	clean := path.Join(path.Dir(file), strings.SplitN(target, "#", 2)[0])
	clean = strings.TrimSuffix(clean, "/README.md")
	course := file[:strings.Index(file, "/")]
	switch {
	case path.IsAbs(target) || !strings.HasPrefix(clean, course+"/"):
		l.addf(file, line, "the link %s leads out of the course", quote(target))
	case l.isFile(path.Join(clean, "lab.yaml")):
		return "/labs/" + path.Base(clean), true
	case l.isFile(clean) || l.isFolder(clean):
		l.addf(file, line, "the link %s leads to something that students do not have; a relative link can lead to another lab's folder", quote(target))
	default:
		l.addf(file, line, "the link %s is dead: there is no %s", quote(target), clean)
	}
	return "", false
}
