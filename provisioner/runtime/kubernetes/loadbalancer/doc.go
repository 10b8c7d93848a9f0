// Package loadbalancer gives Services of type LoadBalancer an address, with
// Kubernetes' own service controller and a cloud provider that has nothing but
// addresses. It runs once a cluster, beside the control plane.
//
// An address is a VIP (status.loadBalancer.ingress[].ipMode): kube-proxy on each
// node takes what is sent to it, so whoever has a route for the range to any node
// reaches the Service. This package makes no routes and no rules. Which addresses
// are taken is read from the Services: there is no other state, so a restart
// changes nothing.
package loadbalancer
