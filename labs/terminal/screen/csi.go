package screen

// control2 does what a CSI sequence says.
func (s *Screen) control2(final byte) {
	switch {
	case s.prefix == '?' && len(s.between) == 0:
		switch final {
		case 'h', 'l':
			for _, p := range s.params {
				s.setPrivate(p.value, final == 'h')
			}
		case 'J':
			s.eraseInDisplay()
		case 'K':
			s.eraseInLine()
		}
	case s.prefix != 0:
	case len(s.between) == 1:
		s.controlBetween(s.between[0], final)
	case len(s.between) == 0:
		if !s.edit(final) {
			s.move(final)
		}
	}
}

func (s *Screen) controlBetween(between, final byte) {
	switch string([]byte{between, final}) {
	case "!p":
		s.softReset()
	case " q":
		s.modes.cursorStyle = s.arg(0, 0)
		if len(s.params) == 0 || s.params[0].value < 0 {
			s.modes.cursorStyle = 1
		}
	case " @":
		s.eachScrolled(func(l *line) { l.remove(s.cols, 0, s.arg(0, 1), s.style.erased()) })
	case " A":
		s.eachScrolled(func(l *line) { l.insert(s.cols, 0, s.arg(0, 1), s.style.erased()) })
	case "'}":
		s.eachScrolled(func(l *line) { l.insert(s.cols, s.active.x%s.cols, s.arg(0, 1), s.style.erased()) })
	case "'~":
		s.eachScrolled(func(l *line) { l.remove(s.cols, s.active.x%s.cols, s.arg(0, 1), s.style.erased()) })
	}
}

// eachScrolled changes all lines that scroll, where the cursor is in one.
func (s *Screen) eachScrolled(change func(*line)) {
	b := s.active
	if b.y < b.top || b.y > b.bottom {
		return
	}
	for y := b.top; y <= b.bottom; y++ {
		change(&b.lines[y])
		b.lines[y].wrapped = false
	}
}

// move does what a sequence says that moves the cursor or sets something, and edit what
// one says that changes cells.
func (s *Screen) move(final byte) {
	b, n := s.active, s.arg(0, 1)
	switch final {
	case 'A':
		s.moveUp(n)
	case 'B':
		s.moveDown(n)
	case 'C', 'a':
		s.moveBy(n, 0)
	case 'D':
		s.moveBy(-n, 0)
	case 'E':
		s.moveDown(n)
		b.x = 0
	case 'F':
		s.moveUp(n)
		b.x = 0
	case 'G', '`':
		s.moveTo(n-1, b.y)
	case 'H', 'f':
		s.moveTo(s.arg(1, 1)-1, n-1)
	case 'I', 'Z':
		for range min(n, s.cols) {
			if b.x >= s.cols {
				break
			}
			if final == 'I' {
				b.x = b.nextTab(b.x)
			} else {
				b.x = b.previousTab(b.x)
			}
		}
	case 'd':
		s.moveTo(b.x, n-1)
	case 'e':
		s.moveBy(0, n)
	case 'g':
		s.clearTabs(s.arg(0, 0))
	case 'h', 'l':
		for _, p := range s.params {
			switch p.value {
			case 4:
				s.modes.insert = final == 'h'
			case 20:
				s.modes.newLine = final == 'h'
			}
		}
	case 'm':
		s.setStyle()
	case 'r':
		s.setScrolled()
	case 's':
		s.saveCursor()
	case 'u':
		s.restoreCursor()
	}
}

func (s *Screen) moveBy(dx, dy int) {
	s.restrict(s.cols - 1)
	s.moveTo(s.active.x+dx, s.active.y+dy)
}

func (s *Screen) moveUp(n int) {
	if room := s.active.y - s.active.top; room >= 0 {
		n = min(n, room)
	}
	s.moveBy(0, -n)
}

func (s *Screen) moveDown(n int) {
	if room := s.active.bottom - s.active.y; room >= 0 {
		n = min(n, room)
	}
	s.moveBy(0, n)
}

func (s *Screen) clearTabs(which int) {
	b := s.active
	switch {
	case which == 0 && b.x < s.cols:
		b.tabs[b.x] = false
	case which == 3:
		clear(b.tabs)
	}
}

func (s *Screen) setScrolled() {
	top, bottom := s.arg(0, 1), s.arg(1, s.rows)
	if bottom > s.rows {
		bottom = s.rows
	}
	if bottom > top {
		s.active.top, s.active.bottom = top-1, bottom-1
		s.moveTo(0, 0)
	}
}

// edit reports whether final is of a sequence that changes cells.
func (s *Screen) edit(final byte) bool {
	b, n := s.active, s.arg(0, 1)
	erased := s.style.erased()
	switch final {
	case '@':
		s.restrict(s.cols - 1)
		b.lines[b.y].insert(s.cols, b.x, n, erased)
	case 'J':
		s.eraseInDisplay()
	case 'K':
		s.eraseInLine()
	case 'L', 'M':
		s.restrict(s.cols - 1)
		if b.y < b.top || b.y > b.bottom {
			break
		}
		if final == 'L' {
			n = -n
		}
		s.shift(b.y, b.bottom, n, erased)
		b.x = 0
	case 'P':
		s.restrict(s.cols - 1)
		b.lines[b.y].remove(s.cols, b.x, n, erased)
	case 'S':
		s.shift(b.top, b.bottom, n, erased)
	case 'T':
		s.shift(b.top, b.bottom, -n, style{})
	case 'X':
		s.restrict(s.cols - 1)
		b.lines[b.y].fill(s.cols, b.x, b.x+min(n, s.cols), erased)
	case 'b':
		s.repeat(n)
	default:
		return false
	}
	return true
}

// repeat prints again what was printed last. More than fills the screen twice changes
// nothing any more.
func (s *Screen) repeat(n int) {
	again := append([]rune(nil), s.last...)
	if len(again) == 0 {
		return
	}
	charset := s.charset
	for i, r := range again {
		if charset != 0 && r < 127 {
			again[i] = mapped(charset, r)
		}
	}
	s.charset = 0 // of what the charset made of it
	for range min(n, 2*s.cols*s.rows) {
		for _, r := range again {
			s.print(r)
		}
	}
	s.charset = charset
}

func (s *Screen) eraseInDisplay() {
	s.restrict(s.cols)
	b := s.active
	reset := func(from, to int) {
		for y := from; y < to; y++ {
			b.lines[y] = line{}
			b.lines[y].fill(s.cols, 0, s.cols, s.style.erased())
		}
	}
	switch s.arg(0, 0) {
	case 0:
		s.eraseInRow(b.x, s.cols, b.x == 0)
		reset(b.y+1, s.rows)
	case 1:
		s.eraseInRow(0, b.x+1, true)
		if b.x+1 >= s.cols && b.y+1 < s.rows {
			b.lines[b.y+1].wrapped = false
		}
		reset(0, b.y)
	case 2:
		reset(0, s.rows)
	}
}

func (s *Screen) eraseInLine() {
	s.restrict(s.cols)
	switch b := s.active; s.arg(0, 0) {
	case 0:
		s.eraseInRow(b.x, s.cols, b.x == 0)
	case 1:
		s.eraseInRow(0, b.x+1, false)
	case 2:
		s.eraseInRow(0, s.cols, true)
	}
}

func (s *Screen) eraseInRow(start, end int, whole bool) {
	row := &s.active.lines[s.active.y]
	row.fill(s.cols, start, end, s.style.erased())
	if whole {
		row.wrapped = false
	}
}
