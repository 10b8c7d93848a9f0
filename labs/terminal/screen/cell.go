package screen

// cell is one place on the screen. The zero cell is empty, one column wide.
type cell struct {
	text  rune // 0 is empty; above utf8.MaxRune a cluster: see Screen.clusters
	width cellWidth
	style style
}

type cellWidth int8

const (
	narrow cellWidth = iota
	wide             // with a second half to its right
	none             // the second half of a wide one, or a combining character without a base
)

func widthOf(columns int) cellWidth { return [...]cellWidth{none, narrow, wide}[columns] }

// style is how characters look, as SGR sets it.
type style struct {
	fg, bg, ul colour
	attributes attribute
	underline  uint8 // 1 to 5: single, double, curly, dotted, dashed
}

// erased is the style of what is erased while s is in force.
func (s style) erased() style { return style{bg: s.bg} }

type attribute uint8

const (
	bold attribute = 1 << iota
	dim
	italic
	blink
	inverse
	invisible
	strikethrough
	overline
)

// attributeCodes are the SGR codes that switch an attribute on and off.
var attributeCodes = []struct {
	attribute attribute
	on, off   int
}{
	{bold, 1, 22}, {dim, 2, 22}, {italic, 3, 23}, {blink, 5, 25},
	{inverse, 7, 27}, {invisible, 8, 28}, {strikethrough, 9, 29}, {overline, 53, 55},
}

// colour is 0 for the default, otherwise its kind and its number or RGB.
type colour uint32

const (
	sixteen     colour = (iota + 1) << 24 // 0 to 15, with codes of their own
	palette                               // 0 to 255
	rgb                                   // 0xRRGGBB
	colourValue = 1<<24 - 1
)

// line is one row of the screen.
type line struct {
	cells   []cell // nil while all of them are empty
	wrapped bool   // it goes on where the line above ended
}

func (l *line) at(x int) cell {
	if x < len(l.cells) {
		return l.cells[x]
	}
	return cell{}
}

// own returns the line's cells to write to.
func (l *line) own(columns int) []cell {
	if l.cells == nil {
		l.cells = make([]cell, columns)
	}
	return l.cells
}

// fill makes the cells from start to before end empty, in the style with.
func (l *line) fill(columns, start, end int, with style) {
	end = min(end, columns)
	if start >= end || l.cells == nil && with == (style{}) {
		return
	}
	cells := l.own(columns)
	if start > 0 && cells[start-1].width == wide {
		cells[start-1] = cell{style: with}
	}
	if end < columns && cells[end-1].width == wide {
		cells[end] = cell{style: with}
	}
	for x := start; x < end; x++ {
		cells[x] = cell{style: with}
	}
}

// insert moves the cells from x on n places to the right.
func (l *line) insert(columns, x, n int, with style) {
	cells := l.own(columns)
	if x > 0 && cells[x-1].width == wide {
		cells[x-1] = cell{style: with}
	}
	n = min(n, columns-x)
	copy(cells[x+n:], cells[x:])
	for i := range n {
		cells[x+i] = cell{style: with}
	}
	if x+n < columns && cells[x+n].width == none && cells[x+n].text == 0 {
		cells[x+n] = cell{style: cells[x+n].style} // its first half is gone
	}
	if cells[columns-1].width == wide {
		cells[columns-1] = cell{style: with}
	}
}

// remove moves what is n places to the right of x to x.
func (l *line) remove(columns, x, n int, with style) {
	cells := l.own(columns)
	n = min(n, columns-x)
	copy(cells[x:], cells[x+n:])
	for i := columns - n; i < columns; i++ {
		cells[i] = cell{style: with}
	}
	if x > 0 && cells[x-1].width == wide {
		cells[x-1] = cell{style: with}
	}
	if cells[x].width == none && cells[x].text == 0 {
		cells[x] = cell{style: with}
	}
}
