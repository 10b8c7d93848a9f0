package networkpolicy

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// cluster keeps what a Snapshot needs of the API, and no more.
type cluster struct {
	factories []informers.SharedInformerFactory
	pods      cache.SharedIndexInformer
	spaces    cache.SharedIndexInformer
	policies  cache.SharedIndexInformer
}

// newCluster calls changed, which must not block, whenever anything is different.
func newCluster(client kubernetes.Interface, changed func()) (*cluster, error) {
	all := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim))
	// Finished pods have no addresses; there can be many.
	running := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = "status.phase!=Succeeded,status.phase!=Failed"
		}))
	c := &cluster{
		factories: []informers.SharedInformerFactory{all, running},
		pods:      running.Core().V1().Pods().Informer(),
		spaces:    all.Core().V1().Namespaces().Informer(),
		policies:  all.Networking().V1().NetworkPolicies().Informer(),
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	}
	for _, i := range c.all() {
		if _, err := i.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *cluster) all() []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{c.pods, c.spaces, c.policies}
}

// start returns once everything has been listed, however long that takes; until
// stop is closed.
func (c *cluster) start(stop <-chan struct{}) error {
	for _, f := range c.factories {
		f.Start(stop)
	}
	for _, i := range c.all() {
		if !cache.WaitForCacheSync(stop, i.HasSynced) {
			return errors.New("the watches were stopped")
		}
	}
	return nil
}

// wait returns when every goroutine of the watches has; stop must be closed.
func (c *cluster) wait() {
	for _, f := range c.factories {
		f.Shutdown()
	}
}

// snapshot shares its objects with the caches: they are not to be changed.
func (c *cluster) snapshot() Snapshot {
	s := Snapshot{Namespaces: map[string]labels.Set{}}
	for _, o := range c.pods.GetStore().List() {
		s.Pods = append(s.Pods, o.(*corev1.Pod))
	}
	for _, o := range c.spaces.GetStore().List() {
		n := o.(*corev1.Namespace)
		s.Namespaces[n.Name] = n.Labels
	}
	for _, o := range c.policies.GetStore().List() {
		s.Policies = append(s.Policies, o.(*networkingv1.NetworkPolicy))
	}
	return s
}

// trim keeps the fields that a Snapshot looks at.
func trim(o any) (any, error) {
	switch o := o.(type) {
	case *corev1.Pod:
		p := &corev1.Pod{ObjectMeta: trimMeta(o.ObjectMeta)}
		p.Spec.NodeName, p.Spec.HostNetwork = o.Spec.NodeName, o.Spec.HostNetwork
		p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = o.Status.Phase, o.Status.PodIP, o.Status.PodIPs
		if ports := containerPorts(o); len(ports) > 0 {
			p.Spec.Containers = []corev1.Container{{Ports: ports}}
		}
		return p, nil
	case *corev1.Namespace:
		return &corev1.Namespace{ObjectMeta: trimMeta(o.ObjectMeta)}, nil
	case *networkingv1.NetworkPolicy:
		return &networkingv1.NetworkPolicy{ObjectMeta: trimMeta(o.ObjectMeta), Spec: o.Spec}, nil
	}
	return o, nil
}

func trimMeta(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Labels: m.Labels}
}
