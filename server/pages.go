package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// pages are the built front end, read once: it is embedded in the binary anyway.
type pages struct {
	files map[string]page // by path without the leading slash
}

type page struct {
	body, zipped []byte // zipped is nil where it saves nothing
	kind, tag    string
	forever      bool // its name holds a hash of its content
}

// pageTypes are the types of the files that Vite writes. The machine's own table
// is not asked: it differs from one to the next.
var pageTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".webmanifest": "application/manifest+json",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".txt":         "text/plain; charset=utf-8",
}

// newPages reads every file of dist; nil, or a dist without index.html, is a
// front end that was not built.
func newPages(dist fs.FS) (*pages, error) {
	p := &pages{files: make(map[string]page)}
	if dist == nil {
		return p, nil
	}
	err := fs.WalkDir(dist, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		p.files[name], err = newPage(name, body)
		return err
	})
	return p, err
}

func newPage(name string, body []byte) (page, error) {
	sum := sha256.Sum256(body)
	p := page{
		body:    body,
		kind:    pageTypes[path.Ext(name)],
		tag:     base64.RawURLEncoding.EncodeToString(sum[:12]),
		forever: strings.HasPrefix(name, "assets/"),
	}
	if p.kind == "" {
		p.kind = "application/octet-stream"
	}
	media, _, _ := mime.ParseMediaType(p.kind)
	if strings.HasPrefix(media, "image/png") || strings.HasPrefix(media, "font/") || len(body) < 1<<10 {
		return p, nil
	}
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	if _, err := writer.Write(body); err != nil {
		return p, fmt.Errorf("compress %s: %w", name, err)
	}
	if err := writer.Close(); err != nil {
		return p, fmt.Errorf("compress %s: %w", name, err)
	}
	if zipped.Len() < len(body) {
		p.zipped = zipped.Bytes()
	}
	return p, nil
}

// page answers every address that is no route: a file of the front end, or its
// index.html, whose code reads the address.
func (s *Server) page(c *gin.Context) {
	name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
	file, found := s.pages.files[name]
	index, built := s.pages.files["index.html"]
	switch {
	case isAPI(c.Request):
		s.fail(c, notFound("There is no such route; /api/openapi.yaml lists them all."))
	case !isRead(c.Request):
		c.Header("Allow", "GET, HEAD")
		s.fail(c, &problem{Status: http.StatusMethodNotAllowed, Code: "Invalid", Detail: "Pages can only be read."})
	case !built:
		c.Header("Cache-Control", "no-store")
		c.Data(http.StatusServiceUnavailable, pageTypes[".html"], []byte(notBuilt))
	case found:
		serveFile(c, file)
	case strings.HasPrefix(name, "assets/") || path.Ext(name) != "":
		s.fail(c, notFound("There is no such file."))
	case !pagePath.MatchString(c.Request.URL.Path):
		// The page says that there is nothing here, and the status says so to what
		// looks for /metrics or /livez.
		c.Header("Cache-Control", "no-store")
		c.Data(http.StatusNotFound, pageTypes[".html"], index.body)
	default:
		serveFile(c, index)
	}
	c.Abort()
}

// pagePath are the addresses that the pages' router knows (web/src/app/router.svelte.ts).
var pagePath = regexp.MustCompile(`^/(labs/[^/]+|login|join(/[^/]+)?|welcome|classes(/[^/]+(/sessions/[^/]+)?)?)?/*$`)

func serveFile(c *gin.Context, p page) {
	h := c.Writer.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if p.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := p.body, p.tag
	if p.zipped != nil && strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body, tag = p.zipped, p.tag+"-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	c.Status(http.StatusOK) // gin answers NoRoute with 404 unless told
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(body))
}

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Wheelhouse: pages not built</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style>
<h1>The pages are not built yet</h1>
<p>This Wheelhouse was built without its front end. Run <code>make web</code> in the source folder, build again with
<code>make build</code>, and start it anew. The API works: <a href="/api/openapi.yaml">its description</a>.</p>
</html>
`
