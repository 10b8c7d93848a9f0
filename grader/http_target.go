package grader

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/content"
)

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
