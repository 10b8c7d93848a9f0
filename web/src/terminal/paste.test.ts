import { describe, expect, test } from 'vitest'
import { inputMessages, runInput } from './paste'

describe('runInput', () => {
  test.each([
    ['one line', 'kubectl get pods\n', true, 'kubectl get pods\r'],
    ['one line, no bracket', 'ls', false, 'ls\r'],
    ['lines in a bracket', 'a\nb\n', true, '\x1b[200~a\rb\x1b[201~\r'],
    ['lines without', 'a\r\nb', false, 'a\rb\r'],
    ['nothing', ' \n', true, ''],
    ['an escape that would end the bracket', 'a\x1b[201~;rm\nb', true, '\x1b[200~a[201~;rm\rb\x1b[201~\r'],
    ['Ctrl-C and the like', 'a\x03\x04b', false, 'ab\r'],
    ['tabs stay', 'a\tb', false, 'a\tb\r'],
    ['a here-document that shows a prompt', 'cat <<E\n$ x\nE', true, '\x1b[200~cat <<E\r$ x\rE\x1b[201~\r'],
    ['indented here-document', 'cat <<E\n  x\nE', true, '\x1b[200~cat <<E\r  x\rE\x1b[201~\r'],
  ])('%s', (_, command, bracketed, want) => {
    expect(runInput(command, bracketed)).toBe(want)
  })
})

test('inputMessages cuts without loss, also inside a character', () => {
  const text = 'ä'.repeat(20_000)
  const messages = [...inputMessages(text)]
  expect(Math.max(...messages.map((m) => m.length))).toBe(16 << 10)
  const whole = new Uint8Array(messages.flatMap((m) => [...m]))
  expect(new TextDecoder().decode(whole)).toBe(text)
})
