package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDoctorPrintsNoEscapes: what another machine answers does not steer the terminal.
func TestDoctorPrintsNoEscapes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = w.Write([]byte(`{"code":"WrongHost","detail":"\u001b]0;owned\u0007 \u009b2J"}`))
	}))
	defer server.Close()
	out, _, err := run(t, "doctor", "--url", server.URL)
	if err == nil || !strings.Contains(out, "owned") || strings.ContainsAny(out, "\x1b\x07\u009b") {
		t.Errorf("got %v, printed %q; want the answer without what a terminal obeys", err, out)
	}
}
