package grader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

const (
	listTime   = 30 * time.Second // for one list or one look-up of a kind
	probeSlots = 4                // probes that run on one cluster at once
)

// cluster is a connection to one API server. All of its requests but those of
// commands share one HTTP/2 connection, which close ends.
type cluster struct {
	config  *rest.Config
	dialer  *connrotation.Dialer
	objects dynamic.Interface
	names   metadata.Interface
	plain   rest.Interface
	http    *http.Client
	slots   chan struct{}
	logger  *slog.Logger

	workstation Workstation // nil where there is none
}

func connect(config *rest.Config, opts Options) (*cluster, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "wheelhouse-grader"
	config.QPS = -1 // no limit: what is sent is bounded by the lab's checks
	config.Timeout = 0
	config.WarningHandler = rest.NoWarnings{} // they are for whoever wrote the lab, not for our log
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	c := &cluster{config: config, dialer: connrotation.NewDialer(dial), slots: make(chan struct{}, probeSlots), logger: opts.Logger, workstation: opts.Workstation}
	config.Dial = c.dialer.DialContext
	config.Wrap(LimitAnswers)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("grader: the cluster's address or credentials cannot be used: %w", err)
	}
	var found *discovery.DiscoveryClient
	c.objects, err = dynamic.NewForConfigAndClient(config, client)
	if err == nil {
		c.names, err = metadata.NewForConfigAndClient(config, client)
	}
	if err == nil {
		found, err = discovery.NewDiscoveryClientForConfigAndClient(config, client)
	}
	if err != nil {
		return nil, fmt.Errorf("grader: the cluster's address or credentials cannot be used: %w", err)
	}
	c.plain, c.http = found.RESTClient(), client
	return c, nil
}

// close ends all connections, and with them the goroutines that serve them.
func (c *cluster) close() { c.dialer.CloseAll() }

// errNoKind says that the cluster does not know the kind, which may change.
var errNoKind = errors.New("the cluster has no such kind")

// resource is where the API server keeps a query's objects.
type resource struct {
	schema.GroupVersionResource
	namespaced bool
}

// lookup asks the API server where it keeps objects of the query's kind. It
// returns errNoKind where it keeps none.
func (c *cluster) lookup(ctx context.Context, q query) (resource, error) {
	ctx, cancel := context.WithTimeout(quiet(ctx), listTime)
	defer cancel()
	version, err := q.groupVersion()
	if err != nil {
		return resource{}, err
	}
	path := "/apis/" + q.apiVersion
	if version.Group == "" {
		path = "/api/" + version.Version
	}
	var kinds metav1.APIResourceList
	err = c.plain.Get().AbsPath(path).Do(ctx).Into(&kinds)
	if apierrors.IsNotFound(err) {
		return resource{}, errNoKind
	}
	if errors.Is(err, errAnswer) {
		return resource{}, &excess{ReasonTooLarge, fmt.Sprintf("The cluster's list of the kinds of %s has more than %d MiB, which is more than a check looks at.", q.apiVersion, answerSize>>20)}
	}
	if err != nil {
		return resource{}, err
	}
	at := slices.IndexFunc(kinds.APIResources, func(r metav1.APIResource) bool {
		return r.Kind == q.kind && !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "list")
	})
	if at < 0 {
		return resource{}, errNoKind
	}
	return resource{version.WithResource(kinds.APIResources[at].Name), kinds.APIResources[at].Namespaced}, nil
}

// options narrow a request to the query's objects.
func (q query) options(options metav1.ListOptions) metav1.ListOptions {
	if q.name != "" {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, q.name).String()
	}
	options.LabelSelector = q.selector
	return options
}

// namespaceIn is the namespace to ask in: none for a kind that has none.
func (q query) namespaceIn(r resource) string {
	if !r.namespaced {
		return ""
	}
	return q.namespace
}

// list reads all objects of a query. The error is an *excess where there are too
// many.
func (c *cluster) list(ctx context.Context, q query, r resource, options metav1.ListOptions) (list runtime.Object, err error) {
	ctx, cancel := context.WithTimeout(quiet(ctx), listTime)
	defer cancel()
	options.Limit = mostObjects // all in one page, or too many
	if q.namesOnly {
		list, err = c.names.Resource(r.GroupVersionResource).Namespace(q.namespaceIn(r)).List(ctx, q.options(options))
	} else {
		list, err = c.objects.Resource(r.GroupVersionResource).Namespace(q.namespaceIn(r)).List(ctx, q.options(options))
	}
	switch {
	case errors.Is(err, errAnswer):
		return nil, tooMuch(q, wordsOfAnswer)
	case err != nil:
		return nil, err
	}
	if about, err := meta.ListAccessor(list); err == nil && about.GetContinue() != "" || meta.LenList(list) > mostObjects {
		return nil, tooMuch(q, wordsOfObjects)
	}
	return list, nil
}

func (c *cluster) watch(ctx context.Context, q query, r resource, options metav1.ListOptions) (watch.Interface, error) {
	if q.namesOnly {
		return c.names.Resource(r.GroupVersionResource).Namespace(q.namespaceIn(r)).Watch(ctx, q.options(options))
	}
	return c.objects.Resource(r.GroupVersionResource).Namespace(q.namespaceIn(r)).Watch(ctx, q.options(options))
}

// answers tells whether the API server says that it is ready.
func (c *cluster) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var status int
	err := c.plain.Get().AbsPath("/readyz").Do(ctx).StatusCode(&status).Error()
	return err == nil || status != 0 && status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}
