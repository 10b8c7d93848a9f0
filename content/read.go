package content

import (
	"path"
	"slices"
	"strings"
)

// The spec of course.yaml and of module.yaml; see Schema.
type (
	courseSpec struct {
		// What the course is called.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// One sentence for the course page.
		Summary string `yaml:"summary" jsonschema:"required,minLength=1"`
		// The folders of its modules, in the order of teaching.
		Modules []string `yaml:"modules" jsonschema:"required,minItems=1"`
	}
	moduleSpec struct {
		// What the module is called.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// One sentence for the course page.
		Summary string `yaml:"summary" jsonschema:"required,minLength=1"`
		// The folders of its labs, in the order of teaching.
		Labs []string `yaml:"labs" jsonschema:"required,minItems=1"`
	}
)

// course reads course.yaml and everything below. What it returns is whole only
// where no problem was noted.
func (l *loader) course(dir string) *Course {
	course := &Course{Name: dir}
	file := path.Join(dir, "course.yaml")
	spec, doc, ok := decode[courseSpec](l, file, KindCourse)
	folders := l.folders(dir)
	if ok {
		course.Title, course.Summary = strings.TrimSpace(spec.Title), strings.TrimSpace(spec.Summary)
		doc.required(at("spec", "title"), course.Title)
		doc.required(at("spec", "summary"), course.Summary)
		folders = doc.ordered(at("spec", "modules"), spec.Modules, folders, "module")
	}
	l.only(dir, "a course holds course.yaml and one folder a module", func(name string, isFolder bool) bool {
		return isFolder || name == "course.yaml"
	})
	seen := map[string]*Lab{}
	for _, folder := range folders {
		course.Modules = append(course.Modules, l.module(path.Join(dir, folder), seen))
	}
	return course
}

// module reads module.yaml and the module's labs; seen holds all labs of the
// course by name, to keep names unique.
func (l *loader) module(dir string, seen map[string]*Lab) *Module {
	module := &Module{Name: path.Base(dir)}
	file := path.Join(dir, "module.yaml")
	spec, doc, ok := decode[moduleSpec](l, file, KindModule)
	folders := l.folders(dir)
	if ok {
		module.Title, module.Summary = strings.TrimSpace(spec.Title), strings.TrimSpace(spec.Summary)
		doc.required(at("spec", "title"), module.Title)
		doc.required(at("spec", "summary"), module.Summary)
		folders = doc.ordered(at("spec", "labs"), spec.Labs, folders, "lab")
	}
	l.only(dir, "a module holds module.yaml and one folder a lab", func(name string, isFolder bool) bool {
		return isFolder || name == "module.yaml"
	})
	for _, folder := range folders {
		lab := l.labOf(path.Join(dir, folder), module.Name)
		if other, twice := seen[lab.Name]; twice {
			l.addf(lab.Dir, 0, "there is a lab of the name %s already, in %s; names are unique in a course", lab.Name, other.Dir)
		}
		seen[lab.Name] = lab
		module.Labs = append(module.Labs, lab)
	}
	return module
}

// ordered compares a list of folders with those that are there and returns the
// ones that can be read, in the list's order, with forgotten ones at the end.
func (d *document) ordered(where []any, listed, found []string, noun string) []string {
	if len(listed) == 0 {
		d.addf(where, "lists no %s", noun)
	}
	var order []string
	for i, name := range listed {
		here := append(slices.Clone(where), i)
		switch problem := checkName(name); {
		case problem != "":
			d.addf(here, "the name of the %s %s %s", noun, quote(name), problem)
		case slices.Contains(order, name):
			d.addf(here, "the %s %s is listed twice", noun, name)
		case !slices.Contains(found, name):
			d.addf(here, "there is no folder for the %s %s", noun, name)
		default:
			order = append(order, name)
		}
	}
	for _, name := range found {
		if !slices.Contains(listed, name) {
			d.addf(where, "does not list the %s %s, whose folder is there", noun, name)
			order = append(order, name)
		}
	}
	return order
}

func (d *document) required(where []any, text string) {
	if text == "" {
		d.addf(where, "%s is missing or empty", where[len(where)-1])
	}
}
