package provisionertest

import (
	"os"
	"os/exec"
	"testing"
)

// ClustersVariable steers the tests that need real clusters: "none" skips them,
// "required" fails them where no engine answers, and anything else skips them
// there with the reason.
const ClustersVariable = "WHEELHOUSE_TEST_CLUSTERS"

// NeedsEngine ends the test where it can have no real cluster, in the way that
// ClustersVariable asks for.
func NeedsEngine(t testing.TB) {
	t.Helper()
	wanted := os.Getenv(ClustersVariable)
	if wanted == "none" {
		t.Skipf("SKIPPED: %s=none asks for no real clusters, so nothing here was tested on one", ClustersVariable)
	}
	out, err := exec.Command("docker", "info").CombinedOutput()
	switch {
	case err == nil:
	case wanted == "required":
		t.Fatalf("%s=required, but no container engine answers: %v: %s", ClustersVariable, err, out)
	default:
		t.Skipf("SKIPPED: no container engine answers, so nothing here was tested on a real cluster: %v: %s", err, out)
	}
}

// NodeImage is the image that clusters of kind are made from in tests: the one that
// WHEELHOUSE_NODE_IMAGE names, as for the program's flag. Empty: the provider's
// choice.
func NodeImage() string { return os.Getenv("WHEELHOUSE_NODE_IMAGE") }
