package server

import (
	"html/template"
	"net/http"
)

var appPage = template.Must(template.New("app").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
{{if .Again}}<p><a href="">Try again</a></p>{{end}}
</html>
`))

// refuse answers on an application's origin in Wheelhouse's own words.
func (a *apps) refuse(w http.ResponseWriter, status int, title, detail string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	err := appPage.Execute(w, struct {
		Title, Detail string
		Again         bool
	}{title, detail, status >= 500})
	if err != nil {
		a.server.logger.Debug("cannot write a page", "err", err)
	}
}
