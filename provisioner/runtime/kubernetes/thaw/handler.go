package thaw

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
)

const (
	// suspicion is for how long after a thaw no kubelet may say that its node is not
	// ready. It looks at its runtime every five seconds and reports every ten.
	suspicion = 10 * time.Second

	// hold is for how long such a report waits for its answer. A kubelet tries again
	// at once, and looks at itself anew each time; meanwhile its runtime has answered.
	hold = time.Second

	maxReport = 3 << 20 // bytes; what the API server takes at most
)

// nodeController is who marks nodes whose leases are overdue.
const nodeController = "system:serviceaccount:kube-system:node-controller"

// Handler is the API server's, for requests whose user is known. Just after a thaw
// it refuses what the node lifecycle controller says of nodes, and what a kubelet
// reports of a node that it finds not ready: it takes a runtime that it has not
// asked for 30 s for dead, and did not ask while it was frozen. Everything else
// goes to next.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || !isNodeStatus(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		who, _ := request.UserFrom(r.Context())
		if who != nil && who.GetName() == nodeController && g.thawedWithin(patience) {
			refuse(w)
			return
		}
		if r.Method != http.MethodPatch || !g.thawedWithin(suspicion) {
			next.ServeHTTP(w, r)
			return
		}
		report, err := io.ReadAll(io.LimitReader(r.Body, maxReport))
		if err != nil || !saysNotReady(report) {
			r.Body = readOn{io.MultiReader(bytes.NewReader(report), r.Body), r.Body}
			next.ServeHTTP(w, r)
			return
		}
		wait := time.NewTimer(hold)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
		}
		refuse(w)
	})
}

// refuse answers so that the caller tries again by itself.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure,
		Reason:   metav1.StatusReasonServiceUnavailable,
		Code:     http.StatusServiceUnavailable,
		Message:  "the cluster was frozen until a moment ago: what a node has not reported meanwhile says nothing",
	})
}

// readOn reads what was looked at again, and the rest.
type readOn struct {
	io.Reader
	io.Closer
}

func isNodeStatus(path string) bool {
	return strings.HasPrefix(path, "/api/v1/nodes/") && strings.HasSuffix(path, "/status")
}

// saysNotReady reports whether a patch of a node, as JSON, sets Ready to False.
func saysNotReady(patch []byte) bool {
	var node struct {
		Status struct {
			Conditions []corev1.NodeCondition `json:"conditions"`
		} `json:"status"`
	}
	if json.Unmarshal(patch, &node) != nil {
		return false
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionFalse {
			return true
		}
	}
	return false
}
