package kind_test

import (
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// TestContract runs what every provider has to keep, on real clusters.
func TestContract(t *testing.T) {
	needsEngine(t)
	provisionertest.Contract(t, provisionertest.ContractOptions{
		New: func(t testing.TB, dataDir string) provisioner.Provider {
			o := optionsAt(t, dataDir)
			return newProvider(t, o)
		},
		API:           true,
		Workers:       true,
		CreateTimeout: createWithin,
		Leftovers: func(t testing.TB, dataDir, name string) []string {
			return append(inventory(t, name), folders(t, dataDir)...)
		},
	})
}
