package server_test

import (
	"strings"
	"testing"

	"wheelhouse/labs/mend"
)

// TestRepairs: what is broken is in the session until it is mended, and nothing else
// can be asked for.
func TestRepairs(t *testing.T) {
	s := newSchool(t)
	repairs := "/api/sessions/" + s.session + "/repairs"
	type body = map[string]any
	s.tender.mu.Lock()
	s.tender.faults = []mend.Fault{{Type: mend.Kubeconfig, Message: "It is gone."}, {Type: mend.HomeFolder, Message: "It is closed."}}
	s.tender.mu.Unlock()
	for _, test := range []struct {
		body   body
		status int
		want   string // in what comes back
	}{
		{body{"fault": "Everything"}, 422, "nothing of that name"},
		{body{"fault": "Addons"}, 200, `"faults":[{"type":"Kubeconfig","message":"It is gone."},{"type":"HomeFolder"`},
		{body{"fault": "Kubeconfig"}, 200, `"faults":[{"type":"HomeFolder","message":"It is closed."}]`},
		{body{"fault": "HomeFolder"}, 200, `"faults":[]`},
	} {
		if got := string(s.ann.do("POST", repairs, test.body).want(test.status).body); !strings.Contains(got, test.want) {
			t.Errorf("%v: got %s, want %s in it", test.body, got, test.want)
		}
	}
}
