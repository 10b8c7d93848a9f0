// Package activity tells the nodes of a cluster when something is going on in it.
// While nothing is, they let their components' timers be late, which saves most of
// what a cluster costs that nobody uses.
package activity

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// pause is how long a bell that was rung stays silent. Nodes wait for several of
// them before they take a cluster for idle.
const pause = time.Second

// sendWithin is how long a request may wait for a node to take a datagram.
const sendWithin = 10 * time.Millisecond

// Bell tells the nodes.
type Bell struct {
	sockets []string
	rung    atomic.Int64 // when it last was, in nanoseconds
}

// NewBell returns a bell for nodes that listen on sockets: Unix sockets of the
// type datagram. Each datagram says that something is going on; what it holds has
// no meaning. A node that does not listen goes without.
func NewBell(sockets []string) *Bell { return &Bell{sockets: sockets} }

// Ring tells the nodes that something is going on.
func (b *Bell) Ring() {
	now, last := time.Now().UnixNano(), b.rung.Load()
	if last != 0 && now-last < int64(pause) || !b.rung.CompareAndSwap(last, now) {
		return
	}
	for _, socket := range b.sockets {
		conn, err := net.DialTimeout("unixgram", socket, sendWithin)
		if err != nil {
			continue // the node is down
		}
		// One that has been rung more often than it could hear is not asleep.
		if conn.SetWriteDeadline(time.Now().Add(sendWithin)) == nil {
			_, _ = conn.Write([]byte{0})
		}
		conn.Close()
	}
}

// Handler rings for requests that change something, and all the while for those
// that lead into a pod: somebody works there. It needs to know what is requested
// (request.RequestInfo), and comes after whoever may refuse it.
func (b *Bell) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := request.RequestInfoFrom(r.Context())
		switch {
		case !ok || !info.IsResourceRequest:
		case leadsIntoPod(info):
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			b.Ring()
			go b.keepRinging(ctx)
		case changes(info):
			b.Ring()
		}
		next.ServeHTTP(w, r)
	})
}

// keepRinging rings until ctx ends.
func (b *Bell) keepRinging(ctx context.Context) {
	again := time.NewTicker(5 * pause)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			b.Ring()
		}
	}
}

// leadsIntoPod reports whether a request opens a stream to or from a pod.
func leadsIntoPod(info *request.RequestInfo) bool {
	return slices.Contains([]string{"exec", "attach", "portforward", "proxy", "log"}, info.Subresource)
}

// changes reports whether a request changes something, other than what a cluster
// changes all the time by itself: the leases and reports that say that its parts are
// alive, and questions, which are put as objects to create.
func changes(info *request.RequestInfo) bool {
	if !slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, info.Verb) {
		return false
	}
	switch info.APIGroup {
	case "":
		return info.Resource != "nodes" || info.Subresource != "status"
	case "authentication.k8s.io", "authorization.k8s.io":
		return false
	case "coordination.k8s.io":
		return info.Namespace != corev1.NamespaceNodeLease && info.Namespace != metav1.NamespaceSystem
	}
	return true
}
