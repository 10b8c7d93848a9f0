import { Terminal } from '@xterm/headless'
import { expect, test } from 'vitest'
import { WholeCharacters } from './whole'

const text = 'a—b…c é 日本 🚀👩‍👩‍👧 \u2028end'

async function shown(pieces: Uint8Array[]): Promise<string> {
  const terminal = new Terminal({ cols: 80, rows: 5, allowProposedApi: true })
  for (const piece of pieces) await new Promise<void>((done) => terminal.write(piece, done))
  const line = terminal.buffer.active.getLine(0)?.translateToString(true) ?? ''
  terminal.dispose()
  return line
}

test('output that is cut anywhere shows every character', async () => {
  const bytes = new TextEncoder().encode(text)
  const want = await shown([bytes])
  for (let first = 0; first <= bytes.length; first++) {
    for (const second of [first, first + 1, first + 2, bytes.length]) {
      const whole = new WholeCharacters()
      const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].map((piece) => whole.take(piece))
      expect(await shown(pieces), `cut at ${first} and ${second}`).toBe(want)
    }
  }
})

test('what is no UTF-8 is not kept for ever', () => {
  const whole = new WholeCharacters()
  const take = (...bytes: number[]) => [...whole.take(Uint8Array.from(bytes))]
  expect(take(0x80, 0x80, 0x80, 0x80)).toEqual([0x80, 0x80, 0x80, 0x80])
  expect(take(0xe2)).toEqual([])
  expect(take(0x41)).toEqual([0xe2, 0x41])
  expect(take(0xf0, 0x9f)).toEqual([])
  whole.reset()
  expect(take(0x42)).toEqual([0x42])
})
