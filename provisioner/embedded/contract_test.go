package embedded_test

import (
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// TestContract runs what every provider has to keep, on real clusters.
func TestContract(t *testing.T) {
	provisionertest.NeedsPack(t)
	provisionertest.Contract(t, provisionertest.ContractOptions{
		New: func(t testing.TB, dataDir string) provisioner.Provider {
			return newProvider(t, optionsAt(t, dataDir))
		},
		API:           true,
		Workers:       true,
		CreateTimeout: createWithin,
		Leftovers:     leftovers,
	})
}
