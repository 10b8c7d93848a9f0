package kind_test

import (
	"path/filepath"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// TestContract runs what every provider has to keep, on real clusters.
func TestContract(t *testing.T) {
	provisionertest.NeedsEngine(t)
	provisionertest.Contract(t, provisionertest.ContractOptions{
		New: func(t testing.TB, dataDir string) provisioner.Provider {
			o := optionsAt(t, dataDir)
			return newProvider(t, o)
		},
		API:           true,
		Workers:       true,
		CreateTimeout: createWithin,
		Leftovers: func(t testing.TB, dataDir, name string) []string {
			all := inventory(t, name)
			for _, folder := range folders(t, dataDir) {
				if filepath.Base(folder) == name {
					all = append(all, folder)
				}
			}
			return all
		},
	})
}
