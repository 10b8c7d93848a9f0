package provisionertest_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	phases := provisionertest.DefaultPhases()
	for i := range phases {
		phases[i].Estimate = 20 * time.Millisecond
	}
	provisionertest.Contract(t, provisionertest.ContractOptions{
		New: func(t testing.TB, dataDir string) provisioner.Provider {
			fake, err := provisionertest.NewFake(provisionertest.FakeOptions{
				Dir: dataDir, Phases: phases, API: oneNode,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(fake.Close)
			return fake
		},
		API: true,
		Leftovers: func(t testing.TB, dataDir, name string) []string {
			files, err := filepath.Glob(filepath.Join(dataDir, "*"+name+"*"))
			if err != nil {
				t.Fatal(err)
			}
			return files
		},
	})
}

// oneNode is an API server that knows one request.
func oneNode(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/nodes" || !strings.HasPrefix(r.TLS.PeerCertificates[0].Issuer.CommonName, "kubernetes") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"items":[{"metadata":{"name":%q},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}`, name+"-control-plane")
	})
}
