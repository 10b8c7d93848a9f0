package terminal

import (
	"slices"

	"wheelhouse/labs/terminal/screen"
)

// past is what a terminal's screen was at an offset of its output: of the oldest byte
// that the ring holds. It is nil while the ring holds everything. A viewer who missed
// more gets that screen first, and what the ring holds then fits on it.
type past struct {
	screen *screen.Screen
	offset int64
	sizes  []sizeAt // of the terminal, from which offset on; the first may lie before offset
}

type sizeAt struct {
	offset     int64
	cols, rows int
}

// maxSizes are the sizes that are remembered. Windows that change theirs without end
// make the oldest ones go.
const maxSizes = 256

// resized notes the size of output from offset on.
func (p *past) resized(offset int64, cols, rows int) {
	if last := len(p.sizes) - 1; last >= 0 && p.sizes[last].offset == offset {
		p.sizes = p.sizes[:last]
	}
	if len(p.sizes) >= maxSizes {
		p.sizes = append(p.sizes[:1], p.sizes[2:]...)
	}
	p.sizes = append(p.sizes, sizeAt{offset, cols, rows})
}

// follow takes what the ring holds up to before offset, which it is about to drop. It
// takes a millisecond for 64 KiB at most times, and nothing while the ring is not full.
func (p *past) follow(r *ring, offset int64) {
	if offset <= p.offset {
		return
	}
	if p.screen == nil {
		p.screen = screen.New(p.sizes[0].cols, p.sizes[0].rows)
	}
	for p.offset < offset {
		for len(p.sizes) > 1 && p.sizes[1].offset <= p.offset {
			p.sizes = p.sizes[1:]
			p.screen.Resize(p.sizes[0].cols, p.sizes[0].rows)
		}
		until := offset
		if len(p.sizes) > 1 {
			until = min(until, p.sizes[1].offset)
		}
		for _, part := range r.parts(p.offset, until) {
			p.screen.Write(part)
		}
		p.offset = until
	}
}

// restore returns output that brings a fresh screen of the terminal's size to what it
// was at the offset at, which is not before oldest and leaves as much room before it as
// that output is long: it counts as the bytes before at. It returns no output where that
// would take more than half of the ring, as no program's screen does.
func (p *past) restore(r *ring, oldest int64, cols, rows int) (output []byte, at int64) {
	if p.screen == nil {
		return nil, oldest
	}
	now := &past{screen: screen.New(p.sizes[0].cols, p.sizes[0].rows), offset: p.offset, sizes: slices.Clone(p.sizes)}
	now.screen.Write(p.screen.Restore())
	now.follow(r, oldest)
	for {
		now.screen.Resize(cols, rows)
		output = now.screen.Restore()
		room := int64(len(output))
		switch {
		case room > r.size/2:
			return nil, oldest
		case room <= now.offset:
			return output, now.offset
		}
		now.sizes = []sizeAt{{now.offset, cols, rows}}
		now.follow(r, min(r.end, room))
	}
}
