package screen

// print puts a character at the cursor.
func (s *Screen) print(r rune) {
	b := s.active
	row := b.lines[b.y].own(s.cols)
	if b.x > 0 && b.x <= s.cols && row[b.x-1].width == wide {
		row[b.x-1] = cell{style: s.style}
	}
	code := r
	if s.charset != 0 && r < 127 {
		code = mapped(s.charset, r)
	}
	columns := Width(code)
	if columns == 0 && len(s.last) > 0 {
		s.combine(code, r)
		return
	}
	s.last = s.last[:0]
	if columns > 0 { // to a combining character without a base nothing is joined
		s.last = append(s.last, r)
	}
	s.lastWide = columns
	if b.x+columns > s.cols {
		if s.modes.noWrap {
			b.x = s.cols - 1
			if columns == 2 {
				s.last = s.last[:0]
				return
			}
		} else {
			s.wrap()
		}
	}
	row = b.lines[b.y].own(s.cols)
	if b.x == s.cols { // a combining character without a base: shown nowhere, but a line feed steps back over it
		b.x++
		return
	}
	if s.modes.insert {
		b.lines[b.y].insert(s.cols, b.x, columns, s.style)
	}
	row[b.x] = cell{text: code, width: widthOf(columns), style: s.style}
	b.x++
	if columns == 2 {
		row[b.x] = cell{width: none, style: s.style}
		b.x++
	}
	if b.x < s.cols && row[b.x].width == none && row[b.x].text == 0 {
		row[b.x] = cell{style: s.style}
	}
}

// combine joins a character without a width of its own to what was printed last.
func (s *Screen) combine(code, r rune) {
	if len(s.last) < maxMarks {
		s.last = append(s.last, r)
	}
	b := s.active
	at := b.x - 1
	row := b.lines[b.y].own(s.cols)
	if row[at].width == none && at > 0 {
		at--
	}
	row[at].text = s.join(row[at].text, code)
}

// wrap goes to the beginning of the next line, which goes on this one.
func (s *Screen) wrap() {
	b := s.active
	row := b.lines[b.y].own(s.cols)
	for x := b.x; x < s.cols; x++ {
		row[x] = cell{style: s.style}
	}
	b.x = 0
	if b.y == b.bottom {
		s.scroll(true)
		return
	}
	b.y = min(b.y+1, s.rows-1)
	b.lines[b.y].wrapped = true
}

// scroll moves what scrolls up by a line.
func (s *Screen) scroll(wrapped bool) {
	b := s.active
	s.shift(b.top, b.bottom, 1, s.style.erased())
	b.lines[b.bottom].wrapped = wrapped
	if b.top == 0 && b == &s.normal {
		b.saved.y = max(0, b.saved.y-1) // it goes with its line
	}
}

// shift moves the lines from top to bottom up by n, or down where n is negative.
func (s *Screen) shift(top, bottom, n int, with style) {
	lines := s.active.lines[top : bottom+1]
	n = max(-len(lines), min(n, len(lines)))
	var fresh []line
	if n >= 0 {
		copy(lines, lines[n:])
		fresh = lines[len(lines)-n:]
	} else {
		copy(lines[-n:], lines)
		fresh = lines[:-n]
	}
	for i := range fresh {
		fresh[i] = line{}
		fresh[i].fill(s.cols, 0, s.cols, with)
	}
}

// control does what a C0 control says.
func (s *Screen) control(r rune) {
	b := s.active
	switch r {
	case '\n', '\v', '\f':
		if s.modes.newLine {
			b.x = 0
		}
		s.lineFeed()
	case '\r':
		b.x = 0
	case '\b':
		s.backspace()
	case '\t':
		if b.x < s.cols {
			b.x = b.nextTab(b.x)
		}
	case 0x0e:
		s.use(1)
	case 0x0f:
		s.use(0)
	}
}

func (s *Screen) lineFeed() {
	b := s.active
	switch {
	case b.y == b.bottom:
		s.scroll(false)
	case b.y < s.rows-1:
		b.y++
		b.lines[b.y].wrapped = false
	}
	if b.x >= s.cols {
		b.x--
	}
}

func (s *Screen) backspace() {
	b := s.active
	if !s.modes.reverseWrap {
		s.restrict(s.cols - 1)
		b.x = max(0, b.x-1)
		return
	}
	s.restrict(s.cols)
	switch {
	case b.x > 0:
		b.x--
	case b.y > b.top && b.y <= b.bottom && b.lines[b.y].wrapped:
		b.lines[b.y].wrapped = false
		b.y--
		b.x = s.cols - 1
		if last := b.lines[b.y].at(b.x); last.width == narrow && last.text == 0 {
			b.x--
		}
	}
	s.restrict(s.cols - 1)
}

func (b *buffer) nextTab(x int) int {
	for x++; x < len(b.tabs) && !b.tabs[x]; x++ {
	}
	return min(x, len(b.tabs)-1)
}

func (b *buffer) previousTab(x int) int {
	for x--; x > 0 && !b.tabs[x]; x-- {
	}
	return max(0, x)
}

// restrict keeps the cursor on the screen, and in what scrolls where that is its origin.
func (s *Screen) restrict(most int) {
	b := s.active
	b.x = min(most, max(0, b.x))
	if s.modes.origin {
		b.y = min(b.bottom, max(b.top, b.y))
	} else {
		b.y = min(s.rows-1, max(0, b.y))
	}
}

// moveTo puts the cursor at x and y, counted from the origin.
func (s *Screen) moveTo(x, y int) {
	b := s.active
	b.x, b.y = x, y
	if s.modes.origin {
		b.y += b.top
	}
	s.restrict(s.cols - 1)
}
