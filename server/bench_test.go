package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/terminal"
)

// BenchmarkTerminalOutput is the throughput of a terminal to a browser that
// takes whatever comes: from the shell's pty through the agent and the pump to a
// WebSocket's other end.
func BenchmarkTerminalOutput(b *testing.B) {
	w := newWorld(b, options{})
	ann := w.as(w.user("ann", labs.Student))
	conn := ann.socket("/api/sessions/" + ann.open("pods") + "/terminals/main")
	read := func() (int, []byte) {
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		kind, data, err := conn.ReadMessage()
		if err != nil {
			b.Fatal(err)
		}
		return kind, data
	}
	var offset, acked int64
	if kind, data := read(); kind == websocket.TextMessage {
		var c terminal.Control
		json.Unmarshal(data, &c)
		offset = c.Offset
	}
	const chunk = 1 << 20
	b.SetBytes(chunk)
	conn.WriteMessage(websocket.BinaryMessage, []byte("stty raw -echo; printf go; exec cat /dev/zero\n"))
	for seen := ""; !strings.Contains(seen, "go\x00"); {
		kind, data := read()
		if kind == websocket.BinaryMessage {
			offset += int64(len(data))
			seen += string(data)
		}
	}
	b.ResetTimer()
	want := offset
	for range b.N {
		for want += chunk; offset < want; {
			_, data := read()
			if offset += int64(len(data)); offset-acked >= 64<<10 {
				acked = offset
				conn.WriteJSON(terminal.Control{Type: "ack", Offset: offset})
			}
		}
	}
}

// BenchmarkTerminalEcho is the time from a keystroke to its echo.
func BenchmarkTerminalEcho(b *testing.B) {
	w := newWorld(b, options{})
	ann := w.as(w.user("ann", labs.Student))
	conn := ann.socket("/api/sessions/" + ann.open("pods") + "/terminals/main")
	conn.WriteMessage(websocket.BinaryMessage, []byte("exec cat\n"))
	for seen := ""; !strings.Contains(seen, "exec cat\r\n"); {
		_, data, err := conn.ReadMessage()
		if err != nil {
			b.Fatal(err)
		}
		seen += string(data)
	}
	var times []time.Duration
	for b.Loop() {
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		start := time.Now()
		conn.WriteMessage(websocket.BinaryMessage, []byte("\x15x")) // ^U keeps the line short
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				b.Fatal(err)
			}
			if kind == websocket.BinaryMessage && strings.Contains(string(data), "x") {
				break
			}
		}
		times = append(times, time.Since(start))
	}
	report(b, times)
}

// BenchmarkResultToBrowser is the time from what a judge found to the browser's
// socket, stored on the disk on the way. The gap that the socket leaves between
// two views is not part of it.
func BenchmarkResultToBrowser(b *testing.B) {
	w := newWorld(b, options{})
	ann := w.as(w.user("ann", labs.Student))
	conn := ann.socket("/api/events?session=" + ann.open("pods"))
	var times []time.Duration
	for n := 0; b.Loop(); n++ {
		for want := fmt.Sprintf("message %d", n); ; {
			start := time.Now()
			w.found("pods", grader.Result{Step: "one", Check: "exists", Status: grader.False, Reason: grader.ReasonWrong, Message: want})
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			for {
				_, data, err := conn.ReadMessage()
				if err != nil {
					b.Fatal(err)
				}
				if strings.Contains(string(data), want+`"`) {
					break
				}
			}
			times = append(times, time.Since(start))
			break
		}
		b.StopTimer()
		<-time.After(60 * time.Millisecond)
		b.StartTimer()
	}
	report(b, times)
}

func report(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds()), "p95-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}
