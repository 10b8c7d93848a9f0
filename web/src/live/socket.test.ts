import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LiveSocket, type SocketState } from './socket'

class Fake extends EventTarget {
  static readonly OPEN = 1
  static all: Fake[] = []
  static get last(): Fake {
    const last = Fake.all.at(-1)
    if (!last) throw new Error('no socket yet')
    return last
  }
  readyState = 0
  sent: unknown[] = []
  onopen?: () => void
  onmessage?: (event: { data: unknown }) => void
  onclose?: (event: { code: number }) => void
  constructor(readonly url: string) {
    super()
    Fake.all.push(this)
  }
  accept() {
    this.readyState = Fake.OPEN
    this.onopen?.()
  }
  break(code = 1006) {
    this.readyState = 3
    this.onclose?.({ code })
  }
  close() {
    this.break()
  }
  send(data: unknown) {
    this.sent.push(data)
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  Fake.all = []
  vi.stubGlobal('WebSocket', Fake)
  vi.stubGlobal('window', new EventTarget())
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
  vi.stubGlobal('location', { href: 'https://lab.example/labs/one' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function start(mayRetry: (code: number, opened: boolean) => Promise<boolean> = () => Promise.resolve(true)) {
  const states: SocketState[] = []
  const texts: string[] = []
  let asked = 0
  const socket = new LiveSocket({
    url: () => `/api/events?n=${asked++}`,
    onState: (state) => states.push(state),
    onText: (text) => texts.push(text),
    mayRetry,
  })
  socket.open()
  return { socket, states, texts }
}

test('it connects to our own origin, over TLS where the page is', () => {
  start()
  expect(Fake.last.url).toBe('wss://lab.example/api/events?n=0')
})

test('it comes back, with a fresh address', async () => {
  const { states, texts, socket } = start()
  Fake.last.accept()
  Fake.last.onmessage?.({ data: 'one' })
  socket.proven()
  Fake.last.break()
  await vi.advanceTimersByTimeAsync(400)
  expect(Fake.all).toHaveLength(2)
  expect(Fake.last.url).toContain('n=1')
  expect(states).toEqual(['connecting', 'open', 'waiting', 'connecting'])
  expect(texts).toEqual(['one'])
})

test('it says whether there had been a connection', async () => {
  const seen: boolean[] = []
  start((_code, opened) => {
    seen.push(opened)
    return Promise.resolve(true)
  })
  Fake.last.break()
  await vi.advanceTimersByTimeAsync(400)
  Fake.last.accept()
  Fake.last.break()
  expect(seen).toEqual([false, true])
})

test('it stops where the caller says so', async () => {
  const codes: number[] = []
  const { states } = start((code) => {
    codes.push(code)
    return Promise.resolve(false)
  })
  Fake.last.break(4401)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(codes).toEqual([4401])
  expect(Fake.all).toHaveLength(1)
  expect(states.at(-1)).toBe('closed')
})

test('the network coming back ends the wait', async () => {
  start()
  for (let i = 0; i < 6; i++) {
    Fake.last.break()
    await vi.advanceTimersByTimeAsync(8000)
  }
  const tries = Fake.all.length
  Fake.last.break()
  await vi.advanceTimersByTimeAsync(10)
  expect(Fake.all).toHaveLength(tries)
  window.dispatchEvent(new Event('online'))
  expect(Fake.all).toHaveLength(tries + 1)
})

test('nothing is sent while there is no connection', () => {
  const { socket } = start()
  expect(socket.send('early')).toBe(false)
  Fake.last.accept()
  expect(socket.send('now')).toBe(true)
  expect(Fake.last.sent).toEqual(['now'])
})

test('closed is closed', async () => {
  const { socket } = start()
  const first = Fake.last
  first.accept()
  socket.close()
  await vi.advanceTimersByTimeAsync(60_000)
  window.dispatchEvent(new Event('online'))
  expect(Fake.all).toHaveLength(1)
  expect(first.readyState).toBe(3)
})

test('a restart leaves the old connection behind', () => {
  const { socket, texts } = start()
  const first = Fake.last
  first.accept()
  socket.restart()
  expect(Fake.all).toHaveLength(2)
  first.onmessage?.({ data: 'late' })
  expect(texts).toEqual([])
})
