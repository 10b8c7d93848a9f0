package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/metrics/prometheus/controllers"
)

// Options are what Run needs.
type Options struct {
	// Client may list and watch services and nodes, patch services and their status,
	// and create and patch events.
	Client kubernetes.Interface
	// Range is where addresses come from, 172.30.255.0/24 for one. The first and the
	// last of an IPv4 range are left out, as those of a network would be.
	Range netip.Prefix
	// Informers are shared with others in the process; nil makes some. They may have
	// been started already.
	Informers informers.SharedInformerFactory
}

// Run gives and takes addresses until ctx ends, and then returns nil. What goes
// wrong with a Service is an event of the Service, and is tried again.
func Run(ctx context.Context, o Options) error {
	if o.Client == nil || !o.Range.IsValid() {
		return errors.New("load balancer: a client and a range of addresses are needed")
	}
	ctx, cancel := context.WithCancel(ctx)
	if o.Informers == nil {
		o.Informers = informers.NewSharedInformerFactory(o.Client, 0)
		defer o.Informers.Shutdown() // waits, so it comes after cancel
	}
	defer cancel()
	services, nodes := o.Informers.Core().V1().Services(), o.Informers.Core().V1().Nodes()
	addresses := newPool(o.Range, services.Lister())
	controller, err := service.New(cloud{addresses}, o.Client, services, nodes, "", utilfeature.DefaultFeatureGate)
	if err != nil {
		return fmt.Errorf("load balancer: %w", err)
	}
	o.Informers.Start(ctx.Done())
	// One worker: two would want the same free address.
	controller.Run(ctx, 1, controllers.NewControllerManagerMetrics("load-balancer"))
	return nil
}
