package content

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// The spec of lab.yaml, as it is written. Its comments, and those of the types in
// it, are what an editor shows to authors: see Schema.
type (
	labSpec struct {
		// What the lab is called.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// One sentence for the course page.
		Summary string `yaml:"summary" jsonschema:"required,minLength=1"`
		// How long a student needs, from 1 to 240.
		Minutes int `yaml:"minutes" jsonschema:"required,minimum=1,maximum=240"`
		// What the lab needs of a cluster: pods, exec, network, networkpolicy, storage, metrics, ingress, or nodes=1 to nodes=6.
		Requires []string `yaml:"requires"`
		// Values that are drawn for each student: texts name them as {{variables.NAME}}, and expressions as variables.NAME.
		Variables map[string]variableSpec `yaml:"variables"`
		// What the lab's cluster is like.
		Cluster ClusterSpec `yaml:"cluster"`
		// What the student does, in the order of the sections of README.md.
		Steps []stepSpec `yaml:"steps" jsonschema:"required,minItems=1"`
	}
	// One thing for the student to do. It is complete when all of its checks pass at the same time.
	stepSpec struct {
		// A DNS label, unique in the lab.
		Name string `yaml:"name" jsonschema:"required,minLength=1"`
		// The title of its section of README.md, letter by letter.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// What it counts when it is complete, from 1 to 100; where it is not given, what its checks count together, or 1.
		Points *int `yaml:"points" jsonschema:"minimum=1,maximum=100"`
		// Steps that have to be complete before this one is judged.
		After []string `yaml:"after"`
		// Short texts in Markdown that a student can unfold, one after the other.
		Hints []hintSpec `yaml:"hints"`
		// What has to be so, all of it at the same time.
		Checks []checkSpec `yaml:"checks" jsonschema:"required,minItems=1"`
	}
	// A hint is a text, or a text with what it costs.
	hintSpec struct {
		// A short text in Markdown.
		Text string `yaml:"text" jsonschema:"required,minLength=1"`
		// How many of its step's points it costs whoever takes it; none where it is not given.
		Cost int `yaml:"cost" jsonschema:"minimum=0,maximum=100"`
	}
)

// lab reads one lab's folder. The result always has its name and place, so that
// messages about it can be written.
func (l *loader) lab(dir, module string) *Lab {
	lab := &Lab{Name: path.Base(dir), Module: module, Dir: dir, Values: l.values}
	if problem := checkName(lab.Name); problem != "" {
		l.addf(dir, 0, "the lab's folder %s", problem)
	}
	l.only(dir, "a lab holds lab.yaml, README.md, solve.sh, setup.sh and the folders setup, right, wrong and files", func(name string, isFolder bool) bool {
		if isFolder {
			return slices.Contains([]string{"setup", "right", "wrong", "files"}, name)
		}
		return slices.Contains([]string{"lab.yaml", "README.md", "solve.sh", "setup.sh"}, name)
	})
	lab.Setup = l.setup(dir)
	lab.Files = l.home(path.Join(dir, "files"))

	spec, doc, ok := decode[labSpec](l, path.Join(dir, "lab.yaml"), KindLab)
	readme := l.readme(path.Join(dir, "README.md"))
	solution := path.Join(dir, "solve.sh")
	parts := l.solution(solution)
	wrong, right := l.wrong(path.Join(dir, "wrong")), l.right(path.Join(dir, "right"))
	if !ok {
		return lab // nothing to compare the other files with
	}
	doc.labFields(lab, spec)
	doc.checkVariables(spec.Variables)
	doc.steps(lab, spec.Steps)
	l.matchReadme(lab, readme)
	l.matchSolution(lab, solution, parts)
	l.matchWrong(lab, wrong)
	l.matchRight(lab, right)
	return lab
}

// setup reads what is applied before the student starts: setup/* in the order of
// names, then setup.sh.
func (l *loader) setup(dir string) []SetupFile {
	var files []SetupFile
	folder := path.Join(dir, "setup")
	l.only(folder, "setup holds manifests (.yaml) and scripts (.sh)", func(name string, isFolder bool) bool {
		return !isFolder && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".sh"))
	})
	for _, name := range l.children[folder] {
		full := path.Join(folder, name)
		if _, isFile := l.files[full]; !isFile {
			continue
		}
		text, ok := l.text(full)
		if ok && strings.HasSuffix(name, ".yaml") {
			l.manifest(full, text)
		}
		files = append(files, SetupFile{Name: name, Text: text})
	}
	if script := path.Join(dir, "setup.sh"); l.isFile(script) {
		text, _ := l.text(script)
		files = append(files, SetupFile{Name: "setup.sh", Text: text})
	}
	return files
}

// manifest checks that every document of a manifest is an object that could be
// applied, whatever its kind is.
func (l *loader) manifest(file, text string) {
	documents, ok := parseAll(l, file, text)
	if ok && len(documents) == 0 {
		l.addf(file, 0, "holds no object")
	}
	for _, doc := range documents {
		for _, field := range [][]any{at("apiVersion"), at("kind"), at("metadata", "name")} {
			if value := doc.text(field...); value == "" {
				l.addf(file, doc.root.Line, "the object has no %s", fieldPath(field))
			}
		}
	}
}

// home returns the files of the workstation's home, or nil where there are none.
func (l *loader) home(dir string) fs.FS {
	if !l.isFolder(dir) {
		return nil
	}
	for name := range l.files {
		if strings.HasPrefix(name, dir+"/") && l.files[name] > maxFile {
			l.addf(name, 0, "is larger than %d KiB", maxFile>>10)
		}
	}
	sub, err := fs.Sub(l.fsys, dir)
	if err != nil {
		l.addf(dir, 0, "cannot be read: %v", err)
		return nil
	}
	return sub
}

func (l *loader) isFile(name string) bool {
	_, found := l.files[name]
	return found
}

// matchReadme gives every step its section of README.md.
func (l *loader) matchReadme(lab *Lab, readme *readme) {
	if readme == nil {
		return
	}
	lab.Intro = readme.intro
	lab.Commands = slices.Concat(readme.commands, lab.Commands)
	titles := make([]string, len(lab.Steps))
	for i, step := range lab.Steps {
		titles[i] = step.Title
		section := slices.IndexFunc(readme.sections, func(s readmeSection) bool { return s.title == step.Title })
		switch {
		case section < 0 && step.Title != "":
			l.addf(readme.file, 0, `has no section for the step %s: write "## %s"`, step.Name, step.Title)
		case section >= 0:
			lab.Steps[i].Instructions = readme.sections[section].html
		}
	}
	last := -1
	for i, section := range readme.sections {
		step := slices.Index(titles, section.title)
		twice := slices.IndexFunc(readme.sections[:i], func(s readmeSection) bool { return s.title == section.title }) >= 0
		switch {
		case twice:
			l.addf(readme.file, section.line, "there is a section %s already", quote(section.title))
		case step < 0:
			l.addf(readme.file, section.line, "no step has the title %s; a section is called what its step in lab.yaml is called", quote(section.title))
		case step < last:
			l.addf(readme.file, section.line, "the section %s stands after one of a later step; sections have the order of the steps", quote(section.title))
		default:
			last = step
		}
	}
}

// hints renders the hints of a step; each is a short Markdown text.
// Their commands are noted for the lab.
func (d *document) hints(lab *Lab, step int, specs []hintSpec) []Hint {
	var hints []Hint
	for i, spec := range specs {
		where := at("spec", "steps", step, "hints", i)
		if strings.TrimSpace(spec.Text) == "" {
			d.addf(where, "the hint is empty")
		}
		page := parseMarkdown(spec.Text)
		page.walk(func(node ast.Node) {
			if heading, ok := node.(*ast.Heading); ok && heading.Level < 3 {
				page.addf(node, `a heading in a hint has three or more "#"`)
			}
		})
		page.links(func(_ int, target string) (string, bool) { return d.loader.link(d.file, d.line(where...), target) })
		for _, problem := range page.problems {
			d.loader.note(d.file, d.line(where...), problem)
		}
		for _, command := range page.commands() {
			command.File, command.Line = d.file, d.line(where...)
			lab.Commands = append(lab.Commands, command)
		}
		hints = append(hints, Hint{HTML: page.all(), Cost: spec.Cost})
	}
	return hints
}
