package screen

import "unicode/utf8"

// parser takes output apart as xterm.js does: first into characters, then into
// sequences. C1 controls are characters of two bytes.
type parser struct {
	state    state
	half     []byte // of a character
	sequence []byte // of the sequence that has begun, as far as that is kept
	prefix   byte   // < = > ? of a CSI
	between  []byte // intermediate bytes
	params   []param
	osc      []byte
}

type state int

const (
	ground state = iota
	escape
	escapeBetween
	csi
	csiIgnore
	oscString
	ignored // DCS, SOS, PM, APC: nothing of them stays
)

// param is a number of a CSI; parts are joined to the one before by colons.
type param struct {
	value int // -1 where there is none
	part  bool
}

const (
	maxParams = 32
	maxValue  = 1<<31 - 1
)

// next takes one byte.
func (s *Screen) next(b byte) {
	if len(s.half) == 0 && b < utf8.RuneSelf {
		s.take(rune(b), b)
		return
	}
	s.half = append(s.half, b)
	for len(s.half) > 0 && utf8.FullRune(s.half) {
		r, n := utf8.DecodeRune(s.half)
		whole := s.half[:n]
		s.half = s.half[n:]
		if r != utf8.RuneError || n > 1 {
			if r != '\ufeff' {
				s.take(r, whole...)
			}
		}
	}
	if len(s.half) == 0 {
		s.half = nil
	}
}

// take takes one character, and keeps its bytes while a sequence is not whole.
func (s *Screen) take(r rune, raw ...byte) {
	if len(s.sequence)+len(raw) <= maxSequence {
		s.sequence = append(s.sequence, raw...)
	}
	switch {
	case r == 0x1b:
		s.endString(true)
		s.begin(escape, "\x1b")
	case r == 0x18 || r == 0x1a:
		s.endString(false)
		s.toGround()
	case r >= 0x80 && r < 0xa0:
		s.control1(r)
	default:
		s.step(r, len(raw))
	}
	if s.state == ground {
		s.sequence = s.sequence[:0]
	}
}

// begin enters a sequence, of which intro is what it begins with.
func (s *Screen) begin(state state, intro string) {
	s.state = state
	s.sequence = append(s.sequence[:0], intro...)
	s.prefix, s.between, s.params, s.osc = 0, s.between[:0], s.params[:0], s.osc[:0]
}

func (s *Screen) toGround() { s.state, s.last = ground, s.last[:0] }

func (s *Screen) control1(r rune) {
	switch r {
	case 0x90:
		s.begin(ignored, "\x1bP")
	case 0x98, 0x9e, 0x9f:
		s.begin(ignored, "\x1bX")
	case 0x9b:
		s.begin(csi, "\x1b[")
	case 0x9d:
		s.begin(oscString, "\x1b]")
	case 0x9c:
		s.endString(true)
		s.toGround()
	default:
		s.toGround()
		if r >= 0x84 && r <= 0x88 {
			s.escape(byte(r - 0x40))
		}
	}
}

// step takes a character that means the same in no two states.
func (s *Screen) step(r rune, size int) {
	switch s.state {
	case ground:
		if r < ' ' {
			s.last = s.last[:0]
			s.control(r)
		} else if r != 0x7f {
			s.print(r)
		}
	case oscString:
		if r == 7 {
			s.endString(true)
			s.toGround()
		} else if r >= ' ' && len(s.osc) < maxSequence {
			s.osc = utf8.AppendRune(s.osc, r)
		}
	case ignored:
	default:
		switch {
		case r < ' ':
			s.sequence = s.sequence[:len(s.sequence)-size] // done now, and not again
			s.last = s.last[:0]
			s.control(r)
		case r == 0x7f:
		case r > 0x7f:
			if s.state != csiIgnore {
				s.toGround()
			}
		default:
			s.collect(byte(r))
		}
	}
}

// collect takes a character of an escape sequence.
func (s *Screen) collect(b byte) {
	switch {
	case s.state == escape && b == '[':
		s.state = csi
	case s.state == escape && b == ']':
		s.state = oscString
	case s.state == escape && (b == 'P' || b == 'X' || b == '^' || b == '_'):
		s.state = ignored
	case b < '0' && s.state != csiIgnore: // an intermediate byte
		s.between = append(s.between[:min(len(s.between), 2)], b)
		if s.state == escape {
			s.state = escapeBetween
		}
	case s.state == escape || s.state == escapeBetween:
		s.toGround()
		if len(s.between) > 0 {
			s.designate(b)
		} else {
			s.escape(b)
		}
	case b >= '@':
		run := s.state == csi
		s.toGroundAfter(run, b)
	case s.state == csi && b < '<' && len(s.between) == 0:
		s.parameter(b)
	case s.state == csi && len(s.params) == 0 && s.prefix == 0 && len(s.between) == 0:
		s.prefix = b
	default:
		s.state = csiIgnore
	}
}

// toGroundAfter ends a CSI, and does what it says first: REP needs what was printed.
func (s *Screen) toGroundAfter(run bool, final byte) {
	s.state = ground
	if run {
		s.control2(final)
	}
	s.last = s.last[:0]
}

func (s *Screen) parameter(b byte) {
	if len(s.params) == 0 {
		s.params = append(s.params, param{value: -1})
	}
	if b == ';' || b == ':' {
		if len(s.params) < maxParams {
			s.params = append(s.params, param{value: -1, part: b == ':'})
		}
		return
	}
	p := &s.params[len(s.params)-1]
	p.value = min(max(p.value, 0)*10+int(b-'0'), maxValue)
}

// arg returns the parameter at i, or otherwise where that is missing or 0.
func (s *Screen) arg(i, otherwise int) int {
	if i < len(s.params) && s.params[i].value > 0 {
		return s.params[i].value
	}
	return otherwise
}

// endString ends an OSC, if that is what goes on.
func (s *Screen) endString(whole bool) {
	if s.state == oscString && whole {
		s.system(string(s.osc))
	}
}
