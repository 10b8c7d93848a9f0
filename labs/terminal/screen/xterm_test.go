package screen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"wheelhouse/labs/terminal/screen"
)

// xtermEvent is output, or another size of the terminal.
type xtermEvent struct {
	Output []byte `json:"output"`
	Cols   int    `json:"cols,omitempty"`
	Rows   int    `json:"rows,omitempty"`
}

// xtermCase is what a program wrote, and the same with its beginning restored.
type xtermCase struct {
	Name     string       `json:"name"`
	Size     xtermEvent   `json:"size"`
	Whole    []xtermEvent `json:"whole"`
	Restored []xtermEvent `json:"restored"`
}

// stale is what the page's terminal has of before, when it is reset (RIS) and gets what
// Restore writes: RIS leaves some of it alone.
const stale = "\x1b[?1049h\x1b[4h\x1b[20h\x1b[?25l\x1b[?12h\x1b[?1003h\x1b(0\x1b[7mtext\x1b]4;3;red\a\x1b]10;red\a\x1b]11;red\a\x1b]12;red\a"

// caseOf makes a case of output that is cut in the last of its parts, which have the
// terminal's sizes between them.
func caseOf(name string, size xtermEvent, parts []xtermEvent, cut int) xtermCase {
	last := parts[len(parts)-1].Output
	for cut > 0 && cut < len(last) && last[cut-1] == 0x80 && !utf8.RuneStart(last[cut]) {
		cut++ // xterm.js loses a character of which two writes have parts, where the first part ends with 0x80
	}
	s := screen.New(size.Cols, size.Rows)
	now := size
	for _, part := range parts[:len(parts)-1] {
		if part.Cols > 0 {
			now = part
			s.Resize(part.Cols, part.Rows)
		}
		s.Write(part.Output)
	}
	s.Write(last[:cut])
	before, after := last[max(0, cut-400):cut], last[cut:min(len(last), cut+400)]
	return xtermCase{
		Name:     fmt.Sprintf("%s, cut at %d of %q and %q", name, cut, before, after),
		Size:     size,
		Whole:    parts,
		Restored: []xtermEvent{now, {Output: []byte(stale + "\x1bc")}, {Output: s.Restore()}, {Output: last[cut:]}},
	}
}

// The page's own terminal shows the same after a program's output as after what Restore
// writes at some place in it and the output behind that.
func TestAsXterm(t *testing.T) {
	var cases []xtermCase
	add := func(name string, random *rand.Rand, size xtermEvent, parts []xtermEvent, cuts int) {
		end := len(parts[len(parts)-1].Output)
		cases = append(cases, caseOf(name, size, parts, end))
		for range cuts {
			cases = append(cases, caseOf(name, size, parts, random.IntN(end+1)))
		}
	}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 4))
		output := programForXterm(random, 5+random.IntN(60))
		add(fmt.Sprint("seed ", seed), random, xtermEvent{Cols: cols, Rows: rows}, []xtermEvent{{Output: output}}, 1)
	}
	for _, output := range []string{"\x1b[5;12Hm\x1b[4l\u0301", "\x1b[12Gm\x00\u0301\x00\u0301\x1b7\n", "\x1b[12Gm\x00\u0301\x1b[31m\nxy", "\x1b[12Gm\x00\u0301x", "\x1b[12Gm\x00\u0301\n\bx"} {
		for cut := range len(output) + 1 {
			cases = append(cases, caseOf("characters that join nothing", xtermEvent{Cols: cols, Rows: rows}, []xtermEvent{{Output: []byte(output)}}, cut))
		}
	}
	recordings, err := filepath.Glob("testdata/*.cast")
	if err != nil || len(recordings) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, name := range recordings {
		size, parts := recording(t, name)
		add(name, rand.New(rand.NewPCG(5, 5)), size, parts, 8)
	}
	compareInXterm(t, cases)
}

// recording reads what a real program wrote, in the format asciicast v2: a line with the
// terminal's size, and lines with output ("o") or another size ("r").
func recording(t *testing.T, name string) (size xtermEvent, parts []xtermEvent) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	header, lines, _ := strings.Cut(string(text), "\n")
	if _, err := fmt.Sscanf(header, `{"version": 2, "width": %d, "height": %d}`, &size.Cols, &size.Rows); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for line := range strings.Lines(lines) {
		event := [3]any{}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		value := fmt.Sprint(event[2])
		part := xtermEvent{Output: []byte(value)}
		if event[1] == "r" {
			part = xtermEvent{}
			if _, err := fmt.Sscanf(value, "%dx%d", &part.Cols, &part.Rows); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		parts = append(parts, part)
	}
	return size, parts
}

// oddities are what xterm.js itself does wrong, or forgets, which no output can bring
// back: what the random programs leave out, where odd reports that they are there.
var oddities = []struct {
	reason string
	odd    func(s *screen.Screen, piece string) bool
}{
	{"xterm.js throws where a program erases up to the last column of the last row, because it looks at the row below", func(s *screen.Screen, piece string) bool {
		x, y := s.Cursor()
		return piece == "\x1b[1J" && x >= cols-1 && y == rows-1
	}},
	{"a restored cursor has its own charset until the next shift, and then that of its place among G0 to G3: nothing else can make the two unlike", (*screen.Screen).RestoresCharset},
	{"what becomes of half a wide character at the end of a row that does not wrap depends on where the output was cut", func(s *screen.Screen, piece string) bool {
		return s.NoWrap() && (piece[0] >= utf8.RuneSelf || piece == "\x1b[3b")
	}},
	{"a saved cursor keeps that there is an underline, but not its kind and colour", (*screen.Screen).RestoresUnderline},
}

// programForXterm is a random program without oddities.
func programForXterm(random *rand.Rand, length int) []byte {
	var out []byte
	s := screen.New(cols, rows)
	for range length {
		piece := pieces[random.IntN(len(pieces))]
		odd := false
		for _, oddity := range oddities {
			odd = odd || oddity.odd(s, piece)
		}
		if !odd {
			out = append(out, piece...)
			s.Write([]byte(piece))
		}
	}
	return out
}

// compareInXterm fails the test where the two outputs of a case leave xterm.js unlike.
func compareInXterm(t *testing.T, cases []xtermCase) {
	t.Helper()
	web := filepath.Join("..", "..", "..", "web")
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("NOT TESTED: the screen beside xterm.js, because there is no node: %v", err)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "@xterm", "headless")); err != nil {
		t.Skipf("NOT TESTED: the screen beside xterm.js, which make web installs: %v", err)
	}
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("tests", "screen.js"))
	cmd.Dir = web
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var differences map[string][]string
	if err := json.Unmarshal(answer, &differences); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, c := range cases {
		lines := differences[c.Name]
		if len(lines) == 0 {
			continue
		}
		if shown++; shown > 5 {
			break
		}
		t.Errorf("%s, restored by %q:\n%s", c.Name, c.Restored[2].Output, strings.Join(lines[:min(len(lines), 12)], "\n"))
	}
	if len(differences) > 0 {
		t.Errorf("%d of %d cases differ", len(differences), len(cases))
	}
}
