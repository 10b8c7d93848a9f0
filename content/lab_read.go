package content

import (
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The spec of lab.yaml, as it is written.
type (
	labSpec struct {
		Title    string      `yaml:"title"`
		Summary  string      `yaml:"summary"`
		Minutes  int         `yaml:"minutes"`
		Requires []string    `yaml:"requires"`
		Cluster  ClusterSpec `yaml:"cluster"`
		Steps    []stepSpec  `yaml:"steps"`
	}
	stepSpec struct {
		Name   string      `yaml:"name"`
		Title  string      `yaml:"title"`
		Points *int        `yaml:"points"`
		After  []string    `yaml:"after"`
		Hints  []string    `yaml:"hints"`
		Checks []checkSpec `yaml:"checks"`
	}
	checkSpec struct {
		Name        string            `yaml:"name"`
		Title       string            `yaml:"title"`
		Objects     map[string]Object `yaml:"objects"`
		Exec        *execSpec         `yaml:"exec"`
		Validations []Validation      `yaml:"validations"`
		Guard       bool              `yaml:"guard"`
	}
	execSpec struct {
		Namespace string            `yaml:"namespace"`
		Pod       string            `yaml:"pod"`
		Selector  map[string]string `yaml:"selector"`
		Container string            `yaml:"container"`
		Command   []string          `yaml:"command"`
		Timeout   string            `yaml:"timeout"`
		Interval  string            `yaml:"interval"`
	}
)

// lab reads one lab's folder. The result always has its name and place, so that
// messages about it can be written.
func (l *loader) lab(dir, module string) *Lab {
	lab := &Lab{Name: path.Base(dir), Module: module, Dir: dir}
	if problem := checkName(lab.Name); problem != "" {
		l.addf(dir, 0, "the lab's folder %s", problem)
	}
	l.only(dir, "a lab holds lab.yaml, README.md, solve.sh, setup.sh and the folders setup, wrong and files", func(name string, isFolder bool) bool {
		if isFolder {
			return slices.Contains([]string{"setup", "wrong", "files"}, name)
		}
		return slices.Contains([]string{"lab.yaml", "README.md", "solve.sh", "setup.sh"}, name)
	})
	lab.Setup = l.setup(dir)
	lab.Files = l.home(path.Join(dir, "files"))

	spec, doc, ok := decode[labSpec](l, path.Join(dir, "lab.yaml"), KindLab)
	readme := l.readme(path.Join(dir, "README.md"))
	solution := path.Join(dir, "solve.sh")
	parts := l.solution(solution)
	wrong := l.wrong(path.Join(dir, "wrong"))
	if !ok {
		return lab // nothing to compare the other files with
	}
	doc.labFields(lab, spec)
	doc.steps(lab, spec.Steps)
	l.matchReadme(lab, readme)
	l.matchSolution(lab, solution, parts)
	l.matchWrong(lab, wrong)
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
func (d *document) hints(step int, texts []string) []template.HTML {
	var hints []template.HTML
	for i, text := range texts {
		where := at("spec", "steps", step, "hints", i)
		if strings.TrimSpace(text) == "" {
			d.addf(where, "the hint is empty")
		}
		page := parseMarkdown(text)
		page.links(func(_ int, target string) (string, bool) { return d.loader.link(d.file, d.line(where...), target) })
		for _, problem := range page.problems {
			d.addf(where, "%s", problem.message)
		}
		hints = append(hints, page.all())
	}
	return hints
}
