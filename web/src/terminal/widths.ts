import type { IUnicodeVersionProvider, Terminal } from '@xterm/xterm'
import widths from './widths.json'

/** What the terminal counts columns by, once useWidths has been called. */
export const workstation = 'workstation'

/**
 * Lets a terminal count columns as the workstation's shell does: by wcwidth of its C
 * library, one code point after the other. The emulator's own tables know fewer
 * characters, and those of whole graphemes count a family as two columns where the
 * shell counts six: the cursor would be elsewhere than the shell thinks it is.
 */
export function useWidths(terminal: Pick<Terminal, 'unicode'>): void {
  terminal.unicode.register(provider)
  terminal.unicode.activeVersion = workstation
}

function wcwidth(codepoint: number): 0 | 1 | 2 {
  if (codepoint < 0x300) return 1
  if (within(widths.zero, codepoint)) return 0
  return within(widths.wide, codepoint) ? 2 : 1
}

/** Whether a number is in one of the ranges, which are sorted. */
function within(ranges: number[][], wanted: number): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const [first = 0, last = 0] = ranges[middle] ?? []
    if (wanted < first) high = middle - 1
    else if (wanted > last) low = middle + 1
    else return true
  }
  return false
}

const provider: IUnicodeVersionProvider = {
  version: workstation,
  wcwidth,
  /** As xterm.js packs it: the width from bit 1 on, and in bit 0 whether it joins the character before. */
  charProperties(codepoint, preceding) {
    const width = wcwidth(codepoint)
    const before = (preceding >> 1) & 3
    return width === 0 && before > 0 ? (before << 1) | 1 : width << 1
  },
}
