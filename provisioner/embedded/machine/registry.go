package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A registry of the pack's images stands for every registry of the world, so that
// a pod whose image is always pulled, as those tagged latest are, starts without
// a network too, and one whose image does not exist fails as it would elsewhere.
// containerd asks it, by the distribution specification's pull requests, with
// the registry that it stands for in the query parameter ns.

// registryPort is where it listens, on the gateway's address.
const registryPort = 5000

const packBlobs = PackDir + "/containerd/io.containerd.content.v1.content/blobs"

// Registry is where the cluster's registry listens.
func (c *Cluster) Registry() netip.AddrPort {
	return netip.AddrPortFrom(c.Gateway, registryPort)
}

// serveRegistry serves the images on the cluster's network until ctx ends.
func (c *Cluster) serveRegistry(ctx context.Context, log *slog.Logger) error {
	listener, err := net.Listen("tcp", c.Registry().String())
	if err != nil {
		return fmt.Errorf("serve the pack's images: %w", err)
	}
	server := &http.Server{
		Handler:           registry{c.Images.Known, packBlobs},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the pack's images: %w", err)
	}
	return nil
}

// registry answers pull requests for the images, whose blobs lie in a folder for
// each algorithm.
type registry struct {
	images []Image
	blobs  string
}

var (
	pullPath     = regexp.MustCompile(`^/v2/([a-z0-9._/-]+)/(manifests|blobs)/([A-Za-z0-9_.:-]+)$`)
	digestSyntax = regexp.MustCompile(`^(sha256):([0-9a-f]{64})$`)
)

func (r registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is for pulling only")
		return
	}
	if request.URL.Path == "/v2/" {
		return
	}
	parts := pullPath.FindStringSubmatch(request.URL.Path)
	if parts == nil {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "no such image is in the pack")
		return
	}
	repository, kind, reference := request.URL.Query().Get("ns")+"/"+parts[1], parts[2], parts[3]
	digest := digestSyntax.FindStringSubmatch(reference)
	if digest == nil && kind == "manifests" {
		digest = digestSyntax.FindStringSubmatch(r.digest(repository + ":" + reference))
	}
	if digest == nil {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", repository+":"+reference+" is not in the pack")
		return
	}
	text, err := os.ReadFile(filepath.Join(r.blobs, digest[1], digest[2]))
	if err != nil { // layers are not kept: containerd has them unpacked
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", digest[0]+" is not in the pack")
		return
	}
	w.Header().Set("Docker-Content-Digest", digest[0])
	w.Header().Set("Content-Type", "application/octet-stream")
	if kind == "manifests" {
		var manifest struct{ MediaType string }
		if err := json.Unmarshal(text, &manifest); err != nil || manifest.MediaType == "" {
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", digest[0]+" is no manifest")
			return
		}
		w.Header().Set("Content-Type", manifest.MediaType)
	}
	http.ServeContent(w, request, "", time.Time{}, strings.NewReader(string(text)))
}

// digest returns the digest of the image called ref, or "".
func (r registry) digest(ref string) string {
	for _, image := range r.images {
		if image.Ref == ref {
			return image.Digest
		}
	}
	return ""
}

// refuse answers with an error of the distribution specification's shape.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}
