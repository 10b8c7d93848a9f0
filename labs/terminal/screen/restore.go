package screen

import (
	"maps"
	"slices"
	"strconv"
)

// unkept ends what RIS leaves in force in xterm.js: a hidden cursor and its blinking, LNM,
// and the terminal's own colours.
const unkept = "\x1b[?25h\x1b[?12l\x1b[20l\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\"

// Restore returns output that makes a fresh terminal of the same size, or one that was
// reset by RIS, show what this one does, and read what comes next as this one would: also
// within an escape sequence or a character.
func (s *Screen) Restore() []byte {
	w := &writer{screen: s}
	w.text(unkept)
	w.colours()
	w.buffer(&s.normal)
	if s.active == &s.alt {
		w.text("\x1b[m\x1b[?1047h")
	}
	if s.active == &s.alt || s.alt.saved != (cursor{}) {
		if s.active != &s.alt {
			w.text("\x1b[m\x1b[?1047h")
		}
		w.buffer(&s.alt)
		if s.active != &s.alt {
			w.text("\x1b[?1047l")
		}
	}
	w.cursor()
	w.modes()
	w.last()
	w.out = append(w.out, s.sequence...)
	return append(w.out, s.half...)
}

// writer writes what a screen shows.
type writer struct {
	screen *Screen
	out    []byte
	style  style
}

func (w *writer) text(text string) { w.out = append(w.out, text...) }

// control appends a CSI of numbers.
func (w *writer) control(final string, numbers ...int) {
	w.text("\x1b[")
	for i, n := range numbers {
		if i > 0 {
			w.text(";")
		}
		w.out = strconv.AppendInt(w.out, int64(n), 10)
	}
	w.text(final)
}

func (w *writer) moveTo(x, y int) { w.control("H", y+1, x+1) }

// dress sets the style, where it is another one.
func (w *writer) dress(style style) {
	if w.style != style {
		w.style = style
		w.out = style.appendSGR(w.out)
	}
}

// buffer writes the cells, tabs, saved cursor and scrolled rows of the buffer in use.
func (w *writer) buffer(b *buffer) {
	w.style = style{}
	w.text("\x1b[m")
	follows := false // the cursor is where the next line would be wrapped to
	for y := range b.lines {
		row := &b.lines[y]
		follows = w.line(b, y, follows && row.wrapped && row.at(0).text != 0)
	}
	w.tabs(b)
	if b.saved != (cursor{}) {
		w.moveTo(b.saved.x, b.saved.y)
		w.dress(b.saved.style)
		if b.saved.charset != 0 {
			w.out = append(w.out, 0x1b, '(', b.saved.charset)
		}
		w.fullLine(b.saved.x, b.saved.y, 0, b)
		w.text("\x1b7\x1b(B")
	}
	if b.top != 0 || b.bottom != w.screen.rows-1 {
		w.control("r", b.top+1, b.bottom+1)
	}
}

// fullLine puts the cursor behind the end of a full line, where x says that it is there.
// Rows are counted from origin.
func (w *writer) fullLine(x, y, origin int, b *buffer) {
	if x < w.screen.cols {
		return
	}
	at := w.screen.cols - 1
	last := b.lines[y].at(at)
	if last.width == none && last.text == 0 && at > 0 {
		at--
		last = b.lines[y].at(at)
	}
	w.moveTo(at, y-origin)
	before := w.style
	w.dress(last.style)
	w.cell(last)
	w.dress(before)
	if x > w.screen.cols {
		w.text("\x00\u0301") // because of NUL it joins nothing, and only the cursor moves
	}
}

func (w *writer) cell(c cell) {
	if c.text == 0 {
		w.text(" ")
		return
	}
	w.text(w.screen.text(c))
}

// line writes row y, and reports whether the cursor is behind its last column. Where
// the row goes on the one before, it is written without going to its beginning.
func (w *writer) line(b *buffer, y int, follows bool) bool {
	row, cols := &b.lines[y], w.screen.cols
	at := -1 // where the cursor is
	if follows {
		at = 0
	}
	for x := 0; x < len(row.cells); {
		c := row.cells[x]
		end := x + 1
		for end < cols && c.text == 0 && row.cells[end] == c {
			end++
		}
		switch {
		case c == (cell{}):
			x = end
			continue
		case at != x || c.width == none: // also parts it from what is before it
			w.moveTo(x, y)
		}
		w.dress(c.style)
		switch {
		case c.text == 0 && c.style == c.style.erased():
			w.control("X", end-x)
			at = -1
		case c.text == 0:
			for range end - x {
				w.text(" ")
			}
			at = end
		default:
			w.cell(c)
			if at = x + 1; c.width == wide {
				end++
				at++
			}
		}
		x = end
	}
	return at == cols
}

func (w *writer) tabs(b *buffer) {
	if slices.Equal(b.tabs, defaultTabs(w.screen.cols)) {
		return
	}
	w.text("\x1b[3g")
	for x, set := range b.tabs {
		if set {
			w.control("G", x+1)
			w.text("\x1bH")
		}
	}
}

// cursor puts the cursor where it is, with the origin that is in force.
func (w *writer) cursor() {
	s, b := w.screen, w.screen.active
	origin := 0
	if s.modes.origin {
		origin = b.top
		w.text("\x1b[?6h")
	}
	w.place(min(b.x, s.cols-1))
	w.fullLine(b.x, b.y, origin, b)
	w.out = s.style.appendSGR(w.out)
	w.style = s.style
}

// place puts the cursor into column x of its row.
func (w *writer) place(x int) {
	y := w.screen.active.y
	if w.screen.modes.origin {
		y -= w.screen.active.top
	}
	w.moveTo(x, max(0, y))
}

// modes writes what does not move the cursor.
func (w *writer) modes() {
	s := w.screen
	set := func(on bool, text string) {
		if on {
			w.text(text)
		}
	}
	for i, mode := range plainModes {
		set(s.modes.private[i], "\x1b[?"+strconv.Itoa(mode)+"h")
	}
	set(s.modes.mouse != 0, "\x1b[?"+strconv.Itoa(s.modes.mouse)+"h")
	set(s.modes.mouseForm != 0, "\x1b[?"+strconv.Itoa(s.modes.mouseForm)+"h")
	set(s.modes.noWrap, "\x1b[?7l")
	set(s.modes.hidden, "\x1b[?25l")
	set(s.modes.reverseWrap, "\x1b[?45h")
	set(s.modes.newLine, "\x1b[20h")
	set(s.modes.insert, "\x1b[4h")
	set(s.modes.cursorStyle != 0, "\x1b["+strconv.Itoa(s.modes.cursorStyle)+" q")
	for g, charset := range s.charsets {
		if g == s.gl {
			charset = s.charset
		}
		if charset != 0 {
			w.out = append(w.out, 0x1b, "()*+"[g], charset)
		}
	}
	set(s.gl > 0, []string{"", "\x0e", "\x1bn", "\x1bo"}[s.gl])
}

// last writes again what was printed last, which what comes next may be joined to.
func (w *writer) last() {
	s := w.screen
	start := s.active.x - s.lastWide
	if len(s.last) == 0 || start < 0 {
		return
	}
	w.place(start)
	if s.modes.insert {
		w.control("P", s.lastWide)
	}
	for _, r := range s.last {
		w.text(string(r))
	}
}

func (w *writer) colours() {
	s := w.screen
	if s.titled {
		w.text("\x1b]2;" + string(s.title) + "\x1b\\")
	}
	for _, key := range slices.Sorted(maps.Keys(s.colours)) {
		w.text("\x1b]" + key + ";" + s.colours[key] + "\x1b\\")
	}
}
