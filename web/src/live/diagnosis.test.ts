import { afterEach, expect, test, vi } from 'vitest'
import { Client } from '../api/client'
import { ApiError } from '../api/error'
import { Diagnosis, refusalsBefore, trySocket, type Cause } from './diagnosis'

const problem = (status: number, code: string, detail: string) =>
  new Response(JSON.stringify({ status, code, detail }), { status, headers: { 'Content-Type': 'application/problem+json' } })

/** A page whose probes meet the given answer and socket. */
function page({ answer = () => new Response(null, { status: 204 }), socket = false }: { answer?: () => Response; socket?: boolean } = {}) {
  const causes: Cause[] = []
  const asked: string[] = []
  let last = ''
  const client = new Client((url, init) => {
    asked.push(`${init?.method ?? 'GET'} ${url}`)
    try {
      return Promise.resolve(answer())
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error())
    }
  })
  const diagnosis = new Diagnosis(
    {
      request: () => client.probe(),
      socket: () => {
        asked.push('socket')
        return Promise.resolve(socket)
      },
    },
    (cause, detail) => {
      causes.push(cause)
      last = detail
    },
  )
  const refuse = async (times: number) => {
    for (let i = 0; i < times; i++) await diagnosis.answered(false)
  }
  return { diagnosis, causes, asked, refuse, detail: () => last }
}

test('plain requests work and no WebSocket ever did: something does not pass them', async () => {
  const { causes, refuse, asked } = page()
  await refuse(refusalsBefore - 1)
  expect(asked).toEqual([])
  expect(causes.at(-1)).toBe('unknown')
  await refuse(1)
  expect(causes.at(-1)).toBe('blocked')
  expect(asked).toEqual(['POST /api/probe', 'socket'])
})

test('a WebSocket that comes through after all ends the finding', async () => {
  const { diagnosis, causes, refuse } = page()
  await refuse(refusalsBefore)
  diagnosis.opened()
  expect(causes.at(-1)).toBe('unknown')
  await refuse(10)
  expect(causes.at(-1)).toBe('unknown')
})

test('a connection that has stood and broke blames nothing', async () => {
  const { diagnosis, causes, asked, refuse } = page()
  diagnosis.opened()
  await refuse(10)
  expect(causes.at(-1)).toBe('unknown')
  expect(asked).toEqual([])
})

test('a server that does not answer is no proxy, and tries from then count anew', async () => {
  const { diagnosis, causes, asked, refuse } = page()
  await refuse(refusalsBefore - 1)
  diagnosis.failed(new ApiError('The server does not answer.', 0, 'Unreachable'))
  expect(causes.at(-1)).toBe('unreachable')
  await refuse(1)
  expect(causes.at(-1)).toBe('unknown')
  expect(asked).toEqual([])
})

test.each([502, 503, 504])('a proxy that answers %i for the server says that the server is down', (status) => {
  const { diagnosis, causes } = page()
  diagnosis.failed(new ApiError('', status, ''))
  expect(causes).toEqual(['unreachable'])
})

test('a log-in that ended is no fault of the connection', () => {
  const { diagnosis, causes } = page()
  diagnosis.failed(new ApiError('You are not logged in.', 401, 'Unauthorized'))
  expect(causes).toEqual([])
})

test.each([
  [403, 'WrongOrigin'],
  [421, 'WrongHost'],
])('the server refuses the address of the page (%i %s): its own words are shown', async (status, code) => {
  const { causes, asked, refuse, detail } = page({ answer: () => problem(status, code, 'Open https://lab.example.org instead.') })
  await refuse(refusalsBefore)
  expect(causes.at(-1)).toBe('address')
  expect(detail()).toBe('Open https://lab.example.org instead.')
  expect(asked).toEqual(['POST /api/probe'])
})

test('WebSockets pass, but the server refuses those of this page', async () => {
  const { causes, refuse } = page({ socket: true })
  await refuse(refusalsBefore)
  expect(causes.at(-1)).toBe('refused')
})

test('a probe that gets no answer finds nothing', async () => {
  const { causes, refuse } = page({
    answer: () => {
      throw new TypeError('network')
    },
  })
  await refuse(refusalsBefore)
  expect(causes.at(-1)).toBe('unknown')
})

test('what a probe finds late, when a WebSocket stands, is not shown', async () => {
  const { diagnosis, causes } = page()
  const answered = Array.from({ length: refusalsBefore }, () => diagnosis.answered(false))
  diagnosis.opened()
  await Promise.all(answered)
  expect(causes.at(-1)).toBe('unknown')
})

class Fake {
  static last: Fake
  onopen?: () => void
  onclose?: () => void
  constructor(readonly url: string) {
    Fake.last = this
  }
  close() {
    this.onclose?.()
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('a WebSocket is tried', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', Fake)
  const opens = trySocket('wss://lab.example/api/probe')
  Fake.last.onopen?.()
  expect(await opens).toBe(true)
  const refused = trySocket('wss://lab.example/api/probe')
  Fake.last.onclose?.()
  expect(await refused).toBe(false)
  const hangs = trySocket('wss://lab.example/api/probe')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await hangs).toBe(false)
})
