package loadbalancer_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestAddresses(t *testing.T) {
	tests := map[string]func(c *cluster){
		"the lowest that is free": func(c *cluster) {
			c.create("a")
			c.create("b")
			c.want("a", "172.30.255.1")
			c.want("b", "172.30.255.2")
		},
		"other types have none": func(c *cluster) {
			c.create("a", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort })
			c.want("a", "")
		},
		"another class is left alone": func(c *cluster) {
			class := "example.com/other"
			c.create("a", func(s *corev1.Service) { s.Spec.LoadBalancerClass = &class })
			c.want("a", "")
			if f := c.service("a").Finalizers; len(f) > 0 {
				c.Errorf("it has the finalizers %q", f)
			}
		},
		"the one that is asked for": func(c *cluster) {
			c.create("a", asking("172.30.255.2"))
			c.want("a", "172.30.255.2")
		},
		"one that is asked for and taken": func(c *cluster) {
			c.create("a")
			c.create("b", asking("172.30.255.1"))
			c.want("b", "")
			c.wantEvent("b", "the address 172.30.255.1 in spec.loadBalancerIP is taken by the service default/a")
			c.delete("a")
			c.want("b", "172.30.255.1")
		},
		"one that is asked for and is none of ours": func(c *cluster) {
			c.create("a", asking("10.0.0.1"))
			c.want("a", "")
			c.wantEvent("a", "the address 10.0.0.1 in spec.loadBalancerIP is not one of the load balancer's, 172.30.255.0/30")
			c.update("a", asking(""))
			c.want("a", "172.30.255.1")
		},
		"the first and the last are no addresses": func(c *cluster) {
			c.create("a", asking("172.30.255.0"))
			c.create("b", asking("172.30.255.3"))
			c.want("a", "")
			c.want("b", "")
		},
		"another is asked for later": func(c *cluster) {
			c.create("a")
			c.update("a", asking("172.30.255.2"))
			c.want("a", "172.30.255.2")
			c.update("a", asking("")) // it has one
			c.want("a", "172.30.255.2")
			c.create("b")
			c.want("b", "172.30.255.1")
		},
		"a deleted service's is free": func(c *cluster) {
			c.create("a")
			c.create("b")
			c.delete("a")
			c.create("c")
			c.want("b", "172.30.255.2")
			c.want("c", "172.30.255.1")
		},
		"a service of another type now": func(c *cluster) {
			c.create("a")
			c.update("a", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
			c.want("a", "")
			c.create("b")
			c.want("b", "172.30.255.1")
		},
		"all are taken, until one is not": func(c *cluster) {
			c.create("a")
			c.create("b")
			c.create("c")
			c.want("c", "")
			c.wantEvent("c", "all addresses of the load balancer, 172.30.255.0/30, are taken: delete a service of type LoadBalancer")
			c.delete("b")
			c.want("c", "172.30.255.2")
		},
		"a restart changes nothing": func(c *cluster) {
			c.create("a")
			c.create("b")
			c.delete("a")
			c.stop()
			c.create("c") // before b by no order that the controller knows
			c.start()
			c.want("b", "172.30.255.2")
			c.want("c", "172.30.255.1")
		},
		"another IP family": func(c *cluster) {
			c.create("a", func(s *corev1.Service) { s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol} })
			c.want("a", "")
			c.wantEvent("a", "of another IP family than the service's, [IPv6]")
		},
		"an address of an earlier range": func(c *cluster) {
			c.create("a", func(s *corev1.Service) {
				s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
			})
			c.want("a", "172.30.255.1")
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { inCluster(t, test) })
	}
}
