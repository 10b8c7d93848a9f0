package screen

import (
	"strconv"
)

// setStyle does what SGR says.
func (s *Screen) setStyle() {
	if len(s.params) == 0 {
		s.style = style{}
	}
	for i := 0; i < len(s.params); i++ {
		if s.params[i].part {
			continue
		}
		switch code := s.arg(i, 0); {
		case code == 38 || code == 48 || code == 58:
			i += s.extendedColour(code, s.params[i+1:])
		case code == 4:
			s.style.underline = 1
			if i+1 < len(s.params) && s.params[i+1].part {
				if s.style.underline = uint8(min(max(s.params[i+1].value, 0), 6)); s.style.underline > 5 {
					s.style.underline = 1
				}
			}
		default:
			s.setSimple(code)
		}
	}
}

func (s *Screen) setSimple(code int) {
	for _, a := range attributeCodes {
		switch code {
		case a.on:
			s.style.attributes |= a.attribute
		case a.off:
			s.style.attributes &^= a.attribute
		}
	}
	switch {
	case code == 0:
		s.style = style{}
	case code == 21:
		s.style.underline = 2
	case code == 24:
		s.style.underline = 0
	case code >= 30 && code <= 37:
		s.style.fg = sixteen | colour(code-30)
	case code >= 90 && code <= 97:
		s.style.fg = sixteen | colour(code-90+8)
	case code >= 40 && code <= 47:
		s.style.bg = sixteen | colour(code-40)
	case code >= 100 && code <= 107:
		s.style.bg = sixteen | colour(code-100+8)
	case code == 39:
		s.style.fg = 0
	case code == 49:
		s.style.bg = 0
	case code == 59:
		s.style.ul = 0
	}
}

// extendedColour sets a colour from the parameters after 38, 48 or 58, and returns how
// many of them those are. They come with semicolons or with colons, and with colons an
// RGB colour may name its space.
func (s *Screen) extendedColour(code int, params []param) (used int) {
	if len(params) == 0 {
		return 0
	}
	values := func(n int) []int {
		all := make([]int, n)
		for i := range min(n, len(params)) {
			all[i] = max(0, params[i].value)
		}
		return all
	}
	parts := 0
	for parts < len(params) && params[parts].part {
		parts++
	}
	var set colour
	switch kind := max(0, params[0].value); {
	case kind == 5:
		used = 2
		set = palette | colour(values(2)[1]&0xff)
	case kind == 2 && parts >= 5:
		all := values(5)
		set = rgb | rgbOf(all[2], all[3], all[4])
	case kind == 2:
		used = 4
		all := values(4)
		set = rgb | rgbOf(all[1], all[2], all[3])
	default:
		return parts
	}
	switch code {
	case 38:
		s.style.fg = set
	case 48:
		s.style.bg = set
	case 58:
		s.style.ul = set
	}
	if parts > 0 {
		used = parts
	}
	return min(used, len(params))
}

func rgbOf(r, g, b int) colour {
	return colour(r&0xff)<<16 | colour(g&0xff)<<8 | colour(b&0xff)
}

// appendSGR appends the sequence that sets the style s, whatever was in force.
func (s style) appendSGR(out []byte) []byte {
	out = append(out, "\x1b[0"...)
	for _, a := range attributeCodes {
		if s.attributes&a.attribute != 0 {
			out = appendCode(out, a.on)
		}
	}
	if s.underline > 0 {
		out = append(out, ";4:"...)
		out = strconv.AppendInt(out, int64(s.underline), 10)
	}
	out = s.fg.append(out, 30, 90, 38)
	out = s.bg.append(out, 40, 100, 48)
	out = s.ul.append(out, -1, -1, 58)
	return append(out, 'm')
}

func appendCode(out []byte, code int) []byte {
	return strconv.AppendInt(append(out, ';'), int64(code), 10)
}

func (c colour) append(out []byte, dark, bright, extended int) []byte {
	value := int(c & colourValue)
	switch c &^ colourValue {
	case sixteen:
		if value < 8 {
			return appendCode(out, dark+value)
		}
		return appendCode(out, bright+value-8)
	case palette:
		return appendCode(appendCode(appendCode(out, extended), 5), value)
	case rgb:
		out = appendCode(appendCode(out, extended), 2)
		return appendCode(appendCode(appendCode(out, value>>16), value>>8&0xff), value&0xff)
	}
	return out
}
