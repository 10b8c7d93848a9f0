package screen

// modes are what programs switch beside the cells. The zero value is a fresh terminal's.
type modes struct {
	insert, newLine             bool
	noWrap, origin, reverseWrap bool
	hidden                      bool // the cursor
	cursorStyle                 int  // of DECSCUSR; 0 is the terminal's own
	private                     [len(plainModes)]bool
	mouse, mouseForm            int // the DEC private mode in force; 0 is none
}

// plainModes are DEC private modes of which nothing here depends: cursor keys, keypad,
// blinking, focus, bracketed paste, synchronized output.
var plainModes = [...]int{1, 66, 12, 1004, 2004, 2026}

const blinking = 2 // in plainModes

// options returns the modes that RIS leaves alone: xterm.js has two of them among its
// options, and the third is whether the cursor is hidden.
func (m modes) options() modes {
	kept := modes{newLine: m.newLine, hidden: m.hidden}
	kept.private[blinking] = m.private[blinking]
	return kept
}

func (s *Screen) setPrivate(mode int, on bool) {
	for i, plain := range plainModes {
		if mode == plain {
			s.modes.private[i] = on
		}
	}
	either := func(at *int) {
		*at = 0
		if on {
			*at = mode
		}
	}
	switch mode {
	case 2:
		if on {
			s.charsets, s.charset = [4]byte{}, 0
		}
	case 6:
		s.modes.origin = on
		s.moveTo(0, 0)
	case 7:
		s.modes.noWrap = !on
	case 9, 1000, 1002, 1003:
		either(&s.modes.mouse)
	case 1006, 1016:
		either(&s.modes.mouseForm)
	case 25:
		s.modes.hidden = !on
	case 45:
		s.modes.reverseWrap = on
	case 47, 1047, 1048, 1049:
		s.switchBuffer(mode, on)
	}
}

func (s *Screen) switchBuffer(mode int, on bool) {
	if on && mode >= 1048 {
		s.saveCursor()
	}
	if mode != 1048 {
		switch b := s.active; {
		case on && b == &s.normal:
			s.alt.x, s.alt.y = b.x, b.y
			for y := range s.alt.lines {
				s.alt.lines[y].fill(s.cols, 0, s.cols, s.style.erased())
			}
			s.active = &s.alt
		case !on && b == &s.alt:
			s.normal.x, s.normal.y = b.x, b.y
			saved := b.saved
			s.alt = newBuffer(s.cols, s.rows)
			s.alt.saved = saved
			s.active = &s.normal
		}
	}
	if !on && mode >= 1048 {
		s.restoreCursor()
	}
	s.restrict(s.cols) // xterm.js waits with it until the cursor moves
}

func (s *Screen) saveCursor() {
	b := s.active
	b.saved = cursor{b.x, b.y, s.style, s.charset}
}

func (s *Screen) restoreCursor() {
	b := s.active
	b.x, b.y, s.style, s.charset = b.saved.x, b.saved.y, b.saved.style, b.saved.charset
	s.charsets[s.gl] = s.charset // xterm.js keeps what was designated, until the next shift
	s.restrict(s.cols - 1)
}

// softReset is what DECSTR does.
func (s *Screen) softReset() {
	mouse, form := s.modes.mouse, s.modes.mouseForm
	s.modes = s.modes.options()
	s.modes.hidden, s.modes.mouse, s.modes.mouseForm = false, mouse, form
	b := s.active
	b.top, b.bottom = 0, s.rows-1
	s.style, s.charsets, s.gl, s.charset = style{}, [4]byte{}, 0, 0
	b.saved = cursor{}
}

// escape does what a sequence of ESC and one character says.
func (s *Screen) escape(final byte) {
	b := s.active
	switch final {
	case '7':
		s.saveCursor()
	case '8':
		s.restoreCursor()
	case 'D':
		s.restrict(s.cols - 1)
		s.lineDown()
	case 'E':
		b.x = 0
		s.lineDown()
	case 'H':
		if b.x < s.cols {
			b.tabs[b.x] = true
		}
	case 'M':
		s.restrict(s.cols - 1)
		if b.y == b.top {
			s.shift(b.top, b.bottom, -1, s.style.erased())
		} else {
			b.y--
			s.restrict(s.cols - 1)
		}
	case '=':
		s.setPrivate(66, true)
	case '>':
		s.setPrivate(66, false)
	case 'c':
		s.reset()
	case 'n', '}':
		s.use(2)
	case 'o', '|':
		s.use(3)
	case '~':
		s.use(1)
	}
}

// lineDown is IND: a line feed that leaves it open whether the lines belong together.
func (s *Screen) lineDown() {
	b := s.active
	if b.y == b.bottom {
		s.scroll(false)
	} else {
		b.y = min(b.y+1, s.rows-1)
	}
	s.restrict(s.cols - 1)
}

// designate does what a sequence with intermediate bytes says.
func (s *Screen) designate(final byte) {
	if len(s.between) > 1 {
		return
	}
	switch s.between[0] {
	case '%':
		s.gl, s.charsets[0], s.charset = 0, 0, 0
	case '#':
		if final == '8' {
			s.alignment()
		}
	case '(', ')', '*', '+', '-', '.':
		g := map[byte]int{'(': 0, ')': 1, '-': 1, '*': 2, '.': 2, '+': 3}[s.between[0]]
		s.charsets[g] = 0
		if _, known := charsets[final]; known {
			s.charsets[g] = final
		}
		if s.gl == g {
			s.charset = s.charsets[g]
		}
	}
}

// use makes the charset designated as G0 to G3 the one in use.
func (s *Screen) use(g int) { s.gl, s.charset = g, s.charsets[g] }

// alignment fills the screen from its origin on with E, which are underlined by a single
// line if at all.
func (s *Screen) alignment() {
	style := s.style
	style.underline, style.ul = min(style.underline, 1), 0
	s.moveTo(0, 0)
	first := s.active.y
	if s.active == &s.alt {
		first = 0 // rows of a buffer without scrolled ones are counted round in xterm.js
	}
	for y := first; y < s.rows; y++ {
		row := &s.active.lines[y]
		*row = line{}
		for x := range row.own(s.cols) {
			row.cells[x] = cell{text: 'E', style: style}
		}
	}
}
