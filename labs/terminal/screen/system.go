package screen

import "strings"

// system does what an OSC says. Links (OSC 8) stay text.
func (s *Screen) system(text string) {
	code, rest, _ := strings.Cut(text, ";")
	switch code {
	case "0", "2":
		s.title, s.titled = []byte(rest), true
	case "4":
		parts := strings.Split(rest, ";")
		for i := 0; i+1 < len(parts); i += 2 {
			s.setColour("4;"+parts[i], parts[i+1])
		}
	case "10", "11", "12":
		s.setColour(code, rest)
	case "110", "111", "112":
		delete(s.colours, code[1:])
	case "104":
		for key := range s.colours {
			if number, indexed := strings.CutPrefix(key, "4;"); indexed && (rest == "" || strings.Contains(";"+rest+";", ";"+number+";")) {
				delete(s.colours, key)
			}
		}
	}
}

// setColour keeps a colour. A question is none.
func (s *Screen) setColour(key, value string) {
	if value == "?" || len(key)+len(value) > 64 {
		return
	}
	if s.colours == nil {
		s.colours = map[string]string{}
	}
	if _, known := s.colours[key]; known || len(s.colours) < maxColours {
		s.colours[key] = value
	}
}
