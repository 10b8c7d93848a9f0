import { describe, expect, test } from 'vitest'
import { keepAtMost, TerminalInput } from './input'
import type { Control } from './protocol'

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text))
const text = (messages: Uint8Array[]) => messages.map((m) => new TextDecoder().decode(m)).join('|')

function attached(input: TerminalInput, typed: number, epoch = 'e1'): Control {
  return { type: 'attached', epoch, source: input.source, typed }
}

describe('input', () => {
  test('every page has a source of its own', () => {
    const [one, two] = [new TerminalInput().source, new TerminalInput().source]
    expect(one).toMatch(/^[0-9a-f]{16}$/)
    expect(two).not.toBe(one)
  })

  test('what was typed before the first connection is sent on it', () => {
    const input = new TerminalInput()
    input.keep([bytes('ls')], false)
    expect(text(input.attached(attached(input, 0)))).toBe('ls')
  })

  test('what the shell has not taken is sent again, and only that', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    for (const key of ['l', 's', '\r']) input.keep([bytes(key)], true)
    expect(text(input.attached(attached(input, 2)))).toBe('\r')
    input.keep([bytes('pwd')], false)
    expect(text(input.attached(attached(input, 4)))).toBe('wd')
    expect(text(input.attached(attached(input, 6)))).toBe('')
  })

  test('what is taken is kept no longer', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    for (let i = 0; i < 1000; i++) input.keep([bytes('0123456789')], true)
    input.taken(9_995)
    expect(text(input.attached(attached(input, 9_995)))).toBe('56789')
  })

  test('another shell gets nothing of it', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    input.keep([bytes('rm x')], true)
    expect(input.attached(attached(input, 0, 'e2'))).toEqual([])
    input.keep([bytes('ls')], true)
    expect(text(input.attached(attached(input, 1, 'e2')))).toBe('s')
  })

  test('a shell that has forgotten the page counts anew', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    input.keep([bytes('abc')], true)
    input.taken(3)
    input.keep([bytes('de')], true)
    expect(text(input.attached(attached(input, 0)))).toBe('de')
    expect(text(input.attached(attached(input, 1)))).toBe('e')
  })

  test('a shell that counts nothing gets what was typed without a connection, once', () => {
    const input = new TerminalInput()
    input.attached({ type: 'attached', epoch: 'e1' })
    input.keep([bytes('sent')], true)
    input.keep([bytes('kept')], false)
    expect(text(input.attached({ type: 'attached', epoch: 'e1' }))).toBe('kept')
    expect(input.attached({ type: 'attached', epoch: 'e1' })).toEqual([])
  })

  test('what is refused does not come again', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    input.keep([bytes('much')], true)
    input.forget()
    expect(input.attached(attached(input, 1))).toEqual([])
    input.keep([bytes('ls')], true)
    expect(text(input.attached(attached(input, 2)))).toBe('s')
  })

  test('what does not fit is refused as a whole, and leaves no hole', () => {
    const input = new TerminalInput()
    const paste = [bytes('a'.repeat(keepAtMost - 10)), bytes('b'.repeat(20)), bytes('c')]
    expect(input.keep(paste, false)).toBe(false)
    expect(input.keep([bytes('ls')], false)).toBe(true)
    expect(text(input.attached(attached(input, 0)))).toBe('ls')
  })

  test('without a connection there is an end to what is kept', () => {
    const input = new TerminalInput()
    expect(input.keep([new Uint8Array(keepAtMost)], false)).toBe(true)
    expect(input.keep([bytes('x')], false)).toBe(false)
    expect(input.attached(attached(input, 0))).toHaveLength(1)
  })

  test('with a connection all of a large paste is kept, and sent again after a break', () => {
    const input = new TerminalInput()
    input.attached(attached(input, 0))
    const paste = Array.from({ length: 10 }, () => new Uint8Array(16 << 10))
    expect(input.keep(paste, true)).toBe(true)
    expect(input.attached(attached(input, 0)).reduce((sum, message) => sum + message.length, 0)).toBe(160 << 10)
  })
})
