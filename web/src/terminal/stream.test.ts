import { describe, expect, test } from 'vitest'
import { ackEvery, TerminalStream } from './stream'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (chunks: { bytes: Uint8Array }[]) => chunks.map((c) => new TextDecoder().decode(c.bytes)).join('')

function attachedAt(offset: number, until = offset, epoch = 'e1'): TerminalStream {
  const stream = new TerminalStream()
  stream.attached({ type: 'attached', epoch, offset, until })
  return stream
}

describe('attach', () => {
  test('the first one needs no reset', () => {
    const stream = new TerminalStream()
    expect(stream.epoch).toBe('')
    expect(stream.attached({ type: 'attached', epoch: 'e1', offset: 0, until: 0 })).toEqual({ reset: false, lost: 0 })
    expect(stream.epoch).toBe('e1')
  })

  test('the same shell at our offset goes on', () => {
    const stream = attachedAt(0)
    stream.output(bytes('hello'))
    expect(stream.offset).toBe(5)
    expect(stream.attached({ type: 'attached', epoch: 'e1', offset: 5, until: 9 })).toEqual({ reset: false, lost: 0 })
    expect(text(stream.output(bytes(' you')))).toBe(' you')
    expect(stream.offset).toBe(9)
  })

  test('another shell clears the screen and counts anew', () => {
    const stream = attachedAt(0)
    stream.output(bytes('hello'))
    expect(stream.attached({ type: 'attached', epoch: 'e2', offset: 0, until: 2 })).toEqual({ reset: true, lost: 0 })
    expect(stream.offset).toBe(0)
    expect(text(stream.output(bytes('$ ')))).toBe('$ ')
  })

  test('lost bytes clear the screen, and are told', () => {
    const stream = attachedAt(0)
    stream.output(bytes('hello'))
    const got = stream.attached({ type: 'attached', epoch: 'e1', offset: 1000, until: 1010, lost: 995 })
    expect(got).toEqual({ reset: true, lost: 995 })
    expect(stream.offset).toBe(1000)
  })

  test('a hole that was not announced clears the screen too', () => {
    const stream = attachedAt(0)
    expect(stream.attached({ type: 'attached', epoch: 'e1', offset: 10, until: 10 }).reset).toBe(true)
  })

  test('bytes that come again are shown once', () => {
    const stream = attachedAt(0)
    stream.output(bytes('hello'))
    expect(stream.attached({ type: 'attached', epoch: 'e1', offset: 2, until: 8 }).reset).toBe(false)
    expect(text(stream.output(bytes('ll')))).toBe('')
    expect(text(stream.output(bytes('o wo')))).toBe(' wo')
    expect(text(stream.output(bytes('rld')))).toBe('rld')
    expect(stream.offset).toBe(11)
  })

  test('forget starts from nothing', () => {
    const stream = attachedAt(0)
    stream.output(bytes('hello'))
    stream.forget()
    expect([stream.epoch, stream.offset]).toEqual(['', 0])
    expect(stream.attached({ type: 'attached', epoch: 'e1', offset: 0, until: 5 }).reset).toBe(false)
  })
})

describe('replay', () => {
  test('a message across the border is cut there', () => {
    const stream = attachedAt(0, 3)
    const got = stream.output(bytes('abcdef'))
    expect(got.map((c) => [new TextDecoder().decode(c.bytes), c.silent])).toEqual([
      ['abc', true],
      ['def', false],
    ])
  })

  test('it lasts until its last byte is on the screen', () => {
    const stream = attachedAt(0, 3)
    expect(stream.silent).toBe(true) // not here yet
    stream.output(bytes('abc'))
    expect(stream.silent).toBe(true) // here, not shown
    stream.wrote('e1', 3)
    expect(stream.silent).toBe(false)
  })

  test('a fresh shell has none', () => {
    expect(attachedAt(0, 0).silent).toBe(false)
  })
})

describe('of two views', () => {
  const attached = (muted: boolean) => {
    const stream = new TerminalStream()
    stream.attached({ type: 'attached', epoch: 'e1', offset: 0, until: 0, muted })
    return stream
  }

  test('one answers each byte, and they change at an offset', () => {
    const first = attached(false)
    const second = attached(true)
    const answered = ['', '']
    const output = (part: string) =>
      [first, second].forEach((stream, i) => {
        for (const chunk of stream.output(bytes(part))) {
          expect(stream.silent).toBe(chunk.silent)
          if (!chunk.silent) answered[i] += text([chunk])
          stream.wrote('e1', chunk.bytes.length)
        }
      })
    output('ab')
    // Told before the bytes from there on, and ahead of what is still on its way.
    first.mute(true, 4)
    second.mute(false, 4)
    output('cdef')
    first.mute(false, 6)
    second.mute(true, 6)
    output('gh')
    expect(answered).toEqual(['abcdgh', 'ef'])
  })

  test('a view that goes on answering is told its size alone', () => {
    const stream = attached(false)
    stream.output(bytes('ab'))
    stream.mute(false, 0)
    stream.wrote('e1', 2)
    expect(stream.silent).toBe(false)
  })
})

describe('acknowledge', () => {
  test('about every 64 KiB, by absolute offset', () => {
    const stream = attachedAt(1000)
    const message = new Uint8Array(40 << 10)
    const acks: number[] = []
    for (let i = 0; i < 4; i++) {
      stream.output(message)
      const ack = stream.wrote('e1', message.length)
      if (ack !== null) acks.push(ack)
    }
    expect(acks).toEqual([1000 + (80 << 10), 1000 + (160 << 10)])
  })

  test('never for bytes that are not on the screen', () => {
    const stream = attachedAt(0)
    stream.output(new Uint8Array(ackEvery * 4))
    expect(stream.wrote('e1', 10)).toBeNull()
  })

  test('not for a screen that was cleared since', () => {
    const stream = attachedAt(0)
    stream.output(new Uint8Array(ackEvery))
    stream.attached({ type: 'attached', epoch: 'e2', offset: 0, until: 0 })
    expect(stream.wrote('e1', ackEvery)).toBeNull()
  })

  test('a reconnect counts what the old connection showed', () => {
    const stream = attachedAt(0)
    stream.output(new Uint8Array(ackEvery))
    stream.attached({ type: 'attached', epoch: 'e1', offset: ackEvery, until: ackEvery })
    // Still being written when the new connection came: shown, but nothing to acknowledge.
    expect(stream.wrote('e1', ackEvery)).toBeNull()
    stream.output(new Uint8Array(ackEvery))
    expect(stream.wrote('e1', ackEvery)).toBe(ackEvery * 2)
  })
})

test('100 reconnects at random places lose and double no byte', () => {
  const shell = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
  let seed = 42
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n
  const stream = new TerminalStream()
  const screen: number[] = []
  for (let i = 0; i < 100; i++) {
    // The server may send from anywhere at or before what was asked for.
    let at = Math.max(0, stream.offset - (i % 3 === 0 ? random(200) : 0))
    stream.attached({ type: 'attached', epoch: 'e1', offset: at, until: at + random(400) })
    const stop = i === 99 ? shell.length : Math.min(shell.length, at + random(900))
    while (at < stop) {
      const next = Math.min(stop, at + 1 + random(300))
      for (const chunk of stream.output(shell.subarray(at, next))) {
        screen.push(...chunk.bytes)
        stream.wrote('e1', chunk.bytes.length)
      }
      at = next
    }
  }
  expect(Uint8Array.from(screen)).toEqual(shell)
})
