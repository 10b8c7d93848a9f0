package content

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The checks of lab.yaml, as they are written.
type (
	// One question about the cluster, or to the student. It has one of exec, http, dns, logs, can, workstation, answer, script
	// and during, or objects alone.
	checkSpec struct {
		// A DNS label, unique in the step.
		Name string `yaml:"name" jsonschema:"required,minLength=1"`
		// What the student is told that this check looks for; of an answer, the question.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// A check that is level may become untrue again until its step is complete; one that is once stays true.
		Mode string `yaml:"mode" jsonschema:"enum=level,enum=once"`
		// A guard is true before the step's work too: it keeps a student from breaking something.
		Guard bool `yaml:"guard"`
		// What it counts by itself, while its step is not complete yet; nothing where it is not given.
		Points int `yaml:"points" jsonschema:"minimum=0,maximum=100"`
		// The objects that the check looks at, by the names that its expressions have for them.
		Objects map[string]Object `yaml:"objects"`
		// A command whose output the check looks at.
		Exec *execSpec `yaml:"exec"`
		// What a service, a pod, an ingress or an address answers.
		HTTP *httpSpec `yaml:"http"`
		// What a name resolves to inside the cluster.
		DNS *dnsSpec `yaml:"dns"`
		// What a container has logged.
		Logs *logsSpec `yaml:"logs"`
		// What somebody may do.
		Can *canSpec `yaml:"can"`
		// A file, or a command's output, on the student's workstation.
		Workstation *workstationSpec `yaml:"workstation"`
		// What the student types or chooses on the page.
		Answer *answerSpec `yaml:"answer"`
		// A shell script on the workstation, for what nothing else can judge.
		Script *scriptSpec `yaml:"script"`
		// How a change of the objects went: the validations have to hold in every state of it.
		During *During `yaml:"during"`
		// What has to be true. The first one that is not decides what the student is told.
		Validations []Validation `yaml:"validations"`
	}
	repeatSpec struct {
		// How long it may take, such as 10s; 5s where it is not given.
		Timeout string `yaml:"timeout"`
		// How often it is done while nothing has changed, such as 1s; 3s where it is not given.
		Interval string `yaml:"interval"`
	}
	podSpec struct {
		// The namespace of the pod.
		Namespace string `yaml:"namespace" jsonschema:"required,minLength=1"`
		// The pod by its name. Give this or selector.
		Pod string `yaml:"pod"`
		// Labels: the first ready pod that carries them all is taken. Give this or pod.
		Selector map[string]string `yaml:"selector"`
		// The container; the pod's default one where it is not given.
		Container string `yaml:"container"`
	}
	// A command that runs in a pod. Expressions see stdout and stderr (texts of 64 KiB at most) and exitCode (a number).
	execSpec struct {
		podSpec    `yaml:",inline"`
		repeatSpec `yaml:",inline"`
		// The program and its arguments. No shell reads them.
		Command []string `yaml:"command" jsonschema:"required,minItems=1"`
	}
	// A request. Give one of service, pod, selector, ingress and url. Expressions see status (a number), headers (texts by
	// names in lower case) and body (a text of 64 KiB at most). Redirects are not followed.
	httpSpec struct {
		repeatSpec `yaml:",inline"`
		// The namespace of what is asked.
		Namespace string `yaml:"namespace"`
		// A service by its name.
		Service string `yaml:"service"`
		// How to reach the service: the API server's proxy where it is not given, which passes kube-proxy by; a node's port or
		// the address outside are reached from the workstation.
		Via string `yaml:"via" jsonschema:"enum=Proxy,enum=NodePort,enum=LoadBalancer"`
		// A pod by its name.
		Pod string `yaml:"pod"`
		// Labels: the first ready pod that carries them all is taken.
		Selector map[string]string `yaml:"selector"`
		// An ingress by its name, asked at its address with the given host.
		Ingress string `yaml:"ingress"`
		// An address that the workstation reaches.
		URL string `yaml:"url"`
		// The certificate of https is not checked; http where it is not given.
		Scheme string `yaml:"scheme" jsonschema:"enum=http,enum=https"`
		// A number, as a text, or a name; the only port where it is not given.
		Port string `yaml:"port"`
		// GET where it is not given.
		Method string `yaml:"method" jsonschema:"enum=GET,enum=HEAD,enum=POST,enum=PUT,enum=DELETE,enum=OPTIONS"`
		// What is asked for, with its query if there is one; / where it is not given.
		Path string `yaml:"path"`
		// The Host header; the address where it is not given.
		Host string `yaml:"host"`
		// Other headers.
		Headers map[string]string `yaml:"headers"`
	}
	// A question to the cluster's own DNS server. Expressions see answers (a sorted list of texts) and code (a text: NOERROR,
	// NXDOMAIN and others).
	dnsSpec struct {
		repeatSpec `yaml:",inline"`
		// What to look up. A name with fewer than 5 dots and none at its end is searched for as a pod would.
		Name string `yaml:"name" jsonschema:"required,minLength=1"`
		// The namespace of the pod that would ask; default where it is not given.
		Namespace string `yaml:"namespace"`
		// The type of the records; A where it is not given.
		Type string `yaml:"type" jsonschema:"enum=A,enum=AAAA,enum=CNAME,enum=PTR,enum=SRV,enum=TXT"`
	}
	// A container's log. Expressions see lines (a list of texts: the last 1,000, of 256 KiB at most).
	logsSpec struct {
		podSpec    `yaml:",inline"`
		repeatSpec `yaml:",inline"`
		// The log of the container's run before this one.
		Previous bool `yaml:"previous"`
	}
	// A question to the API server: give user or serviceAccount, and resource or path. Expressions see allowed (true or
	// false) and reason (a text, the API server's own).
	canSpec struct {
		repeatSpec `yaml:",inline"`
		// The name of a user.
		User string `yaml:"user"`
		// A service account, as namespace/name.
		ServiceAccount string `yaml:"serviceAccount"`
		// Groups beside those that the user or service account has anyway.
		Groups []string `yaml:"groups"`
		// Such as get, list, create or delete.
		Verb string `yaml:"verb" jsonschema:"required,minLength=1"`
		// Such as pods or deployments.apps.
		Resource string `yaml:"resource"`
		// A path that is no resource, such as /metrics.
		Path string `yaml:"path"`
		// Such as log or exec, of pods.
		Subresource string `yaml:"subresource"`
		// One object; all of them where it is not given.
		Name string `yaml:"name"`
		// One namespace; all of them where it is not given.
		Namespace string `yaml:"namespace"`
	}
	// Give file or command. Expressions see content (a text of 64 KiB at most) of a file, or stdout and stderr (texts of 64
	// KiB at most) and exitCode (a number) of a command.
	workstationSpec struct {
		repeatSpec `yaml:",inline"`
		// A path in the home folder, or an absolute one.
		File string `yaml:"file"`
		// The program and its arguments, run as the student in their home folder. No shell reads them.
		Command []string `yaml:"command"`
	}
	// It runs as the student in their home folder. Exit status 0 is true, 75 is not yet, and all others are wrong; the last
	// line that it prints is told to the student.
	scriptSpec struct {
		repeatSpec `yaml:",inline"`
		// The script, for bash.
		Run string `yaml:"run" jsonschema:"required,minLength=1"`
	}
)

// fieldAt makes the place of a field from the place of what holds it.
type fieldAt func(field ...any) []any

// in is the place of what stands under the keys.
func (at fieldAt) in(keys ...any) fieldAt {
	return func(field ...any) []any { return append(at(keys...), field...) }
}

// most is how many steps a lab may have, and how many checks a step: what is open
// is judged all at once.
const most = 50

func (d *document) checks(step fieldAt, specs []checkSpec) []Check {
	if len(specs) == 0 {
		d.addf(step("checks"), "a step has at least one check")
	}
	if len(specs) > most {
		d.addf(step("checks"), "a step has %d checks at most", most)
	}
	names := map[string]bool{}
	var checks []Check
	for i, spec := range specs {
		here := step.in("checks", i)
		if problem := checkName(spec.Name); problem != "" {
			d.addf(here("name"), "the check's name %s", problem)
		} else if names[spec.Name] {
			d.addf(here("name"), "there is a check %s in this step already", spec.Name)
		}
		names[spec.Name] = true
		checks = append(checks, d.check(here, spec))
	}
	return checks
}

func (d *document) check(here fieldAt, spec checkSpec) Check {
	check := Check{Name: spec.Name, Title: strings.TrimSpace(spec.Title), Once: spec.Mode == "once", Guard: spec.Guard, Points: spec.Points, Objects: spec.Objects,
		During: spec.During, Validations: spec.Validations, Line: d.line(here()...)}
	d.required(here("title"), check.Title)
	if spec.Mode != "" && spec.Mode != "once" && spec.Mode != "level" {
		d.addf(here("mode"), "mode is %s and has to be level, which may become untrue again, or once, which stays true", quote(spec.Mode))
	}
	var kinds []string
	kind := func(name string, given bool) bool {
		if given {
			kinds = append(kinds, name)
		}
		return given
	}
	if kind("exec", spec.Exec != nil) {
		check.Exec = d.exec(here.in("exec"), spec.Exec)
	}
	if kind("http", spec.HTTP != nil) {
		check.HTTP = d.http(here.in("http"), spec.HTTP)
	}
	if kind("dns", spec.DNS != nil) {
		check.DNS = d.dns(here.in("dns"), spec.DNS)
	}
	if kind("logs", spec.Logs != nil) {
		at := here.in("logs")
		check.Logs = &Logs{PodRef: d.pod(at, "logs", &spec.Logs.podSpec), Repeat: d.repeat(at, &spec.Logs.repeatSpec), Previous: spec.Logs.Previous}
	}
	if kind("can", spec.Can != nil) {
		check.Can = d.can(here.in("can"), spec.Can)
	}
	if kind("workstation", spec.Workstation != nil) {
		check.Workstation = d.workstation(here.in("workstation"), spec.Workstation)
	}
	if kind("answer", spec.Answer != nil) {
		check.Answer = d.answer(here.in("answer"), spec.Answer)
		check.Once = true
	}
	if kind("script", spec.Script != nil) {
		check.Script = &Script{Run: spec.Script.Run, Repeat: d.repeat(here.in("script"), &spec.Script.repeatSpec)}
		d.required(here("script", "run"), strings.TrimSpace(spec.Script.Run))
	}
	if kind("during", spec.During != nil) {
		d.during(here, spec)
		check.Once = true
	}
	if len(kinds) > 1 {
		d.addf(here(), "the check %s has %s; give one of them, and another check for each other", quote(spec.Name), strings.Join(kinds, " and "))
	}
	if len(kinds) == 0 && len(spec.Objects) == 0 {
		d.addf(here(), "the check %s needs something to look at: objects, exec, http, dns, logs, can, workstation, answer, script or during", quote(spec.Name))
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Objects)) {
		d.object(here.in("objects", name), name, spec.Objects, kinds)
	}
	d.validations(here, &check)
	return check
}

// own are the words that a kind of check gives a meaning, so that objects beside
// it need others.
var own = map[string][]string{
	"http": {"status", "headers", "body"}, "dns": {"answers", "code"}, "logs": {"lines"}, "can": {"allowed", "reason"},
	"workstation": {"content"},
}

func (d *document) object(here fieldAt, name string, objects map[string]Object, kinds []string) {
	object := objects[name]
	taken := slices.Contains(reserved, name)
	for _, kind := range kinds {
		taken = taken || slices.Contains(own[kind], name)
	}
	if !variable.MatchString(name) || taken {
		d.addf(here(), "%s cannot be a variable of CEL: use a letter, then letters and digits, and none of its own words", quote(name))
	}
	if !apiVersion.MatchString(object.APIVersion) {
		d.addf(here("apiVersion"), "apiVersion is %s and has to be like v1 or apps/v1", quote(object.APIVersion))
	}
	if !kindName.MatchString(object.Kind) {
		d.addf(here("kind"), "kind is %s and has to be like Pod or ConfigMap", quote(object.Kind))
	}
	d.namespace(here("namespace"), object.Namespace)
	if object.Name != "" && !subdomain.MatchString(object.Name) {
		d.addf(here("name"), "%s cannot be the name of an object", quote(object.Name))
	}
	if object.Name != "" && len(object.Selector) > 0 {
		d.addf(here("selector"), "name means one object and selector means a list; give one of them")
	}
	if object.OwnedBy != "" && (object.Name != "" || objects[object.OwnedBy].Name == "") {
		d.addf(here("ownedBy"), "ownedBy is for a list, and names an object of this check, one with a name")
	}
	if object.Optional && object.Name == "" {
		d.addf(here("optional"), "optional needs a name; a list may always be empty")
	}
}

// namespace checks the name of a namespace that may be left out.
func (d *document) namespace(where []any, name string) {
	if name != "" && checkName(name) != "" {
		d.addf(where, "the namespace %s", checkName(name))
	}
}

// objectName checks the name of an object that may be left out.
func (d *document) objectName(where []any, kind, name string) {
	if name != "" && !subdomain.MatchString(name) {
		d.addf(where, "%s cannot be the name of %s", quote(name), kind)
	}
}

// word checks that a field has one of the values, the first where it is empty.
func (d *document) word(where []any, text string, values ...string) string {
	if text == "" {
		return values[0]
	}
	if !slices.Contains(values, text) {
		d.addf(where, "%s is %s and has to be one of %s", where[len(where)-1], quote(text), strings.Join(values, ", "))
	}
	return text
}

func (d *document) exec(here fieldAt, spec *execSpec) *Exec {
	exec := &Exec{PodRef: d.pod(here, "exec", &spec.podSpec), Repeat: d.repeat(here, &spec.repeatSpec), Command: spec.Command}
	if len(spec.Command) == 0 || spec.Command[0] == "" {
		d.addf(here("command"), "command lists the program and its arguments")
	}
	return exec
}

func (d *document) pod(here fieldAt, kind string, spec *podSpec) PodRef {
	d.required(here("namespace"), spec.Namespace)
	d.namespace(here("namespace"), spec.Namespace)
	if (spec.Pod != "") == (len(spec.Selector) > 0) {
		d.addf(here(), "%s needs either a pod or a selector, and not both", kind)
	}
	d.objectName(here("pod"), "a pod", spec.Pod)
	if spec.Container != "" && checkName(spec.Container) != "" {
		d.addf(here("container"), "the container %s", checkName(spec.Container))
	}
	return PodRef{Namespace: spec.Namespace, Pod: spec.Pod, Selector: spec.Selector, Container: spec.Container}
}

func (d *document) repeat(here fieldAt, spec *repeatSpec) Repeat {
	return Repeat{
		Timeout:  d.duration(here("timeout"), spec.Timeout, 5*time.Second, 100*time.Millisecond, 30*time.Second),
		Interval: d.duration(here("interval"), spec.Interval, 3*time.Second, time.Second, 5*time.Minute),
	}
}

func (d *document) duration(where []any, text string, standard, least, most time.Duration) time.Duration {
	if text == "" {
		return standard
	}
	value, err := time.ParseDuration(text)
	if err != nil || value < least || value > most {
		d.addf(where, "%s is %s and has to be a time from %s to %s, such as 5s", where[len(where)-1], quote(text), least, most)
	}
	return value
}

var (
	portName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$`)
	headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	hostName   = regexp.MustCompile(`^[A-Za-z0-9.*-]+(:[0-9]+)?$`)
)

func (d *document) http(here fieldAt, spec *httpSpec) *HTTP {
	http := &HTTP{Namespace: spec.Namespace, Service: spec.Service, Pod: spec.Pod, Selector: spec.Selector, Ingress: spec.Ingress, URL: spec.URL,
		Port: spec.Port, Host: spec.Host, Headers: spec.Headers, Path: spec.Path, Repeat: d.repeat(here, &spec.repeatSpec),
		Via:    d.word(here("via"), spec.Via, ViaProxy, ViaNodePort, ViaLoadBalancer),
		Scheme: d.word(here("scheme"), spec.Scheme, "http", "https"),
		Method: d.word(here("method"), spec.Method, "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
	targets := 0
	for _, given := range []bool{spec.Service != "", spec.Pod != "", len(spec.Selector) > 0, spec.Ingress != "", spec.URL != ""} {
		if given {
			targets++
		}
	}
	if targets != 1 {
		d.addf(here(), "http needs one of service, pod, selector, ingress and url")
	}
	if spec.URL == "" {
		d.required(here("namespace"), spec.Namespace)
	}
	d.namespace(here("namespace"), spec.Namespace)
	d.objectName(here("service"), "a service", spec.Service)
	d.objectName(here("pod"), "a pod", spec.Pod)
	d.objectName(here("ingress"), "an ingress", spec.Ingress)
	if spec.Via != "" && spec.Service == "" {
		d.addf(here("via"), "via says how to reach a service, and there is none")
	}
	if number, err := strconv.Atoi(spec.Port); spec.Port != "" && (err != nil && !portName.MatchString(spec.Port) || err == nil && (number < 1 || number > 65535)) {
		d.addf(here("port"), "port is %s and has to be a number from 1 to 65535 or a port's name", quote(spec.Port))
	}
	if spec.Host != "" && !hostName.MatchString(spec.Host) {
		d.addf(here("host"), "%s cannot be the name of a host", quote(spec.Host))
	}
	if spec.Path == "" {
		http.Path = "/"
	}
	if _, err := url.ParseRequestURI(http.Path); err != nil || !strings.HasPrefix(http.Path, "/") || strings.ContainsAny(http.Path, " \r\n") {
		d.addf(here("path"), "path is %s and has to begin with / and to hold no space", quote(spec.Path))
	}
	d.httpURL(here, spec)
	for _, name := range slices.Sorted(maps.Keys(spec.Headers)) {
		if !headerName.MatchString(name) || strings.ContainsAny(spec.Headers[name], "\r\n") {
			d.addf(here("headers", name), "%s cannot be a header of HTTP", quote(name))
		}
	}
	return http
}

// httpURL checks a URL and that what it says is not said twice.
func (d *document) httpURL(here fieldAt, spec *httpSpec) {
	if spec.URL == "" {
		return
	}
	target, err := url.Parse(spec.URL)
	if err != nil || target.Scheme != "http" && target.Scheme != "https" || target.Host == "" || target.User != nil {
		d.addf(here("url"), "url is %s and has to be like http://web.example:8080/path", quote(spec.URL))
	}
	for _, also := range []struct{ field, text string }{{"namespace", spec.Namespace}, {"scheme", spec.Scheme}, {"port", spec.Port}, {"path", spec.Path}} {
		if also.text != "" {
			d.addf(here(also.field), "the url says where to ask, so %s has no meaning", also.field)
		}
	}
}

var dnsName = regexp.MustCompile(`^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*\.?$`)

func (d *document) dns(here fieldAt, spec *dnsSpec) *DNS {
	if len(spec.Name) > 253 || !dnsName.MatchString(spec.Name) {
		d.addf(here("name"), "name is %s and has to be a name to look up, such as web.default.svc.cluster.local", quote(spec.Name))
	}
	d.namespace(here("namespace"), spec.Namespace)
	dns := &DNS{Name: spec.Name, Namespace: spec.Namespace, Repeat: d.repeat(here, &spec.repeatSpec),
		Type: d.word(here("type"), spec.Type, "A", "AAAA", "CNAME", "PTR", "SRV", "TXT")}
	if dns.Namespace == "" {
		dns.Namespace = "default"
	}
	return dns
}

var (
	resourceName   = regexp.MustCompile(`^([a-z0-9-]+(\.[a-z0-9.-]+)?|\*(\.[a-z0-9.-]+|\.\*)?)$`)
	serviceAccount = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
)

func (d *document) can(here fieldAt, spec *canSpec) *Can {
	if (spec.User != "") == (spec.ServiceAccount != "") {
		d.addf(here(), "can needs either a user or a serviceAccount, and not both")
	}
	if spec.ServiceAccount != "" && !serviceAccount.MatchString(spec.ServiceAccount) {
		d.addf(here("serviceAccount"), "serviceAccount is %s and has to be like default/robot: a namespace and a name", quote(spec.ServiceAccount))
	}
	d.required(here("verb"), spec.Verb)
	switch {
	case (spec.Resource != "") == (spec.Path != ""):
		d.addf(here(), "can needs either a resource or a path, and not both")
	case spec.Resource != "" && !resourceName.MatchString(spec.Resource):
		d.addf(here("resource"), "resource is %s and has to be like pods or deployments.apps", quote(spec.Resource))
	case spec.Path != "" && !strings.HasPrefix(spec.Path, "/"):
		d.addf(here("path"), "path is %s and has to begin with /", quote(spec.Path))
	case spec.Path != "" && spec.Subresource+spec.Name+spec.Namespace != "":
		d.addf(here("path"), "a path has no subresource, name or namespace")
	}
	d.namespace(here("namespace"), spec.Namespace)
	return &Can{User: spec.User, ServiceAccount: spec.ServiceAccount, Groups: spec.Groups, Verb: spec.Verb, Resource: spec.Resource,
		Path: spec.Path, Subresource: spec.Subresource, Name: spec.Name, Namespace: spec.Namespace, Repeat: d.repeat(here, &spec.repeatSpec)}
}

func (d *document) workstation(here fieldAt, spec *workstationSpec) *Workstation {
	if (spec.File != "") == (len(spec.Command) > 0) {
		d.addf(here(), "workstation needs either a file or a command, and not both")
	}
	if strings.HasPrefix(spec.File, "~") || strings.ContainsAny(spec.File, "\x00\n") {
		d.addf(here("file"), "file is %s and has to be a path in the home folder, such as notes.txt", quote(spec.File))
	}
	if len(spec.Command) > 0 && spec.Command[0] == "" {
		d.addf(here("command"), "command lists the program and its arguments")
	}
	return &Workstation{File: spec.File, Command: spec.Command, Repeat: d.repeat(here, &spec.repeatSpec)}
}

func (d *document) during(here fieldAt, spec checkSpec) {
	d.expression(here("during", "from"), &spec.During.From)
	d.expression(here("during", "until"), &spec.During.Until)
	d.required(here("during", "from"), strings.TrimSpace(spec.During.From))
	d.required(here("during", "until"), strings.TrimSpace(spec.During.Until))
	if len(spec.Objects) == 0 {
		d.addf(here(), "during needs objects to watch")
	}
	if spec.Mode == "level" {
		d.addf(here("mode"), "what was once seen to go well stays so: during is always once")
	}
}

func (d *document) validations(check fieldAt, c *Check) {
	switch {
	case c.Script != nil && len(c.Validations) > 0:
		d.addf(check("validations"), "a script judges by its exit status and needs no validations")
	case c.Script != nil && len(c.Objects) > 0:
		d.addf(check("objects"), "a script asks for objects by itself; it has no expressions that could see these")
	case c.Answer != nil && len(c.Validations) > 0:
		d.addf(check("validations"), "an answer is right or wrong by itself and needs no validations")
	case c.Answer != nil && len(c.Objects) > 0:
		d.addf(check("objects"), "an answer is right or wrong by itself; it has no expressions that could see these")
	case c.Answer == nil && c.Script == nil && len(c.Validations) == 0:
		d.addf(check("validations"), "a check has at least one validation")
	}
	for i := range c.Validations {
		here := append(check("validations"), i)
		validation := &c.Validations[i]
		validation.Line = d.line(here...)
		d.expression(here, &validation.Expression)
		d.expression(here, &validation.MessageExpression)
		if strings.TrimSpace(validation.Expression) == "" {
			d.addf(here, "the validation has no expression")
		}
		if (strings.TrimSpace(validation.Message) != "") == (strings.TrimSpace(validation.MessageExpression) != "") {
			d.addf(here, "the validation needs either a message or a messageExpression, and not both")
		}
	}
}

func fieldPath(keys []any) string {
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = fmt.Sprint(key)
	}
	return strings.Join(parts, ".")
}
