package grader

import (
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
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func (p *httpProbe) requests() []request {
	switch {
	case p.Service != "" && p.Via == content.ViaProxy:
		return []request{serviceProxyRequest}
	case p.Service != "", p.Ingress != "", p.URL != "":
		return nil // from the workstation
	}
	return []request{podProxyRequest}
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
	if by := deniedBy(answer); by != "" {
		answer.Body.Close()
		done.fail(Unknown, ReasonIntercepted, fmt.Sprintf("%s could not be asked: %s of this cluster refuses such requests. Delete it.", p.what(in), by))
		return nil
	}
	if problem := proxyProblem(answer); problem != "" {
		answer.Body.Close()
		done.fail(False, ReasonWrong, fmt.Sprintf("%s does not answer: %s.", p.what(in), problem))
		return nil
	}
	return answer
}

// denial is how the API server begins to say that admission refuses a request.
var denial = regexp.MustCompile(`(admission webhook "[^"]+") denied the request|(ValidatingAdmissionPolicy '[^']+') with binding '[^']+' denied request`)

// deniedBy names the admission webhook or policy that refused the request to the proxy,
// and is empty where none did: otherwise its answer, which has a status and a text of a
// student's choice, would be taken for the page's.
func deniedBy(answer *http.Response) string {
	if answer.StatusCode < http.StatusBadRequest || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		return ""
	}
	read, _ := io.ReadAll(io.LimitReader(answer.Body, outputSize))
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(read), answer.Body), answer.Body}
	var status metav1.Status
	if json.Unmarshal(read, &status) != nil || status.Kind != "Status" || status.APIVersion != "v1" {
		return ""
	}
	if by := denial.FindStringSubmatch(status.Message); by != nil {
		return "the " + by[1] + by[2]
	}
	return ""
}

// proxyProblem says why the API server's proxy reached no server, and is empty where
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
