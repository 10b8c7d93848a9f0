package screen

import (
	"fmt"
	"strings"
)

// Describe writes down all that a screen shows and keeps. A space and an empty cell
// look the same.
func (s *Screen) Describe() string {
	var out strings.Builder
	for i, b := range []*buffer{&s.normal, &s.alt} {
		name := [...]string{"normal", "alternate"}[i]
		if b != s.active && b == &s.alt {
			fmt.Fprintf(&out, "%s saved %v\n", name, b.saved)
			continue
		}
		fmt.Fprintf(&out, "%s scrolls %d-%d tabs %v saved %v\n", name, b.top, b.bottom, b.tabs, b.saved)
		for y := range b.lines {
			fmt.Fprintf(&out, "%s %d:", name, y)
			for x := range s.cols {
				c := b.lines[y].at(x)
				text := " "
				if c.text != 0 {
					text = s.text(c)
				}
				fmt.Fprintf(&out, " %q%d", text, c.width)
				if c.style != (style{}) {
					fmt.Fprintf(&out, "%v", c.style)
				}
			}
			out.WriteString("\n")
		}
	}
	fmt.Fprintf(&out, "alternate %v cursor %d,%d style %v charset %c of %q in %d\n", s.active == &s.alt, s.active.x, s.active.y, s.style, s.charset, s.charsets, s.gl)
	fmt.Fprintf(&out, "modes %+v title %q colours %v\n", s.modes, s.title, s.colours)
	return out.String()
}

// Clusters is how many characters with combining ones are kept.
func (s *Screen) Clusters() int { return len(s.clusters) }

// NoWrap reports whether output stops at the end of a row.
func (s *Screen) NoWrap() bool { return s.modes.noWrap }

// Cursor is where the cursor is.
func (s *Screen) Cursor() (x, y int) { return s.active.x, s.active.y }

// RestoresCharset reports whether the cursor that output restores has another charset
// than the one that was designated last, and RestoresUnderline the same of its underline.
func (s *Screen) RestoresCharset(output string) bool {
	saved := s.savedFor(output)
	return saved != nil && saved.charset != s.charsets[s.gl]
}

func (s *Screen) RestoresUnderline(output string) bool {
	saved := s.savedFor(output)
	return saved != nil && (saved.style.underline != s.style.underline || saved.style.ul != s.style.ul)
}

func (s *Screen) savedFor(output string) *cursor {
	switch output {
	case "\x1b8", "\x1b[u", "\x1b[?1048l":
		return &s.active.saved
	case "\x1b[?1049l":
		return &s.normal.saved
	}
	return nil
}
