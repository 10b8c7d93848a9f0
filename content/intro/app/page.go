package app

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the template sees.
type page struct {
	state
	Env []string
}

// page answers in the form that the caller prefers: HTML to a browser, JSON to one
// that asks for it, and a line of text to wget and curl. Each counts as a visit.
func (a *App) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodHead {
		a.visits.Add(1)
	}
	now := a.now()
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = pageTemplate.Execute(w, page{state: now, Env: a.config.Env}) // fails only when the reader has gone
	case strings.Contains(accept, "application/json"):
		writeJSON(w, now)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "intro version %s on %s", now.Version, now.Host)
		if now.Who != "" {
			fmt.Fprintf(w, ", deployed by %s", now.Who)
		}
		fmt.Fprintln(w)
	}
}
