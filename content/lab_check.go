package content

import (
	"regexp"
	"slices"
	"strings"
)

var (
	label      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	subdomain  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$`) // RBAC's names may hold a colon
	apiVersion = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9]+((alpha|beta)[0-9]+)?$`)
	kindName   = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	variable   = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*$`)
	require    = regexp.MustCompile(`^(pods|exec|network|networkpolicy|storage|metrics|ingress|nodes=[1-6])$`)
)

// reserved are the words that cannot be variables, because CEL or an exec check
// gives them a meaning.
var reserved = []string{"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in",
	"let", "loop", "package", "namespace", "null", "return", "true", "var", "void", "while",
	"stdout", "stderr", "exitCode", "variables"}

// checkName says what is wrong with the name of a course, module, lab, step or
// check, or "" where it is a DNS label as Kubernetes has it.
func checkName(name string) string {
	switch {
	case name == "":
		return "has no name"
	case len(name) > 63 || !label.MatchString(name):
		return "has to be a DNS label: lower-case letters, digits and hyphens, 63 at most"
	}
	return ""
}

func (d *document) labFields(lab *Lab, spec labSpec) {
	lab.Title, lab.Summary = strings.TrimSpace(spec.Title), strings.TrimSpace(spec.Summary)
	lab.Minutes, lab.Requires, lab.Cluster = spec.Minutes, spec.Requires, spec.Cluster
	d.required(at("spec", "title"), lab.Title)
	d.required(at("spec", "summary"), lab.Summary)
	if spec.Minutes < 1 || spec.Minutes > 240 {
		d.addf(at("spec", "minutes"), "minutes has to be from 1 to 240")
	}
	if spec.Cluster.Workers < 0 || spec.Cluster.Workers > 5 {
		d.addf(at("spec", "cluster", "workers"), "workers has to be from 0 to 5")
	}
	for i, name := range spec.Requires {
		if !require.MatchString(name) {
			d.addf(at("spec", "requires", i), "%s is nothing that a lab can require: pods, exec, network, networkpolicy, storage, metrics, ingress or nodes=1 to nodes=6", quote(name))
		}
	}
}

func (d *document) steps(lab *Lab, specs []stepSpec) {
	if len(specs) == 0 {
		d.addf(at("spec", "steps"), "a lab has at least one step")
	}
	if len(specs) > most {
		d.addf(at("spec", "steps"), "a lab has %d steps at most", most)
	}
	names, titles := map[string]bool{}, map[string]bool{}
	for i, spec := range specs {
		here := fieldAt(at).in("spec", "steps", i)
		step := Step{Name: spec.Name, Title: strings.TrimSpace(spec.Title), Points: 1, After: spec.After}
		if problem := checkName(spec.Name); problem != "" {
			d.addf(here("name"), "the step's name %s", problem)
		} else if names[spec.Name] {
			d.addf(here("name"), "there is a step %s already", spec.Name)
		}
		d.required(here("title"), step.Title)
		if titles[step.Title] && step.Title != "" {
			d.addf(here("title"), "there is a step with the title %s already", quote(step.Title))
		}
		names[spec.Name], titles[step.Title] = true, true
		step.Hints = d.hints(lab, i, spec.Hints)
		step.Checks = d.checks(here, spec.Checks)
		d.points(here, &step, spec.Points)
		if len(step.Checks) > 0 && step.onlyGuards() {
			d.addf(here(), "the step %s has only guards, so it is complete at once; a guard is true before the step's work too", quote(step.Name))
		}
		lab.Steps = append(lab.Steps, step)
	}
	d.after(lab.Steps)
}

// points settles what a step and its checks count and what its hints cost.
func (d *document) points(here fieldAt, step *Step, given *int) {
	sum := 0
	for i, check := range step.Checks {
		switch {
		case check.Points < 0 || check.Points > 100:
			d.addf(here("checks", i, "points"), "points has to be from 0 to 100")
		case check.Points > 0 && check.Guard:
			d.addf(here("checks", i, "points"), "the guard %s has points, and is true before any work is done; give them to another check", check.Name)
		}
		sum += check.Points
	}
	step.Points = max(1, sum)
	if given != nil {
		step.Points = *given
	}
	switch {
	case step.Points < 1 || step.Points > 100:
		d.addf(here("points"), "points has to be from 1 to 100")
	case step.Points < sum:
		d.addf(here("points"), "the step counts %d and its checks %d together; make it %d or leave it out", step.Points, sum, sum)
	}
	for i, hint := range step.Hints {
		if hint.Cost < 0 || hint.Cost > step.Points {
			d.addf(here("hints", i), "the hint costs %d, and its step counts %d", hint.Cost, step.Points)
		}
	}
}

// after checks that the steps that others wait for exist and come to an end.
func (d *document) after(steps []Step) {
	byName := map[string]*Step{}
	for i := range steps {
		byName[steps[i].Name] = &steps[i]
	}
	for i, step := range steps {
		for j, name := range step.After {
			where := at("spec", "steps", i, "after", j)
			switch {
			case byName[name] == nil:
				d.addf(where, "there is no step %s to come after", quote(name))
			case slices.Contains(step.After[:j], name):
				d.addf(where, "the step %s is named twice", name)
			case reaches(byName, name, step.Name, map[string]bool{}):
				d.addf(where, "the step %s would wait for itself, because %s comes after it", step.Name, name)
			}
		}
	}
}

// reaches tells whether the step from waits for the step to, directly or not.
func reaches(steps map[string]*Step, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] || steps[from] == nil {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(steps[from].After, func(next string) bool { return reaches(steps, next, to, seen) })
}

// text is the scalar at a path, or "".
func (d *document) text(keys ...any) string {
	node := d.root
	for _, key := range keys {
		if node, _ = child(node, key); node == nil {
			return ""
		}
	}
	return node.Value
}
