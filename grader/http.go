package grader

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/content"
)

// httpProbe asks for a page. Services and pods are reached through the API
// server's proxy; node ports, load balancers, ingresses and URLs from the
// workstation, by curl.
type httpProbe struct{ *content.HTTP }

func (p *httpProbe) declarations() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Variable("status", cel.IntType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("body", cel.StringType),
	}
}

func (p *httpProbe) repeat() content.Repeat { return p.Repeat }

func (p *httpProbe) pod() *content.PodRef {
	return &content.PodRef{Namespace: p.Namespace, Pod: p.Pod, Selector: p.Selector}
}

var nodes = query{apiVersion: "v1", kind: "Node"}

func (p *httpProbe) queries() []query {
	switch {
	case p.Service != "" && p.Via == content.ViaNodePort:
		return []query{p.named("v1", "Service", p.Service), nodes}
	case p.Service != "":
		return []query{p.named("v1", "Service", p.Service)}
	case p.Ingress != "":
		return []query{p.named("networking.k8s.io/v1", "Ingress", p.Ingress)}
	case p.URL != "":
		return nil
	}
	return []query{podQuery(p.pod())}
}

func (p *httpProbe) named(apiVersion, kind, name string) query {
	return query{apiVersion: apiVersion, kind: kind, namespace: p.Namespace, name: name}
}

// what names what is asked, in a sentence.
func (p *httpProbe) what(in target) string {
	switch {
	case p.Service != "":
		return "Service " + p.Service
	case p.Ingress != "":
		return "Ingress " + p.Ingress
	case p.URL != "":
		return p.URL
	}
	return "Pod " + in.pod
}

func (p *httpProbe) doing(in target) string {
	return fmt.Sprintf("%s is being asked for %s.", p.what(in), p.Path)
}

func (p *httpProbe) aim(look lookup) (*target, Result) {
	switch {
	case p.Service != "":
		return p.aimAtService(look)
	case p.Ingress != "":
		return p.aimAtIngress(look)
	case p.URL != "":
		return &target{address: p.URL}, Result{}
	}
	at, why := aimAtPod(p.pod(), look, container)
	if at != nil {
		// The API server's proxy takes the port by its number or its name.
		at.address = fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/proxy", p.Namespace, p.proxied(at.pod, p.Port))
	}
	return at, why
}

// proxied names what the API server's proxy is to ask, and how.
func (p *httpProbe) proxied(name, port string) string {
	if port != "" || p.Scheme == "https" {
		name += ":" + port
	}
	if p.Scheme == "https" {
		name = "https:" + name
	}
	return name
}

// one returns the only object of a query, as the type that into points to.
func one(look lookup, wanted query, into any) (*object, Result) {
	found := look(wanted)
	switch {
	case found.phase == waiting:
		return nil, Result{}
	case found.phase == failed:
		return nil, Result{Status: Unknown, Reason: found.reason, Message: found.problem}
	case len(found.objects) == 0:
		return nil, Result{Status: False, Reason: ReasonNotFound, Message: absence(look, wanted)}
	}
	o := found.objects[0]
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.content.Object, into); err != nil {
		return nil, Result{Status: Unknown, Reason: ReasonInvalid, Message: fmt.Sprintf("%s %s cannot be read: %v.", o.kind, o.key.name, err)}
	}
	return o, Result{}
}

func (p *httpProbe) aimAtService(look lookup) (*target, Result) {
	var service corev1.Service
	o, why := one(look, p.queries()[0], &service)
	if o == nil {
		return nil, why
	}
	no := func(reason, format string, args ...any) (*target, Result) {
		return nil, Result{Status: False, Reason: reason, Evidence: []Evidence{o.evidence()},
			Message: "Service " + p.Service + " " + fmt.Sprintf(format, args...) + "."}
	}
	at := &target{namespace: p.Namespace, uid: string(service.UID), version: service.ResourceVersion, of: "Service " + o.key.String()}
	port, problem := p.portOf(&service)
	switch {
	case problem != "":
		return no(ReasonWrong, "%s", problem)
	case p.Via == content.ViaProxy:
		if service.Spec.Type == corev1.ServiceTypeExternalName {
			return no(ReasonWrong, "is only a name for %s, so nothing in the cluster answers for it", service.Spec.ExternalName)
		}
		// Without a port it would look for one that has no name.
		at.address = fmt.Sprintf("/api/v1/namespaces/%s/services/%s/proxy", p.Namespace, p.proxied(p.Service, strconv.Itoa(int(port.Port))))
	case p.Via == content.ViaNodePort:
		if port.NodePort == 0 {
			return no(ReasonWrong, "has no port on the nodes; its type is %s", service.Spec.Type)
		}
		address, why := nodeAddress(look)
		if address == "" {
			return nil, why
		}
		at.address = p.url(address, int(port.NodePort))
	default:
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			return no(ReasonWrong, "has no address outside the cluster; its type is %s", service.Spec.Type)
		}
		if len(service.Status.LoadBalancer.Ingress) == 0 {
			return no(ReasonPending, "has no address outside the cluster yet")
		}
		given := service.Status.LoadBalancer.Ingress[0]
		at.address = p.url(given.IP+given.Hostname, int(port.Port))
	}
	return at, Result{}
}

// portOf returns the service's port that is meant, or in words that go on from
// "Service web" that there is none.
func (p *httpProbe) portOf(service *corev1.Service) (port corev1.ServicePort, problem string) {
	var ports []string
	for _, port := range service.Spec.Ports {
		number := strconv.Itoa(int(port.Port))
		if p.Port == "" && len(service.Spec.Ports) == 1 || p.Port != "" && (p.Port == number || p.Port == port.Name) {
			return port, ""
		}
		if port.Name != "" {
			number += " (" + port.Name + ")"
		}
		ports = append(ports, number)
	}
	switch {
	case len(ports) == 0:
		return port, "has no ports"
	case p.Port == "":
		return port, "has several ports, " + strings.Join(ports, ", ") + ", and the lab does not say which"
	}
	return port, fmt.Sprintf("has no port %s; it has %s", p.Port, strings.Join(ports, ", "))
}

// nodeAddress is the address of the first node that is known.
func nodeAddress(look lookup) (string, Result) {
	found := look(nodes)
	if found.phase == failed {
		return "", Result{Status: Unknown, Reason: found.reason, Message: found.problem}
	}
	for _, o := range found.objects {
		var node corev1.Node
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.content.Object, &node); err != nil {
			continue
		}
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return address.Address, Result{}
			}
		}
	}
	if found.phase == waiting {
		return "", Result{}
	}
	return "", Result{Status: False, Reason: ReasonPending, Message: "No node has an address yet."}
}

func (p *httpProbe) aimAtIngress(look lookup) (*target, Result) {
	var ingress networkingv1.Ingress
	o, why := one(look, p.queries()[0], &ingress)
	if o == nil {
		return nil, why
	}
	if len(ingress.Status.LoadBalancer.Ingress) == 0 {
		return nil, Result{Status: False, Reason: ReasonPending, Evidence: []Evidence{o.evidence()},
			Message: "Ingress " + p.Ingress + " has no address yet."}
	}
	given := ingress.Status.LoadBalancer.Ingress[0]
	port := 80
	if p.Scheme == "https" {
		port = 443
	}
	if number, err := strconv.Atoi(p.Port); err == nil {
		port = number
	}
	return &target{namespace: p.Namespace, uid: string(ingress.UID), version: ingress.ResourceVersion, of: "Ingress " + o.key.String(), address: p.url(given.IP+given.Hostname, port)}, Result{}
}

func (p *httpProbe) url(host string, port int) string {
	return p.Scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port)) + p.Path
}

func (p *httpProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	var answer *http.Response
	if strings.HasPrefix(in.address, "/") {
		timed, cancel := c.within(ctx, p.Timeout, done)
		if timed == nil {
			return done
		}
		defer cancel()
		answer = p.byProxy(timed, c, in, done)
	} else {
		answer = p.byCurl(ctx, c, in, done)
	}
	if answer == nil {
		return done
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(io.LimitReader(answer.Body, outputSize+1))
	timedOut := errors.Is(err, context.DeadlineExceeded)
	if err != nil && len(read) == 0 && !timedOut && len(done.cut) == 0 {
		return done.fail(False, ReasonWrong, fmt.Sprintf("%s broke off its answer to %s.", p.what(in), p.Path))
	}
	switch {
	case len(done.cut) > 0: // the body; curl has said so
	case len(read) > outputSize:
		done.cutOff("body", "%s answers %s with", p.what(in), p.Path)
	case timedOut:
		done.cut = []cut{p.endless(in)}
	}
	headers, size := map[string]string{}, 0
	for name, values := range answer.Header {
		value := strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
		headers[strings.ToLower(name)] = value
		size += len(name) + len(value)
	}
	if size > outputSize {
		headers = map[string]string{}
		done.cutOff("headers", "%s answers with headers of", p.what(in))
	}
	body := text(read)
	done.values = map[string]any{"status": int64(answer.StatusCode), "headers": headers, "body": body}
	done.evidence = Evidence{Name: p.Method + " " + p.what(in) + " " + p.Path, Text: clip(shownAnswer(answer.StatusCode, headers, body), evidenceSize)}
	return done
}

// endless says that an answer began and did not end.
func (p *httpProbe) endless(in target) cut {
	return cut{"body", &excess{ReasonTimeout, fmt.Sprintf("%s does not end its answer to %s within %v.", p.what(in), p.Path, p.Timeout)}}
}

func shownAnswer(status int, headers map[string]string, body string) string {
	var shown strings.Builder
	fmt.Fprintf(&shown, "%d %s\n", status, http.StatusText(status))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&shown, "%s: %s\n", name, headers[name])
	}
	return shown.String() + "\n" + body
}

// byProxy asks through the API server. Where it returns nil, done says why.
func (p *httpProbe) byProxy(ctx context.Context, c *cluster, in target, done *outcome) *http.Response {
	where := c.plain.Get().AbsPath(in.address).URL()
	asked, err := url.Parse(p.Path)
	if err != nil {
		done.fail(Unknown, ReasonInvalid, fmt.Sprintf("The path %s cannot be asked for: %v.", p.Path, err))
		return nil
	}
	where.Path, where.RawQuery = in.address+asked.Path, asked.RawQuery
	request, err := http.NewRequestWithContext(ctx, p.Method, where.String(), nil)
	if err != nil {
		done.fail(Unknown, ReasonInvalid, fmt.Sprintf("%s cannot be asked: %v.", p.what(in), err))
		return nil
	}
	for name, value := range p.Headers {
		request.Header.Set(name, value)
	}
	client := *c.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		done.fail(False, ReasonWrong, fmt.Sprintf("%s does not answer within %v.", p.what(in), p.Timeout))
		return nil
	default:
		done.fail(Unknown, ReasonUnreachable, fmt.Sprintf("%s could not be asked; it is tried again.", p.what(in)))
		return nil
	}
	if problem := proxyProblem(answer); problem != "" {
		answer.Body.Close()
		done.fail(False, ReasonWrong, fmt.Sprintf("%s does not answer: %s.", p.what(in), problem))
		return nil
	}
	return answer
}

// proxyProblem says why the API server's proxy reached nobody, and is empty where
// the answer is not the proxy's own. Its own answers have the type of the API and
// one of these two codes.
func proxyProblem(answer *http.Response) string {
	if answer.StatusCode != http.StatusServiceUnavailable && answer.StatusCode != http.StatusInternalServerError && answer.StatusCode != http.StatusBadGateway {
		return ""
	}
	read, _ := io.ReadAll(io.LimitReader(answer.Body, outputSize))
	answer.Body = io.NopCloser(bytes.NewReader(read))
	var status metav1.Status
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") || json.Unmarshal(read, &status) != nil || status.Kind != "Status" || status.APIVersion != "v1" {
		if bytes.HasPrefix(read, []byte("Error trying to reach service: ")) {
			return "nothing listens there"
		}
		return ""
	}
	message := status.Message
	switch {
	case strings.HasPrefix(message, "no endpoints available"):
		return "it has no pod that is ready"
	case strings.Contains(message, "connection refused"):
		return "nothing listens on that port of its pods"
	}
	return oneLine(message)
}

// byCurl asks from the workstation. Where it returns nil, done says why.
func (p *httpProbe) byCurl(ctx context.Context, c *cluster, in target, done *outcome) *http.Response {
	command := []string{"/usr/bin/curl", "-q", "-sS", "-i", "-k", "--raw", "--http1.1", "--noproxy", "*", "--max-time",
		strconv.FormatFloat(p.Timeout.Seconds(), 'f', 1, 64), "-X", p.Method}
	if p.Method == http.MethodHead {
		command = append(command, "-I")
	}
	if p.Host != "" {
		command = append(command, "-H", "Host: "+p.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		command = append(command, "-H", name+": "+p.Headers[name])
	}
	ran := c.onWorkstation(ctx, append(command, "--", in.address), p.Timeout+workstationGrace, done)
	if ran == nil {
		return nil
	}
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(ran.stdout)), &http.Request{Method: p.Method})
	switch {
	case err == nil && ran.stdoutCut:
		done.cutOff("body", "%s answers %s with", p.what(in), p.Path)
		return answer
	case err == nil && ran.exitCode == curlTimedOut:
		done.cut = []cut{p.endless(in)}
		return answer
	case err == nil:
		return answer
	case ran.stdoutCut:
		done.fail(Unknown, ReasonTooLarge, fmt.Sprintf("%s answers with headers of more than %d KiB, which is more than a check looks at.", p.what(in), outputSize>>10))
		return nil
	}
	why := "it gave no answer of HTTP"
	if said, ok := curlProblems[ran.exitCode]; ok {
		why = said
	} else if said := lastLine(ran.stderr); said != "" {
		why = strings.TrimSuffix(said, ".")
	}
	done.evidence = Evidence{Name: commandLine(append([]string{"curl", "-i"}, in.address)), Text: printed("", ran.stderr, &ran.exitCode)}
	done.fail(False, ReasonWrong, fmt.Sprintf("%s does not answer at %s: %s.", p.what(in), in.address, why))
	return nil
}

const curlTimedOut = 28

// curlProblems are curl's exit codes, by its manual.
var curlProblems = map[int]string{
	6: "its name is not known", 7: "the connection is refused", curlTimedOut: "it takes too long", 35: "it does not speak TLS",
	52: "it closed the connection without an answer", 56: "the connection broke",
}
