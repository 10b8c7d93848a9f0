// Package content is what authors write: courses of labs, as folders of YAML,
// Markdown and shell scripts. It loads them, finds all of their mistakes at once,
// and renders their texts to HTML that is safe to show. It knows no cluster and
// no people: the checks of a lab are judged by package grader, which compiles
// their expressions too.
package content

import (
	"html/template"
	"io/fs"
	"time"
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

	Dir string // where the lab was read from, for messages: "kubernetes/01-quick-start/kubectl-run"
}

// ClusterSpec is what a lab asks of its cluster.
type ClusterSpec struct {
	Workers int `yaml:"workers"` // nodes beside the control plane, 0 to 5
}

// Step is one thing for the student to do. It is complete when all of its
// checks are True at the same time, and then stays complete.
type Step struct {
	Name         string
	Title        string
	Points       int      // 1 where the author gives none
	After        []string // steps of this lab that have to be complete before this one is judged
	Hints        []template.HTML
	Checks       []Check
	Instructions template.HTML // its section of README.md without the heading, sanitised
}

// Check is one question about the cluster. Exactly one of Objects and Exec is set.
type Check struct {
	Name        string
	Title       string // what the student is told that this check looks for
	Objects     map[string]Object
	Exec        *Exec
	Validations []Validation
	Guard       bool // True before the step's work too: it keeps a student from breaking something
	Line        int  // of the check in lab.yaml, for messages
}

// Object names the API object, or the list of objects, that a CEL variable
// holds. With Name it is one object: an absent one fails the check with a
// sentence, or is null where Optional is set. Without Name it is the list of all
// that match Selector, in the order of namespace and name; it may be empty.
type Object struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Namespace  string            `yaml:"namespace"` // empty for a cluster-scoped kind, or a list over all namespaces
	Name       string            `yaml:"name"`
	Selector   map[string]string `yaml:"selector"` // labels that every listed object carries
	Optional   bool              `yaml:"optional"`
}

// Exec runs a command in a pod. CEL sees stdout and stderr (strings, cut at 64
// KiB each) and exitCode (int).
type Exec struct {
	Namespace string
	Pod       string            // by name, or
	Selector  map[string]string // the first ready pod that carries these labels
	Container string            // the pod's default container where empty
	Command   []string          // not run by a shell
	Timeout   time.Duration     // 5 s where the author gives none
	Interval  time.Duration     // how often it runs again while nothing changed: 3 s where the author gives none
}

// Validation is one CEL expression that has to be true, in the words of
// ValidatingAdmissionPolicy. One of Message and MessageExpression is set.
type Validation struct {
	Expression        string `yaml:"expression"`
	Message           string `yaml:"message"`
	MessageExpression string `yaml:"messageExpression"`
	Pending           bool   `yaml:"pending"` // false means not yet, rather than wrong
	Line              int    `yaml:"-"`
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
