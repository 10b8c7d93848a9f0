import { Terminal } from '@xterm/headless'
import { expect, test } from 'vitest'
import { useWidths } from './widths'

// What bash 5.2 of Debian 12 sends when these are typed and the key before them is
// pressed: as many steps back as it counts columns. TestShellWidths in labs/terminal asks
// a shell again.
const columns: Record<string, number> = {
  'a': 1,
  'é': 1,
  'e\u0301': 1,
  '漢': 2,
  'ｱ': 1,
  '👍🏽': 4,
  '👩‍👩‍👧': 6,
  '🇩🇪': 2,
  '❤️': 1,
  '🥲': 2, // newer than the tables of the emulator's add-on
}

test.each(Object.entries(columns))('%s takes %d columns, and what follows is behind it', async (text, width) => {
  const terminal = new Terminal({ allowProposedApi: true, cols: 20, rows: 2 })
  useWidths(terminal)
  await new Promise<void>((done) => terminal.write(text, done))
  expect(terminal.buffer.active.cursorX).toBe(width)
  // The shell deletes: back by what it counts, and to the line's end.
  await new Promise<void>((done) => terminal.write('x' + '\b'.repeat(width + 1) + '\x1b[K', done))
  expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe('')
})
