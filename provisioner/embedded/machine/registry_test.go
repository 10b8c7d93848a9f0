package machine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/provisioner/embedded/machine"
)

func TestRegistry(t *testing.T) {
	const text = `{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}`
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	blobs := t.TempDir()
	if err := os.Mkdir(filepath.Join(blobs, "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := strings.Repeat("c", 64)
	for name, content := range map[string]string{hash: text, config: "not JSON"} {
		if err := os.WriteFile(filepath.Join(blobs, "sha256", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	digest := "sha256:" + hash
	server := httptest.NewServer(machine.Registry([]machine.Image{{Ref: "docker.io/library/nginx:latest", Digest: digest}}, blobs))
	defer server.Close()

	tests := []struct {
		method, path string
		status       int
		body         string // in the answer
	}{
		{"GET", "/v2/", 200, ""},
		{"GET", "/v2/library/nginx/manifests/latest?ns=docker.io", 200, text},
		{"HEAD", "/v2/library/nginx/manifests/latest?ns=docker.io", 200, ""},
		{"GET", "/v2/library/nginx/manifests/" + digest + "?ns=docker.io", 200, text},
		{"GET", "/v2/library/nginx/blobs/" + digest + "?ns=docker.io", 200, text},
		{"GET", "/v2/library/nginx/blobs/sha256:" + config + "?ns=docker.io", 200, "not JSON"},
		{"GET", "/v2/library/nginx/manifests/sha256:" + config + "?ns=docker.io", 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/library/nginx/manifests/latest?ns=quay.io", 404, "quay.io/library/nginx:latest is not in the pack"},
		{"GET", "/v2/library/nginx/manifests/9.9?ns=docker.io", 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/library/nginx/blobs/sha256:" + strings.Repeat("0", 64) + "?ns=docker.io", 404, "BLOB_UNKNOWN"},
		{"GET", "/v2/library/nginx/blobs/latest?ns=docker.io", 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/library/../../../etc/passwd", 404, ""},
		{"GET", "/v2/x/blobs/sha256:..%2f..%2fpasswd", 404, ""},
		{"PUT", "/v2/library/nginx/manifests/latest?ns=docker.io", 405, "UNSUPPORTED"},
		{"GET", "/else", 404, "NAME_UNKNOWN"},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			request, err := http.NewRequest(test.method, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || !strings.Contains(string(body), test.body) {
				t.Errorf("got %s %s, want %d and %q in it", response.Status, body, test.status, test.body)
			}
			if test.status == 200 && test.path != "/v2/" && !strings.Contains(test.path, config) && response.Header.Get("Docker-Content-Digest") != digest {
				t.Errorf("the digest is %q, want %s", response.Header.Get("Docker-Content-Digest"), digest)
			}
			if test.method == "HEAD" && response.ContentLength != int64(len(text)) {
				t.Errorf("the length is %d, want %d", response.ContentLength, len(text))
			}
		})
	}
}
