package app

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// toggle is a health endpoint that can be switched: GET tells, POST ?fail=true or
// ?fail=false sets. Its zero value is healthy.
type toggle struct{ failing atomic.Bool }

func (t *toggle) good() bool { return !t.failing.Load() }

func (t *toggle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		fail, err := strconv.ParseBool(r.URL.Query().Get("fail"))
		if err != nil {
			http.Error(w, "say ?fail=true or ?fail=false", http.StatusBadRequest)
			return
		}
		t.failing.Store(fail)
		fmt.Fprintf(w, "failing: %t\n", fail)
	case http.MethodGet, http.MethodHead:
		if t.failing.Load() {
			http.Error(w, "failing, because it was told to", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "use GET to ask and POST to switch", http.StatusMethodNotAllowed)
	}
}
