package app

import (
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// metrics writes a few numbers in the text format of Prometheus, version 0.0.4.
func (a *App) metrics(w http.ResponseWriter, _ *http.Request) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	write := func(name, kind, help string, value any) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", name, help, name, kind, name, value)
	}
	write("intro_requests_total", "counter", "Requests of every kind.", a.requests.Load())
	write("intro_visits_total", "counter", "Requests for the page.", a.visits.Load())
	write("intro_loads_running", "gauge", "Requests that are making load now.", a.load.running.Load())
	write("intro_memory_bytes", "gauge", "Memory taken from the system.", memory.Sys)
	write("intro_uptime_seconds", "gauge", "Time since the start.", time.Since(a.started).Seconds())
	fmt.Fprintf(w, "# HELP intro_info What runs here.\n# TYPE intro_info gauge\nintro_info{version=%q} 1\n", a.config.Version)
}
