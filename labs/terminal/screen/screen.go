// Package screen knows what a terminal shows after some output, and writes output
// that brings a fresh terminal to the same point. It follows xterm.js, which is the
// terminal of the page, down to what that does with halves of wide characters. It
// knows no shell, no connection and no offsets; package terminal feeds it what its
// ring drops.
package screen

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxSequence = 4 << 10 // bytes of one escape sequence that are kept: of a title, or of what is ignored
	maxClusters = 4 << 10 // different characters with combining ones; what goes beyond loses its marks
	maxMarks    = 16      // combining characters on one cell
	maxColours  = 300     // settings of the terminal's own colours: 256, and the three of text and cursor
)

// Screen is a terminal's whole state, but for what has scrolled out of sight. Its
// methods are for one goroutine at a time.
type Screen struct {
	cols, rows  int
	normal, alt buffer
	active      *buffer // normal or alt
	clusters    []string
	cluster     map[string]rune // of a string in clusters: utf8.MaxRune+1 and its index

	style    style
	charsets [4]byte // designated as G0 to G3; 0 is ASCII
	gl       int     // which of them is in use
	charset  byte    // what is in use, which a restored cursor may make another one
	last     []rune  // what was printed last and what it was joined by, as it came; empty after anything else
	lastWide int     // columns of that
	modes    modes
	title    []byte
	titled   bool
	colours  map[string]string // parameters of OSC 4, 10, 11 and 12, by all but the last of them

	parser
}

// buffer is one of the two screens that a terminal has.
type buffer struct {
	lines       []line
	x, y        int // of the cursor; x is the number of columns behind a full line
	top, bottom int // first and last row of what scrolls
	tabs        []bool
	saved       cursor
}

// cursor is what DECSC keeps.
type cursor struct {
	x, y    int
	style   style
	charset byte
}

// New returns an empty screen.
func New(cols, rows int) *Screen {
	s := &Screen{cols: cols, rows: rows, cluster: map[string]rune{}}
	s.reset()
	return s
}

// reset is what RIS does. The title and the terminal's own colours stay.
func (s *Screen) reset() {
	cols, rows := s.cols, s.rows
	s.clusters, s.cluster = nil, map[string]rune{}
	s.normal, s.alt = newBuffer(cols, rows), newBuffer(cols, rows)
	s.active = &s.normal
	s.style, s.charsets, s.gl, s.charset = style{}, [4]byte{}, 0, 0
	s.last, s.modes = s.last[:0], s.modes.options()
}

func newBuffer(cols, rows int) buffer {
	return buffer{lines: make([]line, rows), bottom: rows - 1, tabs: defaultTabs(cols)}
}

func defaultTabs(cols int) []bool {
	tabs := make([]bool, cols)
	for x := 0; x < cols; x += 8 {
		tabs[x] = true
	}
	return tabs
}

// Resize gives the screen another size. What no longer fits is cut off: programs
// paint anew when they are told.
func (s *Screen) Resize(cols, rows int) {
	if cols == s.cols && rows == s.rows {
		return
	}
	for _, b := range []*buffer{&s.normal, &s.alt} {
		b.resize(s.cols, cols, rows)
	}
	s.cols, s.rows = cols, rows
	s.last = s.last[:0]
}

func (b *buffer) resize(before, cols, rows int) {
	if scrolled := b.y + 1 - rows; scrolled > 0 {
		b.lines = b.lines[scrolled:]
		b.y -= scrolled
		b.saved.y = max(0, b.saved.y-scrolled)
	}
	lines := make([]line, rows)
	copy(lines, b.lines)
	b.lines = lines
	for y := range lines {
		cells := lines[y].cells
		if cells == nil {
			continue
		}
		cells = slices.Clone(cells[:min(len(cells), cols)])
		if last := len(cells) - 1; cells[last].width == wide {
			cells[last] = cell{style: cells[last].style}
		}
		lines[y].cells = append(cells, make([]cell, cols-len(cells))...)
	}
	tabs := defaultTabs(cols)
	copy(tabs, b.tabs)
	b.tabs = tabs
	b.x, b.saved.x = min(b.x, cols-1), min(b.saved.x, cols-1)
	b.saved.y = min(b.saved.y, rows-1)
	b.top, b.bottom = 0, rows-1
}

// Write takes output. It keeps the beginning of a sequence or a character that is not
// whole until the rest comes.
func (s *Screen) Write(output []byte) {
	looked := len(output) // from here to the end skip has not looked
	for len(output) > 0 {
		if s.state == ground && len(s.half) == 0 {
			if len(output) <= looked {
				end := bytes.IndexFunc(output, steers)
				if end < 0 {
					end = len(output)
				}
				looked = len(output) - end - 1
				output = output[s.skip(output[:end]):]
			}
			n := s.printRun(output)
			if output = output[n:]; len(output) == 0 {
				return
			}
		}
		s.next(output[0])
		output = output[1:]
	}
}

// skip does for the beginning of plain text, of which it returns the length, what it does
// to a screen: nothing is left of lines that have scrolled out of sight.
func (s *Screen) skip(plain []byte) int {
	b := s.active
	if len(plain) < 4*s.rows || b.top != 0 || b.bottom != s.rows-1 || s.modes.newLine {
		return 0
	}
	if b.saved != (cursor{}) { // the place that it keeps scrolls too
		return 0
	}
	at := len(plain)
	for range s.rows + 1 {
		if at = bytes.LastIndex(plain[:at], []byte("\r\n")); at < 0 {
			return 0
		}
	}
	if bytes.Count(plain[:at], []byte("\n")) < s.rows {
		return 0
	}
	for y := range b.lines {
		b.lines[y] = line{}
	}
	b.x, b.y = 0, s.rows-1
	s.last = s.last[:0]
	return at + 2
}

// steers reports whether a character does more than to be printed, or to end a line.
func steers(r rune) bool {
	return r < ' ' && r != '\r' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
}

// printRun prints the plain ASCII that output begins with, and returns how much that is.
func (s *Screen) printRun(output []byte) int {
	n := 0
	for n < len(output) && output[n] >= ' ' && output[n] < 0x7f {
		s.print(rune(output[n]))
		n++
	}
	return n
}

// text returns what a cell shows.
func (s *Screen) text(c cell) string {
	if c.text > utf8.MaxRune {
		return s.clusters[c.text-utf8.MaxRune-1]
	}
	return string(c.text)
}

// join returns the text of a cell with a combining character more.
func (s *Screen) join(text, mark rune) rune {
	if text == 0 {
		return mark
	}
	whole := s.text(cell{text: text}) + string(mark)
	if known, ok := s.cluster[whole]; ok {
		return known
	}
	if len(s.clusters) >= maxClusters || utf8.RuneCountInString(whole) > maxMarks {
		return text
	}
	s.clusters = append(s.clusters, whole)
	s.cluster[whole] = utf8.MaxRune + rune(len(s.clusters))
	return s.cluster[whole]
}

// Text returns the text that the screen shows, without what is empty at the end of its
// lines and below them.
func (s *Screen) Text() string {
	var out strings.Builder
	for y := range s.active.lines {
		var row strings.Builder
		for _, c := range s.active.lines[y].cells {
			switch {
			case c.text != 0:
				row.WriteString(s.text(c))
			case c.width == narrow:
				row.WriteByte(' ')
			}
		}
		out.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return strings.TrimRight(out.String(), "\n")
}
