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
	check := Check{Name: spec.Name, Title: strings.TrimSpace(spec.Title), Once: spec.Mode == "once", Guard: spec.Guard, Diagnose: spec.Diagnose, Points: spec.Points, Objects: spec.Objects,
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
		check.Script = &Script{Run: spec.Script.Run, StudentHome: spec.Script.StudentHome, Repeat: d.repeat(here.in("script"), &spec.Script.repeatSpec)}
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
	if spec.File != "" && spec.StudentHome {
		d.addf(here("studentHome"), "studentHome is for a command; a file is read without settings")
	}
	return &Workstation{File: spec.File, Command: spec.Command, StudentHome: spec.StudentHome, Repeat: d.repeat(here, &spec.repeatSpec)}
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
