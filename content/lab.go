// Package content is what authors write: courses of labs, as folders of YAML,
// Markdown and shell scripts. It loads them, finds all of their mistakes at once,
// and renders their texts to HTML that is safe to show. It knows no cluster and
// no people: the checks of a lab are judged by package grader, which compiles
// their expressions too.
package content

import (
	"html/template"
	"io/fs"
)

// APIVersion and the kinds are the only ones that a content file may carry.
const (
	APIVersion = "wheelhouse.dev/v1"
	KindCourse = "Course"
	KindModule = "Module"
	KindLab    = "Lab"
)

// Course is a whole course in the order in which it is taught.
type Course struct {
	Name    string // the name of its folder, a DNS label
	Title   string
	Summary string
	Modules []*Module

	// Warnings are what an author should mend although the course can be taught as it
	// is: Markdown that the page shows as plain text. They have the order of Problems.
	Warnings []*Problem
}

// Module is a group of labs that belong together.
type Module struct {
	Name    string // the name of its folder, such as "01-quick-start"
	Title   string
	Summary string
	Labs    []*Lab
}

// Lab is one exercise on one cluster. A Lab that Load returned is complete and
// valid, and is never changed afterwards, so it may be shared freely.
type Lab struct {
	Name     string // unique in the course; also the name of its folder
	Module   string // the name of the module that holds it
	Title    string
	Summary  string // one sentence for the course page
	Minutes  int    // how long a student needs, 1 to 240
	Requires []string
	Cluster  ClusterSpec
	Steps    []Step

	Intro template.HTML // what README.md says before its first step, sanitised
	Setup []SetupFile   // in the order of their names
	Files fs.FS         // what the workstation's home holds; nil when there are none

	Solution []Part        // solve.sh, one part a step, in the order of the steps
	Wrong    []WrongAnswer // wrong/*.sh, in the order of their names
	Right    []RightAnswer // right/*.sh, in the order of their names
	Commands []Command     // what can be clicked, in README.md and in hints

	Values Values // of its variables, for one student; nil where it has none
	draws  *draws

	Dir string // where the lab was read from, for messages: "kubernetes/01-quick-start/kubectl-run"
}

// ClusterSpec is what a lab asks of its cluster.
type ClusterSpec struct {
	Workers int `yaml:"workers" jsonschema:"minimum=0,maximum=5"` // nodes beside the control plane, 0 to 5
}

// Step is one thing for the student to do. It is complete when all of its
// checks are True at the same time, and then stays complete.
type Step struct {
	Name         string
	Title        string
	Points       int      // all that it counts: what its checks do, or 1, where the author gives none
	After        []string // steps of this lab that have to be complete before this one is judged
	Hints        []Hint
	Checks       []Check
	Instructions template.HTML // its section of README.md without the heading, sanitised
}

// Hint is what a student can ask for when they are stuck in a step. Hints of a step
// are taken in their order.
type Hint struct {
	HTML template.HTML // sanitised
	Cost int           // points of its step that taking it costs; 0 for most
}

// SetupFile is a manifest that is applied, or a script that is run on the
// workstation, before the student starts. Which one tells its name's ending:
// ".yaml" or ".sh".
type SetupFile struct {
	Name string
	Text string
}

// Part is the piece of solve.sh that belongs to one step. It is typed, line by
// line, into the student's own terminal.
type Part struct {
	Step string
	Text string
	Line int // of solve.sh where Text begins
}

// WrongAnswer is a script that makes a check fail in a way that the author has
// foreseen. Its header says which check, and with which words.
type WrongAnswer struct {
	Name    string // file name without ".sh"
	After   string // the step whose solution (and all before it) runs first; empty for a fresh cluster
	Step    string // the step that must stay open
	Check   string // its check that must not be True
	Message string // text that the check's message must contain
	Text    string
}

// RightAnswer is a script that does a step's work in another way than the
// solution does.
type RightAnswer struct {
	Name  string // file name without ".sh"
	After string // the step whose solution (and all before it) runs first; empty for a fresh cluster
	Step  string // the step that it completes
	Text  string
}
