package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"unicode"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"wheelhouse/content"
)

// labTemplate holds module.yaml, course.yaml, and the folder lab with all files of
// a lab, each a text/template over templateValues.
//
//go:embed lab_template
var labTemplate embed.FS

// templateValues is what the templates speak of.
type templateValues struct {
	Name  string // of the lab, module or course: its folder
	Title string
	First string // the only entry of a new module or course
}

func newLabNewCommand() *cobra.Command {
	var module, title string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a small lab that works, to start from",
		Long: `Make a small lab that works, to start from.

The lab is a folder in the folder of its module, which stands in the folder of
its course. The lab is added to module.yaml, and where the module or the course
is new, module.yaml and course.yaml are made. No file is overwritten.`,
		Example: "  wheelhouse lab new config-maps --module my-course/01-first --title 'ConfigMaps'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := filepath.Abs(module)
			if err != nil {
				return fmt.Errorf("--module %q: %w", module, err)
			}
			plan, err := planLab(args[0], title, folder)
			if err != nil {
				return err
			}
			if err := plan.carryOut(); err != nil {
				return err
			}
			course := filepath.Dir(folder)
			fmt.Fprintf(cmd.OutOrStdout(), "Made the lab %s in %s.\n\nNext:\n  wheelhouse lab lint --content '%s'\n  wheelhouse lab dev %s --content '%s'\n  wheelhouse lab verify %s --content '%s'\n",
				args[0], plan.lab, course, args[0], course, args[0], course)
			return nil
		},
	}
	cmd.Flags().StringVar(&module, "module", ".", "`folder` of the module; the one above it is the course")
	cmd.Flags().StringVar(&title, "title", "", "title of the lab; empty: made of its name")
	return cmd
}

// labPlan is what a new lab writes.
type labPlan struct {
	lab   string            // the lab's folder
	files map[string]string // of the lab, by path in its folder
	made  map[string]string // module.yaml and course.yaml where there are none, by path
	lists map[string]string // module.yaml and course.yaml with the new entry, by path
}

// planLab decides everything before anything is written. module is absolute.
func planLab(name, title, module string) (*labPlan, error) {
	course := filepath.Dir(module)
	if title == "" {
		title = titleOf(name)
	}
	if strings.ContainsFunc(title, unicode.IsControl) {
		return nil, fmt.Errorf("--title %q: want one line of text", title)
	}
	for _, folder := range []struct{ what, name string }{{"lab", name}, {"module's folder", filepath.Base(module)}, {"course's folder", filepath.Base(course)}} {
		if len(validation.IsDNS1123Label(folder.name)) > 0 {
			return nil, fmt.Errorf("%q is no name for a %s: want lower-case letters, digits and hyphens, 63 at most", folder.name, folder.what)
		}
	}
	if err := freeFor(name, module, course); err != nil {
		return nil, err
	}
	plan := &labPlan{lab: filepath.Join(module, name), made: map[string]string{}, lists: map[string]string{}}
	if err := plan.list(filepath.Join(module, "module.yaml"), "labs", name); err != nil {
		return nil, err
	}
	if err := plan.list(filepath.Join(course, "course.yaml"), "modules", filepath.Base(module)); err != nil {
		return nil, err
	}
	var err error
	plan.files, err = labFiles(templateValues{Name: name, Title: title})
	return plan, err
}

// titleOf makes a title of a name: "config-maps" is "Config maps".
func titleOf(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// freeFor tells whether a lab of that name can stand in the module.
func freeFor(name, module, course string) error {
	if _, err := os.Lstat(filepath.Join(module, "course.yaml")); err == nil {
		return fmt.Errorf("%s is a course; name a module in it, as in --module '%s'", module, filepath.Join(module, "01-first"))
	}
	if _, err := os.Lstat(filepath.Join(module, name)); err == nil {
		return fmt.Errorf("%s: %w", filepath.Join(module, name), fs.ErrExist)
	}
	if _, err := os.Lstat(filepath.Join(course, "course.yaml")); errors.Is(err, fs.ErrNotExist) {
		return nothingBut(course, filepath.Base(module))
	}
	loaded, _ := content.Load(os.DirFS(filepath.Dir(course)), filepath.Base(course)) // lint tells of mistakes
	if loaded != nil {
		if lab, taken := loaded.Lab(name); taken {
			return fmt.Errorf("the course has a lab %s already, in %s: %w", name, lab.Dir, fs.ErrExist)
		}
	}
	return nil
}

// nothingBut tells whether a folder can become a course: it is absent, or holds
// nothing but the module.
func nothingBut(course, module string) error {
	entries, err := os.ReadDir(course)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != module {
			return fmt.Errorf("%s has no course.yaml and holds other things, such as %s, so no course is made of it; choose a folder of its own, as in --module my-course/01-first", course, entry.Name())
		}
	}
	return nil
}

// list plans the file whose list has to hold the entry.
func (p *labPlan) list(file, list, entry string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		folder := filepath.Base(filepath.Dir(file))
		p.made[file], err = fill(path.Join("lab_template", filepath.Base(file)), templateValues{Name: folder, Title: titleOf(folder), First: entry})
		return err
	}
	if err != nil {
		return err
	}
	changed, err := withEntry(string(text), list, entry)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if changed != string(text) {
		p.lists[file] = changed
	}
	return nil
}

// labFiles fills the templates of a lab's files.
func labFiles(values templateValues) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(labTemplate, "lab_template/lab", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fill(name, values)
		files[strings.TrimPrefix(name, "lab_template/lab/")] = text
		return err
	})
	return files, err
}

// special are the characters of a title that Markdown may take for more than text.
var special = regexp.MustCompile("[\\\\`*_\\[\\]<>#&~|:$!]")

// fill fills one template. Its functions make a YAML string (quote) and a line of
// Markdown (markdown) of any text.
func fill(name string, values templateValues) (string, error) {
	quote := func(text string) (string, error) {
		quoted, err := json.Marshal(text)
		return string(quoted), err
	}
	markdown := func(text string) string { return special.ReplaceAllString(text, `\$0`) }
	parsed, err := template.New(path.Base(name)).Funcs(template.FuncMap{"quote": quote, "markdown": markdown}).ParseFS(labTemplate, name)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, values)
	return text.String(), err
}

// carryOut writes everything; where it cannot, it takes the new files back.
func (p *labPlan) carryOut() (err error) {
	if err := os.MkdirAll(filepath.Dir(p.lab), 0o755); err != nil {
		return fmt.Errorf("cannot make the lab: %w", err)
	}
	if err := os.Mkdir(p.lab, 0o755); err != nil {
		return fmt.Errorf("cannot make the lab: %w", err)
	}
	undo := []string{p.lab}
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("cannot make the lab: %w", err)
		for _, name := range undo {
			err = errors.Join(err, os.RemoveAll(name))
		}
	}()
	for name, text := range p.files {
		if err := writeNew(filepath.Join(p.lab, filepath.FromSlash(name)), text); err != nil {
			return err
		}
	}
	for name, text := range p.made {
		if err := writeNew(name, text); err != nil {
			return err
		}
		undo = append(undo, name)
	}
	for name, text := range p.lists {
		if err := replaceFile(name, text); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a file that must not exist, and its folder.
func writeNew(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// replaceFile puts a whole new file in the place of an old one.
func replaceFile(name, text string) error {
	stat, err := os.Stat(name)
	if err != nil {
		return err
	}
	fresh := name + ".new"
	if err := writeNew(fresh, text); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(fresh, stat.Mode().Perm()), os.Rename(fresh, name)); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}
