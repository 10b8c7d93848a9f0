package content

import (
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

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
		l.note(file, problem.line, problem)
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
		case page.shownNowhere(node):
			node = next
			continue
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
	place, section, hasSection := strings.Cut(target, "#")
	clean := path.Join(path.Dir(file), place)
	clean = strings.TrimSuffix(clean, "/README.md")
	course := file[:strings.Index(file, "/")]
	switch {
	case path.IsAbs(target) || !strings.HasPrefix(clean, course+"/"):
		l.addf(file, line, "the link %s leads out of the course", quote(target))
	case hasSection && l.isFile(path.Join(clean, "lab.yaml")) && !slices.Contains(l.sections(path.Join(clean, "README.md")), section):
		l.addf(file, line, "the link %s is dead: that lab has no section #%s", quote(target), section)
	case l.isFile(path.Join(clean, "lab.yaml")):
		return "/labs/" + path.Base(clean), true
	case l.isFile(clean) || l.isFolder(clean):
		l.addf(file, line, "the link %s leads to something that students do not have; a relative link can lead to another lab's folder", quote(target))
	default:
		l.addf(file, line, "the link %s is dead: there is no %s", quote(target), clean)
	}
	return "", false
}

// sections returns the headings of a README as the end of a link writes them.
func (l *loader) sections(file string) []string {
	if size, found := l.files[file]; !found || size > maxFile {
		return nil
	}
	text, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		return nil
	}
	page := parseMarkdown(plainText(text))
	var all []string
	page.walk(func(node ast.Node) {
		if heading, ok := node.(*ast.Heading); ok {
			all = append(all, anchor(page.plain(heading)))
		}
	})
	return all
}

// anchor writes a heading as GitHub does: small letters, digits and hyphens.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
