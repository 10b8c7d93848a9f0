package screen_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"wheelhouse/labs/terminal/screen"
)

const cols, rows = 12, 5

// pieces are what the random programs below write: everything that a screen keeps, and
// what is easily cut in two.
var pieces = []string{
	"a", "bc", "hello world, ", "é", "e\u0301", "漢字", "👍🏽", "👩‍👩‍👧", "🇩🇪", "x\u0301\u0302", "\u0301",
	"\r", "\n", "\r\n", "\b", "\t", "\x0e", "\x0f", "\v",
	"\x1b[H", "\x1b[3;4H", "\x1b[5;12H", "\x1b[12G", "\x1b[2d", "\x1b[A", "\x1b[2B", "\x1b[C", "\x1b[3D", "\x1b[E", "\x1b[F",
	"\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[X", "\x1b[3X", "\x1b[@", "\x1b[2P", "\x1b[L", "\x1b[2M", "\x1b[S", "\x1b[2T", "\x1b[3b", "\x1b[I", "\x1b[Z",
	"\x1b[m", "\x1b[1;31m", "\x1b[44m", "\x1b[38;5;200m", "\x1b[48:2::1:2:3m", "\x1b[4:3m", "\x1b[7m", "\x1b[22;39m", "\x1b[58;5;9m", "\x1b[38;2;9;8;7;1m", "\x1b[97;103m",
	"\x1b[2;4r", "\x1b[r", "\x1b[3r", "\x1b[?6h", "\x1b[?6l", "\x1b[?7l", "\x1b[?7h", "\x1b[4h", "\x1b[4l", "\x1b[20h", "\x1b[20l", "\x1b[?45h",
	"\x1b7", "\x1b8", "\x1b[s", "\x1b[u", "\x1bM", "\x1bD", "\x1bE", "\x1bH", "\x1b[g", "\x1b[3g",
	"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?1047l", "\x1b[?1048h", "\x1b[?1048l",
	"\x1b(0", "\x1b(B", "\x1b)0", "qqx", "\x1b#8", "\x1b[!p", "\x1bc", "\x1b[?12h", "\x1b[?12l", "\x1b[?2026h", "\x1b[?2026l", "\x1b[24m", "\x1b[4m",
	"\x1b[?1h", "\x1b[?1l", "\x1b=", "\x1b>", "\x1b[?2004h", "\x1b[?2004l", "\x1b[?1000h", "\x1b[?1003h", "\x1b[?1002l", "\x1b[?1006h", "\x1b[?25l", "\x1b[?25h", "\x1b[?1004h", "\x1b[4 q",
	"\x1b]2;a title\x07", "\x1b]0;é\x1b\\", "\x1b]11;#112233\x07", "\x1b]4;1;red;2;blue\x07", "\x1b]104;1\x07", "\x1bPq#0~\x1b\\", "\x1b_ignored\x1b\\", "\x1b[31\n;1m", "\x1b[3\x18m", "\xc3", "\x9f\x91", "\u009b2A", "\x1b[1;2\x1b[3m",
}

func program(random *rand.Rand, length int) []byte {
	var out []byte
	for range length {
		out = append(out, pieces[random.IntN(len(pieces))]...)
	}
	return out
}

// Whatever a program wrote, and wherever its output is cut: what Restore writes, and the
// output behind the cut, give the screen that the whole output gives.
func TestRestoredAtEveryOffset(t *testing.T) {
	for seed := range uint64(150) {
		output := program(rand.New(rand.NewPCG(seed, 1)), 60)
		whole := screen.New(cols, rows)
		whole.Write(output)
		want := whole.Describe()
		before := screen.New(cols, rows)
		for cut := range len(output) + 1 {
			after := screen.New(cols, rows)
			after.Write(before.Restore())
			if got, now := after.Describe(), before.Describe(); got != now {
				t.Fatalf("seed %d, restored after %d bytes, %q:\n%s", seed, cut, output[:cut], difference(now, got))
			}
			after.Write(output[cut:])
			if got := after.Describe(); got != want {
				t.Fatalf("seed %d, cut at %d of\n%q\n and %q, restored by %q:\n%s", seed, cut, output[:cut], output[cut:], before.Restore(), difference(want, got))
			}
			if cut < len(output) {
				before.Write(output[cut : cut+1])
			}
		}
	}
}

func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	for i := range max(len(w), len(g)) {
		at := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "nothing"
		}
		if at(w) != at(g) {
			fmt.Fprintf(&out, "want %s\n got %s\n", at(w), at(g))
		}
	}
	return out.String()
}

// A flood of lines, most of which scroll out of sight unread, leaves what it would leave
// if it came byte by byte.
func TestFlood(t *testing.T) {
	for _, before := range []string{"", "\x1b[31mred\x1b[44m", "\x1b7", "\x1b[2;4r", "\x1b[?1049h", "\x1b[20h", "\x1b)0\x0e"} {
		for _, lines := range []string{"line\r\n", "line\n", "\r\nfull of it!!", "wide 漢字漢字漢字\r\n", "tab\tbed\r\n", "\x1b[32mgreen\x1b[m\r\n"} {
			flood := []byte(before + strings.Repeat(lines, 100) + "end")
			fast, slow := screen.New(cols, rows), screen.New(cols, rows)
			fast.Write(flood)
			for i := range flood {
				slow.Write(flood[i : i+1])
			}
			if want, got := slow.Describe(), fast.Describe(); got != want {
				t.Errorf("%q: %s", flood[:30], difference(want, got))
			}
		}
	}
}

func TestResize(t *testing.T) {
	for _, size := range [][2]int{{2, 1}, {5, 2}, {13, 9}, {12, 4}, {40, 40}} {
		for seed := range uint64(50) {
			random := rand.New(rand.NewPCG(seed, 2))
			s := screen.New(cols, rows)
			s.Write(program(random, 100))
			s.Resize(size[0], size[1])
			after := screen.New(size[0], size[1])
			after.Write(s.Restore())
			if want, got := s.Describe(), after.Describe(); got != want {
				t.Fatalf("seed %d, %v: %s", seed, size, difference(want, got))
			}
			s.Write(program(random, 100))
			s.Resize(cols, rows)
			s.Write([]byte("\x1b\\\x1b[!p\x1b[2J\x1b[Hpainted"))
			if !strings.Contains(s.Describe(), `"p"0 "a"0 "i"0 "n"0 "t"0 "e"0 "d"0`) {
				t.Fatalf("seed %d, %v: %s", seed, size, s.Describe())
			}
		}
	}
}

// No output makes a screen take ever more memory.
func TestBounded(t *testing.T) {
	s := screen.New(cols, rows)
	for i := range 20_000 {
		fmt.Fprintf(writer{s}, "e%c%c\x1b]4;%d;#%06x\x07", 0x300+i%0x6f, 0x300+i/0x6f%0x6f, i, i)
	}
	s.Write(bytes.Repeat([]byte("\u0301"), 100_000))
	s.Write([]byte("\x1b]2;"))
	s.Write(bytes.Repeat([]byte("title"), 100_000))
	if size := len(s.Restore()); size > 64<<10 {
		t.Errorf("a screen of %d cells is restored by %d bytes", cols*rows, size)
	}
	if s.Clusters() > 4096 {
		t.Errorf("%d clusters", s.Clusters())
	}
}

type writer struct{ *screen.Screen }

func (w writer) Write(p []byte) (int, error) {
	w.Screen.Write(p)
	return len(p), nil
}

func FuzzRestore(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(program(rand.New(rand.NewPCG(seed, 3)), 30), 20)
	}
	f.Fuzz(func(t *testing.T, output []byte, cut int) {
		cut = max(0, min(len(output), cut))
		before, after := screen.New(cols, rows), screen.New(cols, rows)
		before.Write(output[:cut])
		after.Write(before.Restore())
		before.Write(output[cut:])
		after.Write(output[cut:])
		if want, got := before.Describe(), after.Describe(); got != want {
			t.Fatal(difference(want, got))
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for name, line := range map[string]string{
		"plain":    "a line of plain text with some words in it\r\n",
		"coloured": "\x1b[32mline\x1b[0m some text here and there, and more of it\r\n",
		"painting": "\x1b[5;10H\x1b[7mtext\x1b[m\x1b[K",
	} {
		b.Run(name, func(b *testing.B) {
			output := bytes.Repeat([]byte(line), 64<<10/len(line))
			s := screen.New(80, 24)
			b.SetBytes(int64(len(output)))
			for b.Loop() {
				s.Write(output)
			}
		})
	}
}
