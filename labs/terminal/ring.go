package terminal

import (
	"bytes"
	"unicode/utf8"
)

// chunk is the most that is read from a pseudo-terminal at once.
const chunk = 64 << 10

// ring holds the last size bytes of a stream. Offsets count from the stream's
// first byte and never wrap. It does no locking: free may be filled while
// others read, because it lies outside of what the ring holds.
type ring struct {
	buf  []byte // size + chunk bytes
	size int64
	end  int64 // offset after the last byte
}

func newRing(size int) ring {
	return ring{buf: make([]byte, size+chunk), size: int64(size)}
}

// start is the offset of the oldest byte that the ring holds.
func (r *ring) start() int64 { return max(0, r.end-r.size) }

// free returns the room for what comes after end, at most limit bytes; commit
// makes the first n bytes of it part of the ring.
func (r *ring) free(limit int64) []byte {
	at := r.end % int64(len(r.buf))
	return r.buf[at:min(int64(len(r.buf)), at+min(limit, chunk))]
}

func (r *ring) commit(n int) { r.end += int64(n) }

// copyFrom copies what the ring holds from offset on to dst and returns how much
// that was. The caller sees to it that start <= offset <= end.
func (r *ring) copyFrom(dst []byte, offset int64) int {
	dst = dst[:min(int64(len(dst)), r.end-offset)]
	at := offset % int64(len(r.buf))
	n := copy(dst, r.buf[at:])
	return n + copy(dst[n:], r.buf)
}

// resume returns a good offset at or after offset for someone who lost what was
// before it: after the next line's end where that is near, otherwise at least
// not within a UTF-8 sequence.
func (r *ring) resume(offset int64) int64 {
	if offset == 0 {
		return 0
	}
	var near [4 << 10]byte
	head := near[:r.copyFrom(near[:], offset)]
	if line := bytes.IndexByte(head, '\n'); line >= 0 {
		return offset + int64(line) + 1
	}
	for i := range min(len(head), utf8.UTFMax) {
		if utf8.RuneStart(head[i]) {
			return offset + int64(i)
		}
	}
	return offset
}
