package content

import "time"

// Check is one question about the cluster, or to the student. At most one of Exec,
// HTTP, DNS, Logs, Can, Workstation, Answer, Script and During is set; with none it
// looks at Objects alone. Objects may stand beside any of them but Answer and
// Script, for expressions that compare both.
type Check struct {
	Name        string
	Title       string // what the student is told that this check looks for
	Once        bool   // once True it stays so, whatever becomes of what it looked at
	Objects     map[string]Object
	Exec        *Exec
	HTTP        *HTTP
	DNS         *DNS
	Logs        *Logs
	Can         *Can
	Workstation *Workstation
	Answer      *Answer
	Script      *Script
	During      *During
	Guard       bool         // True before the step's work too: it keeps a student from breaking something
	Diagnose    bool         // the student is to find out what it looks for: results say no more than its messages do
	Points      int          // of its step's points: what it counts while True, before its step is complete
	Validations []Validation // none for an Answer and a Script, at least one for all others
	Line        int          // of the check in lab.yaml, for messages
}

// Object names the API object, or the list of objects, that a CEL variable
// holds. With Name it is one object: an absent one fails the check with a
// sentence, or is null where Optional is set. Without Name it is the list of all
// that match Selector, in the order of namespace and name; it may be empty.
type Object struct {
	APIVersion string            `yaml:"apiVersion" jsonschema:"required"` // as in a manifest, such as v1 or apps/v1
	Kind       string            `yaml:"kind" jsonschema:"required"`       // as in a manifest, such as Pod
	Namespace  string            `yaml:"namespace"`                        // empty for a cluster-scoped kind, or a list over all namespaces
	Name       string            `yaml:"name"`                             // of one object; without it, all of the kind are listed
	Selector   map[string]string `yaml:"selector"`                         // labels that every listed object carries
	OwnedBy    string            `yaml:"ownedBy"`                          // of a list: the variable of an object; only what that controls is listed, itself or by its ReplicaSets or Jobs
	Optional   bool              `yaml:"optional"`                         // the object may be absent, and the variable is null then
}

// Repeat says how a check that does something does it.
type Repeat struct {
	Timeout  time.Duration // for one time: 5 s where the author gives none
	Interval time.Duration // until the next time, while nothing changed: 3 s where the author gives none
}

// PodRef names a container of a pod.
type PodRef struct {
	Namespace string
	Pod       string            // by name, or
	Selector  map[string]string // the first ready pod that carries these labels
	Container string            // the pod's default container where empty
}

// Exec runs a command in a pod. CEL sees stdout and stderr (strings of 64
// KiB at most) and exitCode (int).
type Exec struct {
	PodRef
	Repeat  `json:"-"`
	Command []string // not run by a shell
}

// HTTP asks a service, a pod, an ingress or an address for a page; one of
// Service, Pod, Selector, Ingress and URL is set. CEL sees status (int), headers
// (map of strings; names in lower case, several values of one joined by ", ") and
// body (string of 64 KiB at most). Redirects are not followed.
type HTTP struct {
	Namespace string
	Service   string
	Via       string            // how to reach the service: ViaProxy, ViaNodePort or ViaLoadBalancer
	Pod       string            // by name, or
	Selector  map[string]string // the first ready pod that carries these labels
	Ingress   string            // by its address and Host
	URL       string            // as the student's workstation reaches it

	Scheme  string            // "http" or "https", whose certificate is not checked
	Port    string            // a number or a name; the only one of the service or pod where empty
	Method  string            // GET where the author gives none
	Path    string            // "/" where the author gives none; may hold a query
	Host    string            // the Host header; the address where empty
	Headers map[string]string // beside it
	Repeat  `json:"-"`
}

// The ways to a service. The API server's proxy reaches its pods without
// passing kube-proxy; the others go from the workstation to a node's port or to
// the service's external address.
const (
	ViaProxy        = "Proxy"
	ViaNodePort     = "NodePort"
	ViaLoadBalancer = "LoadBalancer"
)

// DNS asks the cluster's own DNS server for a name. CEL sees answers (list of
// strings, sorted: addresses, names with the dot at their end, for SRV "priority
// weight port target", the text of TXT) and code (string: NOERROR, NXDOMAIN, …).
type DNS struct {
	Name      string // one with fewer than 5 dots and none at its end is searched for as a pod of Namespace would
	Namespace string // "default" where the author gives none
	Type      string // A, AAAA, CNAME, PTR, SRV or TXT; A where the author gives none
	Repeat    `json:"-"`
}

// Logs reads the end of what a container has logged. CEL sees lines (list of
// strings: the last 1,000, of 256 KiB at most).
type Logs struct {
	PodRef
	Repeat   `json:"-"`
	Previous bool // of the container's run before this one
}

// Can asks the API server what somebody may do, by a SubjectAccessReview. CEL
// sees allowed (bool) and reason (string, the API server's own words).
type Can struct {
	User           string // or
	ServiceAccount string // "namespace/name"
	Groups         []string

	Verb        string
	Resource    string // "pods", "deployments.apps", or
	Path        string // of no resource: "/metrics"
	Subresource string
	Name        string // all where empty
	Namespace   string // all where empty
	Repeat      `json:"-"`
}

// Workstation looks at the student's workstation: at a file, whose text CEL sees
// as content (string of 64 KiB at most), or at what a command does, run as the
// student in their home folder, as stdout and stderr (strings of 64 KiB
// at most) and exitCode (int). One of File and Command is set.
type Workstation struct {
	File        string   // in the home folder, or an absolute path
	Command     []string // not run by a shell
	StudentHome bool     `json:",omitempty"` // the command's HOME is the student's, whose settings programs read; for a check of those
	Repeat      `json:"-"`
}

// Script runs a shell script on the workstation as the student, in their home
// folder. Exit status 0 is True, 75 (sysexits' EX_TEMPFAIL) is not yet, all others
// are wrong; the last line that it prints is told to the student.
type Script struct {
	Run         string
	StudentHome bool `json:",omitempty"` // HOME is the student's, whose settings programs read; for a check of those
	Repeat      `json:"-"`
}

// During watches how a change goes: the validations have to hold in every state
// of the objects that is seen from the last one in which From is true to the first
// one in which Until is true. What was once seen to go well stays True.
type During struct {
	From  string `yaml:"from" jsonschema:"required,minLength=1"`  // CEL that is true before the change
	Until string `yaml:"until" jsonschema:"required,minLength=1"` // CEL that is true after it
}

// Validation is one CEL expression that has to be true, in the words of
// ValidatingAdmissionPolicy. One of Message and MessageExpression is set.
type Validation struct {
	Expression        string `yaml:"expression" jsonschema:"required"` // CEL that gives true or false
	Message           string `yaml:"message"`                          // what the student reads while it is not true
	MessageExpression string `yaml:"messageExpression"`                // CEL that gives that text
	Pending           bool   `yaml:"pending"`                          // while it is not true, the student reads "not yet" and not "wrong"
	Line              int    `yaml:"-"`
}
