package grader

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/miekg/dns"

	"wheelhouse/content"
)

// dnsProbe asks one of the pods of the cluster's DNS server, by a port forwarded
// over the API server, so that nothing has to run in the cluster for it.
type dnsProbe struct{ *content.DNS }

func (p *dnsProbe) declarations() []cel.EnvOption {
	return []cel.EnvOption{cel.Variable("answers", cel.ListType(cel.StringType)), cel.Variable("code", cel.StringType)}
}

// dnsPods are the pods of the cluster's DNS server, by the labels that kubeadm
// gives them.
var dnsPods = &content.PodRef{Namespace: "kube-system", Selector: map[string]string{"k8s-app": "kube-dns"}}

func (p *dnsProbe) repeat() content.Repeat { return p.Repeat }
func (p *dnsProbe) queries() []query       { return []query{podQuery(dnsPods)} }
func (p *dnsProbe) requests() []request    { return []request{forwardRequest} }

func (p *dnsProbe) aim(look lookup) (*target, Result) {
	at, why := aimAtPod(dnsPods, look, container)
	if at != nil {
		at.of = "" // what DNS answers is not of the server's pod
	}
	if why.Status == False {
		why.Message = "The cluster's DNS server does not run. " + why.Message
	}
	return at, why
}

func (p *dnsProbe) doing(target) string {
	return fmt.Sprintf("The name %s is being looked up.", p.Name)
}

// dots is how many dots a name needs to be tried as it is first: what the
// kubelet writes into the resolv.conf of pods.
const dots = 5

const clusterDomain = "cluster.local"

// candidates are the names that a pod would ask for, in its order.
func (p *dnsProbe) candidates() []string {
	if strings.HasSuffix(p.Name, ".") {
		return []string{p.Name}
	}
	var names []string
	for _, domain := range []string{p.Namespace + ".svc." + clusterDomain, "svc." + clusterDomain, clusterDomain} {
		names = append(names, p.Name+"."+domain+".")
	}
	if strings.Count(p.Name, ".") >= dots {
		return slices.Insert(names, 0, p.Name+".")
	}
	return append(names, p.Name+".")
}

func (p *dnsProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	timed, cancel := c.within(ctx, p.Timeout, done)
	if timed == nil {
		return done
	}
	defer cancel()
	conn, err := c.forward(timed, in, 53)
	if err != nil {
		c.logger.Debug("grader: DNS server", "pod", in.pod, "error", err)
		return done.fail(Unknown, ReasonUnreachable, "The cluster's DNS server could not be reached; it is tried again.")
	}
	defer conn.Close()
	deadline, _ := timed.Deadline()
	_ = conn.SetDeadline(deadline)
	server := &dns.Conn{Conn: conn}
	var answer *dns.Msg
	for _, name := range p.candidates() {
		question := new(dns.Msg).SetQuestion(name, dns.StringToType[p.Type])
		if err = server.WriteMsg(question); err == nil {
			answer, err = server.ReadMsg()
		}
		if err != nil {
			return done.fail(Unknown, ReasonTimeout, fmt.Sprintf("The cluster's DNS server did not answer within %v.", p.Timeout))
		}
		if answer.Rcode != dns.RcodeNameError && len(answer.Answer) > 0 {
			break
		}
	}
	answers := answersOf(answer, dns.StringToType[p.Type])
	code := dns.RcodeToString[answer.Rcode]
	done.values = map[string]any{"answers": answers, "code": code}
	done.evidence = Evidence{Name: "nslookup -type=" + strings.ToLower(p.Type) + " " + p.Name,
		Text: clip(fmt.Sprintf("%s\n%s\n", code, strings.Join(answers, "\n")), evidenceSize)}
	return done
}

// answersOf are the answers of the wanted type, as text.
func answersOf(message *dns.Msg, wanted uint16) []string {
	answers := []string{}
	for _, record := range message.Answer {
		if record.Header().Rrtype != wanted {
			continue
		}
		switch record := record.(type) {
		case *dns.TXT:
			answers = append(answers, strings.Join(record.Txt, ""))
		default:
			answers = append(answers, strings.TrimPrefix(record.String(), record.Header().String()))
		}
	}
	slices.Sort(answers)
	return answers
}
