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
