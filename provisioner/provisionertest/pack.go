package provisionertest

import (
	"os"
	"testing"

	"wheelhouse/provisioner/pack"
)

// NeedsPack returns the runtime pack that the tests' embedded clusters are made
// from. It ends the test where it can have no real cluster, in the way that
// ClustersVariable asks for.
func NeedsPack(t testing.TB) *pack.Pack {
	t.Helper()
	wanted := os.Getenv(ClustersVariable)
	if wanted == "none" {
		t.Skipf("SKIPPED: %s=none asks for no real clusters, so nothing here was tested on one", ClustersVariable)
	}
	current, err := pack.Current(PackCache(t))
	switch {
	case err == nil && os.Geteuid() == 0:
		return current
	case wanted == "required" && err != nil:
		t.Fatalf("%s=required, but there is no runtime pack: %v", ClustersVariable, err)
	case wanted == "required":
		t.Fatalf("%s=required, but embedded clusters need root", ClustersVariable)
	case err != nil:
		t.Skipf("SKIPPED: there is no runtime pack, so nothing here was tested on a real cluster: %v", err)
	default:
		t.Skip("SKIPPED: embedded clusters need root, so nothing here was tested on a real cluster")
	}
	return nil
}

// PackCache is the folder where the tests look for the pack: that of the flag
// --pack-cache, or of its environment variable.
func PackCache(t testing.TB) string {
	t.Helper()
	if cache := os.Getenv("WHEELHOUSE_PACK_CACHE"); cache != "" {
		return cache
	}
	cache, err := pack.DefaultCache()
	if err != nil {
		t.Fatal(err)
	}
	return cache
}
