/**
 * Cuts output into pieces that end behind a whole character: xterm.js 6.0.0 forgets a
 * character of three or four bytes when a write ends behind one of its inner bytes that is
 * 0x80, as in "—" and "…". What comes after is kept for the next piece, at most three bytes.
 */
export class WholeCharacters {
  private rest = new Uint8Array(0)

  /** Takes the next bytes, and returns those that can be written. */
  take(bytes: Uint8Array): Uint8Array {
    let all = bytes
    if (this.rest.length > 0) {
      all = new Uint8Array(this.rest.length + bytes.length)
      all.set(this.rest)
      all.set(bytes, this.rest.length)
    }
    const end = wholeUntil(all)
    this.rest = all.slice(end)
    return all.subarray(0, end)
  }

  /** Forgets what is kept: another shell's output follows. */
  reset(): void {
    this.rest = new Uint8Array(0)
  }
}

/** How many bytes come before a last character of UTF-8 that is cut; all of them where none is. */
function wholeUntil(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) break
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
