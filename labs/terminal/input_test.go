package terminal_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wheelhouse/labs/terminal"
)

// TestReconnectTypesNothingTwice types over connections that break anywhere, and
// goes on each time with what the shell has not taken.
func TestReconnectTypesNothingTwice(t *testing.T) {
	var want bytes.Buffer
	for i := range 40_000 {
		want.WriteString(strconv.Itoa(i) + "\n")
	}
	file := filepath.Join(t.TempDir(), "typed")
	dial := startAgent(t, script("stty raw -echo", "echo ready", "head -c "+strconv.Itoa(want.Len())+" >"+file))
	open(t, dial, terminal.AttachRequest{}).untilOutput("ready")

	random := rand.New(rand.NewPCG(3, 4))
	connections := 0
	for taken := int64(0); taken < int64(want.Len()); connections++ {
		s := open(t, cutAfterWriting(dial, 500+random.Int64N(20_000)), terminal.AttachRequest{Source: "c0ffee"})
		if s.attached.Source != "c0ffee" || s.attached.Typed < taken {
			t.Fatalf("attached %+v, want at least %d bytes taken of c0ffee", s.attached, taken)
		}
		taken = s.attached.Typed
		for rest := want.Bytes()[taken:]; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(1500))
			if s.conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: rest[:n]}) != nil {
				break
			}
			rest = rest[n:]
		}
		s.conn.Close()
	}
	if connections < 10 {
		t.Errorf("only %d connections", connections)
	}
	eventually(t, "the end of the input", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() == int64(want.Len())
	})
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("over %d connections the shell did not get exactly what was typed", connections)
	}
}

// cutAfterWriting dials connections that break after so many bytes were written,
// wherever that is.
func cutAfterWriting(dial terminal.Dialer, limit int64) terminal.Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return &cutWriter{Conn: conn, left: limit}, err
	}
}

type cutWriter struct {
	net.Conn
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left <= 0 && err == nil {
		c.Conn.Close()
		return n, net.ErrClosed
	}
	return n, err
}

// TestNewerConnectionTypes: of two connections of one page only the newer one is
// listened to, because it types again what the older one still holds.
func TestNewerConnectionTypes(t *testing.T) {
	dial := startAgent(t, script("stty -icanon -echo", "echo ready", "dd bs=1 count=4 of=/dev/null 2>/dev/null", "echo taken", "read line", `echo "<$line>"`))
	old := open(t, dial, terminal.AttachRequest{Source: "aa"})
	old.untilOutput("ready")
	old.typeIn("one ")
	old.untilOutput("taken") // or the newer connection would have it refused
	newer := open(t, dial, terminal.AttachRequest{Source: "aa"})
	if newer.attached.Typed != 4 {
		t.Errorf("the newer connection is told that %d bytes were taken, want 4", newer.attached.Typed)
	}
	old.typeIn("lost ")
	if said := old.untilError(); !strings.Contains(said, "newer connection") {
		t.Errorf("the older connection ends with %q", said)
	}
	another := open(t, dial, terminal.AttachRequest{Source: "bb"})
	another.typeIn("two ")
	newer.typeIn("three\n")
	newer.until("both were typed", func() bool {
		return bytes.Contains(newer.output.Bytes(), []byte("<two three>")) || bytes.Contains(newer.output.Bytes(), []byte("<three"))
	})
}

// TestTypedIsTold: a viewer need not keep for ever what it typed.
func TestTypedIsTold(t *testing.T) {
	dial := startAgent(t, script("stty raw -echo", "echo ready", "head -c 100000 >/dev/null"))
	s := open(t, dial, terminal.AttachRequest{Source: "aa"})
	s.untilOutput("ready")
	for range 100 {
		s.typeIn(strings.Repeat("x", 1000))
	}
	s.until("typed", func() bool { return s.typed > 90_000 })
	if code := s.untilExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestManySources: pages that are reloaded all day long cost a terminal nothing,
// and a page that is still there is not forgotten for them.
func TestManySources(t *testing.T) {
	dial := startAgent(t, script("stty -echo", "echo ready", "read line", `echo "<$line>"`))
	stays := open(t, dial, terminal.AttachRequest{Source: "aa"})
	stays.untilOutput("ready")
	for i := range 200 {
		s := open(t, dial, terminal.AttachRequest{Source: strconv.FormatInt(int64(0x1000+i), 16)})
		s.conn.Close()
		eventually(t, "the page is gone", func() bool { // or there would be too many viewers
			again, err := terminal.Attach(t.Context(), dial, terminal.AttachRequest{Terminal: "main"})
			if err == nil {
				again.Close()
			}
			return err == nil
		})
	}
	stays.typeIn("still here\n")
	stays.untilOutput("<still here>")
}
