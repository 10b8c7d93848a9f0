package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// What one request to /load may ask for, and how many may run at once.
const (
	maxCPU    = 300 // seconds
	maxMemory = 512 // MiB
	maxLoads  = 4
	holdFor   = 10 * time.Second // how long memory is held where no CPU is asked for
)

// load counts the requests that are making load now.
type load struct{ running atomic.Int32 }

// makeLoad keeps one CPU busy for ?cpu=SECONDS and meanwhile holds ?memory=MB. It
// answers when that is over, or stops when the caller goes away.
func (a *App) makeLoad(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
		return
	}
	cpu, err := amount(r.URL.Query(), "cpu", maxCPU)
	memory, memoryErr := amount(r.URL.Query(), "memory", maxMemory)
	if err == nil {
		err = memoryErr
	}
	if err == nil && cpu == 0 && memory == 0 {
		err = fmt.Errorf("say ?cpu=SECONDS, ?memory=MB or both")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if a.load.running.Add(1) > maxLoads {
		a.load.running.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("there are %d loads under way already", maxLoads), http.StatusTooManyRequests)
		return
	}
	defer a.load.running.Add(-1)
	held := fill(memory)
	if cpu > 0 {
		burn(r.Context(), time.Duration(cpu)*time.Second)
	} else {
		wait(r.Context(), holdFor)
	}
	fmt.Fprintf(w, "%s: %d s of CPU, %d MB of memory\n", a.config.Host, cpu, len(held)>>20)
}

func amount(query url.Values, name string, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 || value > most {
		return 0, fmt.Errorf("%s has to be a whole number from 0 to %d", name, most)
	}
	return value, nil
}

// fill allocates memory and writes to every page of it, because only memory that
// was written to counts against a limit.
func fill(megabytes int) []byte {
	held := make([]byte, megabytes<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	return held
}

// burn keeps one CPU busy until the time is over or the context ends.
func burn(ctx context.Context, duration time.Duration) {
	for end := time.Now().Add(duration); time.Now().Before(end) && ctx.Err() == nil; {
		for sum, i := 0, 0; i < 1_000_000; i++ {
			sum += i
		}
	}
}

func wait(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
