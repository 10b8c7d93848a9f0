package terminal

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

// parts returns what the ring holds from offset from to before to, in order.
func (r *ring) parts(from, to int64) [2][]byte {
	size := int64(len(r.buf))
	at, n := from%size, to-from
	first := min(n, size-at)
	return [2][]byte{r.buf[at : at+first], r.buf[:n-first]}
}

// copyFrom copies what the ring holds from offset on to dst and returns how much
// that was. The caller sees to it that start <= offset <= end.
func (r *ring) copyFrom(dst []byte, offset int64) int {
	dst = dst[:min(int64(len(dst)), r.end-offset)]
	at := offset % int64(len(r.buf))
	n := copy(dst, r.buf[at:])
	return n + copy(dst[n:], r.buf)
}
