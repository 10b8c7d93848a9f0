package terminal_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

func wire(kind byte, payload string) string {
	return string(terminal.AppendFrame(nil, terminal.Frame{Kind: terminal.FrameKind(kind), Payload: []byte(payload)}))
}

const hello = `{"type":"attached","terminal":"main","epoch":"abc1","offset":0,"cols":80,"rows":24}`

func TestFrameReader(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		frames int
		want   error
	}{
		"nothing":         {"", 0, io.EOF},
		"two":             {wire('o', "a") + wire('c', "{}"), 2, io.EOF},
		"empty payload":   {wire('i', ""), 1, io.EOF},
		"longest":         {wire('o', strings.Repeat("x", terminal.MaxFrame)), 1, io.EOF},
		"cut header":      {wire('o', "a") + "o\x00", 1, io.ErrUnexpectedEOF},
		"cut payload":     {wire('o', "abc")[:6], 0, io.ErrUnexpectedEOF},
		"missing payload": {wire('o', "abc")[:5], 0, io.ErrUnexpectedEOF},
		"unknown kind":    {wire('x', "a"), 0, terminal.ErrProtocol},
		"too long":        {"o\x00\x01\x00\x01", 0, terminal.ErrProtocol},
		"huge":            {"o\xff\xff\xff\xff", 0, terminal.ErrProtocol},
		"HTTP":            {"HTTP/1.1 400 Bad Request\r\n\r\n", 0, terminal.ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			frames := terminal.NewFrameReader(strings.NewReader(test.stream))
			got := 0
			var err error
			for ; ; got++ {
				if _, err = frames.Next(); err != nil {
					break
				}
			}
			if got != test.frames || !errors.Is(err, test.want) {
				t.Errorf("got %d frames and %v, want %d and %v", got, err, test.frames, test.want)
			}
		})
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte(wire('o', "abc") + wire('c', hello)))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames := terminal.NewFrameReader(bytes.NewReader(stream))
		var again []byte
		for {
			frame, err := frames.Next()
			if err != nil {
				break
			}
			again = terminal.AppendFrame(again, frame)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("% x was read as % x", stream, again)
		}
	})
}

// FuzzViewer lets a peer send anything to a terminal.
func FuzzViewer(f *testing.F) {
	f.Add([]byte(wire('i', "echo\n") + wire('c', `{"type":"resize","cols":80,"rows":24}`) + wire('c', `{"type":"ack","offset":0}`)))
	f.Add([]byte(wire('c', `{"type":"ack","offset":-1}`)))
	f.Add([]byte(wire('o', "abc")))
	shell := startShell(f, shellCommand("exec cat >/dev/null"), terminal.Options{})
	f.Fuzz(func(t *testing.T, stream []byte) {
		viewer, err := shell.Attach(terminal.AttachRequest{Terminal: "main"})
		if errors.Is(err, terminal.ErrExited) {
			t.Skip("the fuzzer typed the end of the input") // Ctrl-D ends cat
		}
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, ours)
		go func() {
			ours.Write(stream)
			ours.Close()
		}()
		if err := viewer.Serve(t.Context(), theirs, theirs); err == nil && !isDone(shell) {
			t.Errorf("Serve of % x ended without a reason", stream)
		}
	})
}

func isDone(shell *terminal.Terminal) bool {
	select {
	case <-shell.Done():
		return true
	default:
		return false
	}
}

// FuzzConn lets an agent answer anything.
func FuzzConn(f *testing.F) {
	f.Add([]byte(wire('c', hello) + wire('o', "abc") + wire('c', `{"type":"exit","exitCode":3}`)))
	f.Add([]byte(wire('c', `{"type":"error","message":"\u001b[2J"}`)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		conn, err := terminal.Attach(t.Context(), answering(switching+string(stream)), terminal.AttachRequest{Terminal: "main"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for {
			frame, err := conn.Read()
			if err != nil {
				return
			}
			if frame.Kind == terminal.FrameControl && bytes.ContainsAny(frame.Payload, "\x1b\r\n\x00") {
				t.Errorf("control message %q passed", frame.Payload)
			}
		}
	})
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + terminal.Protocol + "\r\n\r\n"

// answering dials an agent that reads a request and then says text.
func answering(text string) terminal.Dialer {
	return func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			request, err := http.ReadRequest(bufio.NewReader(theirs))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			go io.Copy(io.Discard, theirs)
			_, _ = io.WriteString(theirs, text)
		}()
		return ours, nil
	}
}

func TestAgentIsNotTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		frames string
		want   error
	}{
		"output first":       {wire('o', "x"), terminal.ErrProtocol},
		"exit first":         {wire('c', `{"type":"exit"}`), terminal.ErrProtocol},
		"input":              {wire('c', hello) + wire('i', "x"), terminal.ErrProtocol},
		"resize":             {wire('c', hello) + wire('c', `{"type":"resize","cols":80,"rows":24}`), terminal.ErrProtocol},
		"no JSON":            {wire('c', "hello"), terminal.ErrProtocol},
		"long JSON":          {wire('c', `{"type":"error","message":"`+strings.Repeat("x", 5000)+`"}`), terminal.ErrProtocol},
		"negative offset":    {wire('c', `{"type":"attached","terminal":"main","epoch":"a","offset":-1,"cols":80,"rows":24}`), terminal.ErrProtocol},
		"evil epoch":         {wire('c', `{"type":"attached","terminal":"main","epoch":"<script>","offset":0,"cols":80,"rows":24}`), terminal.ErrProtocol},
		"evil name":          {wire('c', `{"type":"attached","terminal":"\u001b]0;x","epoch":"a","offset":0,"cols":80,"rows":24}`), terminal.ErrProtocol},
		"huge size":          {wire('c', hello) + wire('c', `{"type":"size","cols":100000,"rows":24}`), terminal.ErrProtocol},
		"impossible exit":    {wire('c', hello) + wire('c', `{"type":"exit","exitCode":9999}`), terminal.ErrProtocol},
		"leaves":             {wire('c', hello), io.ErrUnexpectedEOF},
		"leaves in a header": {wire('c', hello) + "o", io.ErrUnexpectedEOF},
		"in order":           {wire('c', hello) + wire('o', "x") + wire('c', `{"type":"exit"}`) + wire('o', "more"), io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := terminal.Attach(t.Context(), answering(switching+test.frames), terminal.AttachRequest{Terminal: "main"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for err == nil {
				_, err = conn.Read()
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestAgentRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		answer, want string
		broken       bool
	}{
		"no HTTP":        {answer: "SSH-2.0-x\r\n\r\n", want: "reach the workstation's agent"},
		"other protocol": {answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\x01\r\n\r\n", want: "reach the workstation's agent"},
		"another one":    {answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n\r\n", want: `"other/1"`, broken: true},
		"redirect":       {answer: "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", want: "status 302", broken: true},
		"no reason":      {answer: "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno!", want: "no reason", broken: true},
		"reason": {
			answer: "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 62\r\n\r\n" + `{"code":"limited","message":"8 terminals \u001b[31mare open"}    `,
			want:   "8 terminals  [31mare open",
		},
		"endless header": {answer: "HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 1<<20), want: "reach the workstation's agent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := terminal.Attach(t.Context(), answering(test.answer), terminal.AttachRequest{Terminal: "main"})
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, terminal.ErrProtocol) != test.broken {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What a peer sends reaches the agent unchecked here, as if another program
// than the server had connected.
func TestPeerIsNotTrusted(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	keeper := open(t, dial, terminal.AttachRequest{})
	for name, stream := range map[string]string{
		"unknown kind":    wire('x', ""),
		"too long":        "i\x00\x01\x00\x01",
		"output":          wire('o', "x"),
		"no JSON":         wire('c', "x"),
		"unknown control": wire('c', `{"type":"exit"}`),
		"tiny":            wire('c', `{"type":"resize","cols":1,"rows":1}`),
		"huge":            wire('c', `{"type":"resize","cols":70000,"rows":70000}`),
		"ack of nothing":  wire('c', `{"type":"ack","offset":123456789}`),
		"negative ack":    wire('c', `{"type":"ack","offset":-1}`),
		"deep JSON":       wire('c', strings.Repeat("[", 4000)),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /terminals/main HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n%s", terminal.Protocol, stream)
			r := bufio.NewReader(conn)
			response, err := http.ReadResponse(r, nil)
			if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("got %v and %v, want 101", response, err)
			}
			frames := terminal.NewFrameReader(r)
			var last terminal.Control
			for {
				frame, err := frames.Next()
				if err != nil {
					break
				}
				if frame.Kind == terminal.FrameControl {
					last, _ = frame.Control()
				}
			}
			if last.Type != "error" || last.Message == "" {
				t.Errorf("the last message is %+v, want an error", last)
			}
		})
	}
	for name, test := range map[string]struct{ target, want string }{
		"evil name":    {"/terminals/%1b%5d0", "400 "},
		"upper case":   {"/terminals/MAIN", "400 "},
		"no number":    {"/terminals/main?offset=x", "400 "},
		"negative":     {"/terminals/main?offset=-1", "400 "},
		"half a size":  {"/terminals/main?cols=80", "400 "},
		"evil epoch":   {"/terminals/main?epoch=%00", "400 "},
		"overflow":     {"/terminals/main?offset=99999999999999999999", "400 "},
		"other offset": {"/terminals/main?offset=99999999", "101 "},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", test.target, terminal.Protocol)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || !strings.HasPrefix(response.Status, test.want) {
				t.Errorf("got %v and %v, want %s", response, err, test.want)
			}
		})
	}
	keeper.typeIn("echo alive-$((40+2))\n")
	keeper.untilOutput("alive-42")
}
