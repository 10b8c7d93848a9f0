package loadbalancer

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/api"
)

// retry is how soon a Service that got no address is looked at again: what it
// waits for, another's deletion, is no event of its own.
const retry = 10 * time.Second

// cloud is a pool as the service controller sees it: a provider of load balancers
// and of nothing else. What a load balancer does, kube-proxy does.
type cloud struct{ pool *pool }

var (
	_ cloudprovider.Interface    = cloud{}
	_ cloudprovider.LoadBalancer = cloud{}
)

// GetLoadBalancer tells that one exists for every Service: to free what is not
// held does no harm.
func (c cloud) GetLoadBalancer(_ context.Context, _ string, s *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	return &s.Status.LoadBalancer, true, nil
}

func (c cloud) GetLoadBalancerName(_ context.Context, _ string, s *corev1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(s)
}

func (c cloud) EnsureLoadBalancer(_ context.Context, _ string, s *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	addr, err := c.pool.take(s)
	if err != nil {
		return nil, api.NewRetryError(err.Error(), retry)
	}
	mode := corev1.LoadBalancerIPModeVIP
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: addr.String(), IPMode: &mode}}}, nil
}

func (c cloud) UpdateLoadBalancer(context.Context, string, *corev1.Service, []*corev1.Node) error {
	return nil
}

func (c cloud) EnsureLoadBalancerDeleted(_ context.Context, _ string, s *corev1.Service) error {
	c.pool.free(s)
	return nil
}

func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return c, true }

func (c cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (c cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (c cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (c cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (c cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (c cloud) ProviderName() string                                              { return "wheelhouse" }
func (c cloud) HasClusterID() bool                                                { return true }
