package loadbalancer_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"wheelhouse/provisioner/runtime/kubernetes/loadbalancer"
)

// cluster is an API with a load balancer of two addresses, .1 and .2.
type cluster struct {
	*testing.T
	client kubernetes.Interface
	cancel context.CancelFunc
	ended  chan error
}

const addresses = "172.30.255.0/30"

// inCluster runs a test where time passes only as the test says.
func inCluster(t *testing.T, test func(c *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{T: t, client: newClient()}
		c.start()
		defer c.stop()
		test(c)
	})
}

// newClient is of an API that keeps events of the same instant apart.
func newClient() kubernetes.Interface {
	client := fake.NewClientset()
	events := 0
	client.PrependReactor("create", "events", func(a clienttesting.Action) (bool, runtime.Object, error) {
		events++
		a.(clienttesting.CreateAction).GetObject().(*corev1.Event).Name += fmt.Sprint("-", events)
		return false, nil, nil
	})
	return client
}

func (c *cluster) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan error, 1)
	go func() {
		c.ended <- loadbalancer.Run(ctx, loadbalancer.Options{Client: c.client, Range: netip.MustParsePrefix(addresses)})
	}()
	c.settle()
}

func (c *cluster) stop() {
	c.cancel()
	if err := <-c.ended; err != nil {
		c.Error(err)
	}
	time.Sleep(time.Minute) // the controller's workers end by themselves
}

func (c *cluster) settle() {
	time.Sleep(20 * time.Second) // more than a retry, in the test's time
	synctest.Wait()
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// create makes a Service, changed by with.
func (c *cluster) create(name string, with ...func(*corev1.Service)) {
	c.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name + time.Now().String())}}
	s.Spec.Type = corev1.ServiceTypeLoadBalancer
	s.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	for _, f := range with {
		f(s)
	}
	_, err := c.client.CoreV1().Services("default").Create(c.Context(), s, metav1.CreateOptions{})
	c.must(err)
	c.settle()
}

// update changes a Service.
func (c *cluster) update(name string, with func(*corev1.Service)) {
	c.Helper()
	s := c.service(name)
	with(s)
	_, err := c.client.CoreV1().Services("default").Update(c.Context(), s, metav1.UpdateOptions{})
	c.must(err)
	c.settle()
}

// delete is what an API server does: the object stays while it has finalizers.
func (c *cluster) delete(name string) {
	c.Helper()
	c.update(name, func(s *corev1.Service) { s.DeletionTimestamp = &metav1.Time{Time: time.Now()} })
	if f := c.service(name).Finalizers; len(f) > 0 {
		c.Errorf("the deleted service %s is held by %q", name, f)
	}
	c.must(c.client.CoreV1().Services("default").Delete(c.Context(), name, metav1.DeleteOptions{}))
	c.settle()
}

func (c *cluster) service(name string) *corev1.Service {
	c.Helper()
	s, err := c.client.CoreV1().Services("default").Get(c.Context(), name, metav1.GetOptions{})
	c.must(err)
	return s
}

// want compares a Service's address.
func (c *cluster) want(name, want string) {
	c.Helper()
	got := ""
	for _, i := range c.service(name).Status.LoadBalancer.Ingress {
		if i.IPMode == nil || *i.IPMode != corev1.LoadBalancerIPModeVIP {
			c.Errorf("the address %s is no vip", i.IP)
		}
		got += i.IP
	}
	if got != want {
		c.Errorf("%s has the address %q, want %q", name, got, want)
	}
}

// wantEvent wants a warning about a Service with this in it.
func (c *cluster) wantEvent(name, want string) {
	c.Helper()
	list, err := c.client.CoreV1().Events("default").List(c.Context(), metav1.ListOptions{})
	c.must(err)
	var got []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name && e.Type == corev1.EventTypeWarning {
			got = append(got, e.Message)
		}
	}
	if !slices.ContainsFunc(got, func(m string) bool { return strings.Contains(m, want) }) {
		c.Errorf("%s has the warnings %q, want %q", name, got, want)
	}
}

func asking(ip string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerIP = ip }
}

func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{T: t, client: newClient()}
		ctx, cancel := context.WithCancel(t.Context())
		shared := informers.NewSharedInformerFactory(c.client, 0)
		shared.Core().V1().Services().Informer()
		shared.Start(ctx.Done())
		ended := make(chan error, 1)
		go func() {
			ended <- loadbalancer.Run(ctx, loadbalancer.Options{Client: c.client, Range: netip.MustParsePrefix(addresses), Informers: shared})
		}()
		c.create("web")
		c.want("web", "172.30.255.1")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		shared.Shutdown()
		time.Sleep(time.Minute)
	})
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []loadbalancer.Options{{Client: fake.NewClientset()}, {Range: netip.MustParsePrefix(addresses)}} {
		if err := loadbalancer.Run(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
