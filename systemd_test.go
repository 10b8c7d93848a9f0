package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// activated, in the environment, makes of this test's program one that systemd has
// started with sockets. It answers each connection with its value.
const activated = "TEST_ACTIVATED"

// asProgram, in the environment, makes of this test's program Wheelhouse itself.
const asProgram = "TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	if answer := os.Getenv(activated); answer != "" {
		if err := serveActivated(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveActivated(answer string) error {
	cfg := config{Listen: os.Getenv("WHEELHOUSE_LISTEN")}
	if err := cfg.inherit(cfg.Listen != ""); err != nil {
		return err
	}
	if cfg.inherited == nil {
		return fmt.Errorf("there is no socket")
	}
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} {
		if value, ok := os.LookupEnv(name); ok {
			return fmt.Errorf("%s=%s is left for the programs that this one starts", name, value)
		}
	}
	if err := notifyReady("Serving at " + cfg.Listen); err != nil {
		return err
	}
	if value, ok := os.LookupEnv("NOTIFY_SOCKET"); ok {
		return fmt.Errorf("NOTIFY_SOCKET=%s is left for the programs that this one starts", value)
	}
	for {
		conn, err := cfg.inherited.Accept()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return err
		}
		conn.Close()
	}
}

// activate starts this program as systemd would: with the sockets from descriptor 3
// on, and variables that say so to this process alone.
func activate(t *testing.T, answer string, environment []string, sockets ...*os.File) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), activated+"="+answer, fmt.Sprint("LISTEN_FDS=", len(sockets)), "LISTEN_FDNAMES=wheelhouse.socket")
	cmd.Env = append(cmd.Env, environment...)
	cmd.ExtraFiles = sockets
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &complaint
}

// open returns a listening socket as systemd holds it.
func open(t *testing.T, network, address string) (net.Listener, *os.File) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	file, err := listener.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return listener, file
}

// TestInheritedSocket: who connects before the server is there is answered once it
// is, also across a server that was killed and one that follows.
func TestInheritedSocket(t *testing.T) {
	listener, socket := open(t, "tcp", "127.0.0.1:0")
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	for _, name := range []string{"first", "second"} {
		early := dial()
		server, complaint := activate(t, name, []string{"NOTIFY_SOCKET=" + notify.LocalAddr().String(), "WHEELHOUSE_LISTEN=" + listener.Addr().String()}, socket)
		for i, conn := range []net.Conn{early, dial()} {
			got, err := io.ReadAll(conn)
			if err != nil || string(got) != name+"\n" {
				t.Errorf("connection %d to the %s server: got %q, %v; it says: %s", i, name, got, err, complaint)
			}
		}
		if err := notify.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 1024)
		n, err := notify.Read(message)
		if want := "READY=1\nSTATUS=Serving at " + listener.Addr().String(); err != nil || string(message[:n]) != want {
			t.Errorf("systemd is told %q, %v; want %q", message[:n], err, want)
		}
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.Wait() // of a killed program: an error
	}
}

func TestInheritedSocketRefused(t *testing.T) {
	_, tcp := open(t, "tcp", "127.0.0.1:0")
	_, unix := open(t, "unix", filepath.Join(t.TempDir(), "socket"))
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, test := range map[string]struct {
		sockets []*os.File
		listen  string
		want    string
	}{
		"two sockets":     {[]*os.File{tcp, tcp}, "", "hands over 2 sockets"},
		"none of TCP":     {[]*os.File{unix}, "", "none of TCP"},
		"no socket":       {[]*os.File{file}, "", "cannot be used"},
		"another address": {[]*os.File{tcp}, ":443", "--listen (WHEELHOUSE_LISTEN) says :443"},
	} {
		t.Run(name, func(t *testing.T) {
			server, complaint := activate(t, name, []string{"WHEELHOUSE_LISTEN=" + test.listen}, test.sockets...)
			if err := server.Wait(); err == nil || !strings.Contains(complaint.String(), test.want) {
				t.Errorf("got %v and %q, want a failure with %q", err, complaint, test.want)
			}
		})
	}
}

// TestNoInheritedSocket: a socket for another process is none.
func TestNoInheritedSocket(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	cfg := config{Listen: "127.0.0.1:8080"}
	if err := cfg.inherit(true); err != nil || cfg.inherited != nil || cfg.Listen != "127.0.0.1:8080" {
		t.Errorf("got %v, %v and %s", err, cfg.inherited, cfg.Listen)
	}
}

func TestSameAddress(t *testing.T) {
	for _, test := range []struct {
		asked, has string
		want       bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"localhost:8080", "127.0.0.1:8080", true},
		{":443", "[::]:443", true},
		{"0.0.0.0:443", "[::]:443", true},
		{"[::]:443", "0.0.0.0:443", true},
		{"10.0.0.5:443", "[::ffff:10.0.0.5]:443", true},
		{"127.0.0.1:8080", "127.0.0.1:8081", false},
		{"127.0.0.1:8080", "[::]:8080", false},
		{":8080", "127.0.0.1:8080", false},
		{"localhost:8080", "[::]:8080", false},
		{"10.0.0.5:443", "10.0.0.6:443", false},
		{"lab.example.org:443", "10.0.0.6:443", false},
		{"nonsense", "10.0.0.6:443", false},
	} {
		if got := sameAddress(test.asked, test.has); got != test.want {
			t.Errorf("sameAddress(%q, %q): got %v, want %v", test.asked, test.has, got, test.want)
		}
	}
}

func TestJournalHandler(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newJournalHandler(&out, slog.LevelInfo))
	log.Debug("not shown")
	log.Info("the server listens", "address", "127.0.0.1:8080")
	log.With("cluster", "wh-1").WithGroup("node").Warn("two\nlines", "time", 5, "level", "x")
	log.Error("failed", "error", context.Canceled)
	want := `<6>msg="the server listens" address=127.0.0.1:8080
<4>msg="two\nlines" cluster=wh-1 node.time=5 node.level=x
<3>msg=failed error="context canceled"
`
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", &out, want)
	}
}

// TestOutsideOfTheJournal: what people start themselves logs for people.
func TestOutsideOfTheJournal(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "1:2") // of another descriptor than standard error
	if underJournal() {
		t.Error("standard error counts as the journal's")
	}
}
