package server_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPages(t *testing.T) {
	script := strings.Repeat("console.log('hello');\n", 200)
	w := newWorld(t, options{pages: fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html><title>the page</title>")},
		"assets/index-abc.js":  {Data: []byte(script)},
		"assets/index-abc.css": {Data: []byte("body{}")},
		"favicon.svg":          {Data: []byte("<svg/>")},
		".gitkeep":             {Data: []byte("")},
	}})
	c := w.browser()
	for _, try := range []struct {
		method, path string
		status       int
		kind, cache  string
		body         string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-cache", "the page"},
		{"GET", "/labs/deployments", 200, "text/html; charset=utf-8", "no-cache", "the page"},
		{"GET", "/classes/c_abc/", 200, "text/html; charset=utf-8", "no-cache", "the page"},
		{"HEAD", "/", 200, "text/html; charset=utf-8", "no-cache", ""},
		{"GET", "/assets/index-abc.css", 200, "text/css; charset=utf-8", "public, max-age=31536000, immutable", "body{}"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "no-cache", "<svg/>"},
		{"GET", "/assets/gone-def.js", 404, "application/problem+json", "no-store", "no such file"},
		{"GET", "/gone.png", 404, "application/problem+json", "no-store", "no such file"},
		{"GET", "/.gitkeep", 404, "application/problem+json", "no-store", "no such file"},
		{"GET", "/../server.go", 404, "application/problem+json", "no-store", "no such file"},
		{"GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "text/html; charset=utf-8", "no-store", "the page"},
		{"GET", "/metrics", 404, "text/html; charset=utf-8", "no-store", "the page"},
		{"GET", "/livez", 404, "text/html; charset=utf-8", "no-store", "the page"},
		{"GET", "/livez/ping", 404, "text/html; charset=utf-8", "no-store", "the page"},
		{"GET", "/labs", 404, "text/html; charset=utf-8", "no-store", "the page"},
		{"POST", "/", 405, "application/problem+json", "no-store", "only be read"},
		{"GET", "/api/nothing", 404, "application/problem+json", "no-store", "no such route"},
		{"PUT", "/api/me", 405, "application/problem+json", "no-store", "does not take that method"},
	} {
		got := c.do(try.method, try.path, nil)
		if got.StatusCode != try.status || got.Header.Get("Content-Type") != try.kind || got.Header.Get("Cache-Control") != try.cache || !strings.Contains(string(got.body), try.body) {
			t.Errorf("%s %s: got %d, type %q, cache %q: %s", try.method, try.path, got.StatusCode, got.Header.Get("Content-Type"), got.Header.Get("Cache-Control"), got.body)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%s %s: got %s %q, want %q", try.method, try.path, name, got.Header.Get(name), want)
			}
		}
		policy := got.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "ws://" + w.address} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s: got policy %q, want %q in it", try.method, try.path, policy, want)
			}
		}
	}

	// Compressed where it is asked for, and not sent again where it is known.
	zipped := c.do("GET", "/assets/index-abc.js", nil, "Accept-Encoding", "gzip").want(200)
	reader, err := gzip.NewReader(bytes.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != script || len(zipped.body) >= len(script) {
		t.Errorf("gzip: got %d bytes of %d, %v", len(zipped.body), len(script), err)
	}
	plain := c.do("GET", "/assets/index-abc.js", nil, "Accept-Encoding", "identity").want(200)
	if string(plain.body) != script || plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("plain: want the script, under another ETag than the compressed one")
	}
	c.do("GET", "/assets/index-abc.js", nil, "Accept-Encoding", "identity", "If-None-Match", plain.Header.Get("ETag")).want(304)
}

// TestPagesOfTheRouter: what the pages' router shows, the server answers with 200.
func TestPagesOfTheRouter(t *testing.T) {
	source, err := os.ReadFile("../web/src/app/router.svelte.ts")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, options{pages: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}})
	found := regexp.MustCompile(`if \(is\((\d), '(\w+)'\)(?: && third === '(\w+)')?`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 8 {
		t.Fatalf("the router has %d pages: this test does not read it any more", len(found))
	}
	for _, page := range found {
		length, _ := strconv.Atoi(page[1])
		parts := []string{page[2], "a", cmp.Or(page[3], "b"), "c"}[:length]
		w.browser().do("GET", "/"+strings.Join(parts, "/"), nil).want(200)
	}
}

func TestPagesNotBuilt(t *testing.T) {
	for name, pages := range map[string]fstest.MapFS{"no pages": nil, "an empty folder": {".gitkeep": {}}} {
		w := newWorld(t, options{pages: pages})
		if got := w.browser().do("GET", "/", nil).want(503); !strings.Contains(string(got.body), "make web") {
			t.Errorf("%s: got %s, want it to say make web", name, got.body)
		}
	}
}

func TestReadiness(t *testing.T) {
	trouble := errors.New("docker says no: secret detail")
	w := newWorld(t, options{ready: func(context.Context) error { return trouble }})
	if got := w.browser().do("GET", "/readyz", nil).want(503); strings.Contains(string(got.body), "secret detail") {
		t.Errorf("readiness tells anybody why: %s", got.body)
	}
	if !strings.Contains(w.logs.String(), "secret detail") {
		t.Error("the log does not say why")
	}
	w.browser().do("GET", "/healthz", nil).want(200)
	trouble = nil
	w.browser().do("GET", "/readyz", nil).want(200)
}
