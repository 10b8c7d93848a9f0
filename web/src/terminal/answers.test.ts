import { Terminal } from '@xterm/headless'
import { expect, test } from 'vitest'
import { isAnswer } from './answers'

// Everything here makes an emulator want to say something.
const queries: Record<string, string> = {
  'primary attributes': '\x1b[c',
  'primary attributes, by 0': '\x1b[0c',
  'secondary attributes': '\x1b[>c',
  'tertiary attributes': '\x1b[=c',
  identity: '\x1bZ',
  status: '\x1b[5n',
  'cursor position': '\x1b[6n',
  'private cursor position': '\x1b[?6n',
  'DEC status': '\x1b[?15n\x1b[?25n\x1b[?26n\x1b[?53n\x1b[?996n',
  'mode report': '\x1b[4$p\x1b[?2004$p\x1b[?25$p',
  'setting report': '\x1bP$qm\x1b\\\x1bP$qr\x1b\\\x1bP$q q\x1b\\\x1bP$q"p\x1b\\',
  'capability report': '\x1bP+q544e\x1b\\',
  'window reports': '\x1b[14t\x1b[16t\x1b[18t\x1b[19t\x1b[20t\x1b[21t',
  colours: '\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x1b\\',
  'clipboard read': '\x1b]52;c;?\x07',
  'focus reports on': '\x1b[?1004h',
  'keyboard protocol': '\x1b[?u\x1b[>1u',
  version: '\x1b[>q',
  'title with a command': '\x1b]0;rm -rf /\x07\x1b[21t',
}

test.each(Object.entries(queries))('%s: what the emulator answers is known as an answer', async (_, query) => {
  const terminal = new Terminal({ allowProposedApi: true, windowOptions: { getWinSizeChars: true, getCellSizePixels: true } })
  const said: string[] = []
  terminal.onData((data) => said.push(data))
  terminal.onBinary((data) => said.push(data))
  await new Promise<void>((done) => terminal.write(query, done))
  terminal.dispose()
  expect(said.filter((data) => !isAnswer(data))).toEqual([])
})

test('the emulator does answer', async () => {
  const terminal = new Terminal({ allowProposedApi: true })
  const said: string[] = []
  terminal.onData((data) => said.push(data))
  await new Promise<void>((done) => terminal.write('\x1b[c\x1b[6n\x1b[5n', done))
  terminal.dispose()
  expect(said).toHaveLength(3)
})

test.each([
  ['a letter', 'a'],
  ['a line', 'kubectl get pods\r'],
  ['Ctrl-C', '\x03'],
  ['Escape', '\x1b'],
  ['up', '\x1b[A'],
  ['up, application', '\x1bOA'],
  ['Ctrl-right', '\x1b[1;5C'],
  ['Home', '\x1b[H'],
  ['Delete', '\x1b[3~'],
  ['F5', '\x1b[15~'],
  ['Alt-[', '\x1b['],
  ['Alt-]', '\x1b]'],
  ['Alt-Shift-P', '\x1bP'],
  ['Shift-Tab', '\x1b[Z'],
  ['a bracketed paste', '\x1b[200~ls\x1b[201~'],
  ['a mouse report', '\x1b[<0;10;5M'],
])('%s is not an answer', (_, data) => {
  expect(isAnswer(data)).toBe(false)
})
