import { describe, expect, test } from 'vitest'
import { Client, path } from './client'
import { ApiError, messageOf } from './error'

type Answer = () => Promise<Response>

function clientThat(answer: Answer) {
  const calls: { url: string; init: RequestInit }[] = []
  const client = new Client((url, init = {}) => {
    calls.push({ url, init })
    return answer()
  })
  return { client, calls }
}

const json = (body: unknown, init?: ResponseInit): Answer => () => Promise.resolve(Response.json(body, init))

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => null,
    (e: unknown) => e,
  )
  if (!(error instanceof ApiError)) throw new Error('want an ApiError, got ' + String(error))
  return error
}

function problem(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return () =>
    Promise.resolve(
      new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/problem+json', ...headers } }),
    )
}

describe('errors', () => {
  test("the server's words reach the person", async () => {
    const { client } = clientThat(problem(409, { detail: 'you have two labs open: end one first', code: 'Conflict' }))
    const error = await errorOf(client.openSession('one'))
    expect([error.message, error.status, error.code]).toEqual(['You have two labs open: end one first.', 409, 'Conflict'])
    expect(error.unreachable).toBe(false)
  })

  test('no answer is told apart from a bad one', async () => {
    const { client } = clientThat(() => Promise.reject(new TypeError('Failed to fetch')))
    const error = await errorOf(client.me())
    expect([error.status, error.code, error.unreachable]).toEqual([0, 'Unreachable', true])
    expect(error.message).toContain('does not answer')
  })

  test.each([401, 403, 404, 409, 429, 500, 502])('%d without words gets a sentence', async (status) => {
    const { client } = clientThat(() => Promise.resolve(new Response('<h1>nope</h1>', { status })))
    const error = await errorOf(client.course())
    expect(error.message).toMatch(/^[A-Z].*\.$/)
    expect(error.message).not.toContain('<')
    expect(error.unauthorized).toBe(status === 401)
  })

  test('Retry-After is read', async () => {
    const { client } = clientThat(problem(429, { detail: 'Too many tries.' }, { 'Retry-After': '30' }))
    expect((await errorOf(client.login('a', 'b'))).retryAfter).toBe(30)
  })

  test('a page from a proxy is not taken for data', async () => {
    const { client } = clientThat(() => Promise.resolve(new Response('<html>', { status: 200 })))
    expect((await errorOf(client.me())).code).toBe('NotJSON')
  })

  test('a broken problem document still gives a sentence', async () => {
    const { client } = clientThat(problem(500, 'text'))
    expect((await errorOf(client.me())).message).toContain('500')
  })

  test('messageOf', () => {
    expect(messageOf(new ApiError('Words.', 400, 'Invalid'))).toBe('Words.')
    expect(messageOf('what')).toContain('Reload')
  })
})

describe('requests', () => {
  test('a path segment stays one segment', async () => {
    const { client, calls } = clientThat(json({}))
    await client.lab('../me?x=1')
    expect(calls[0]?.url).toBe('/api/labs/..%2Fme%3Fx%3D1')
    expect(path`/a/${'b/c'}/d/${'e'}`).toBe('/a/b%2Fc/d/e')
  })

  test('a secret travels in the body', async () => {
    const { client, calls } = clientThat(() => Promise.resolve(new Response(null, { status: 204 })))
    await client.takeLink('s3cret')
    expect(calls[0]?.url).toBe('/api/login/link')
    expect(calls[0]?.init.body).toBe('{"secret":"s3cret"}')
  })

  test('an empty answer is fine', async () => {
    const { client } = clientThat(() => Promise.resolve(new Response(null, { status: 204 })))
    await expect(client.endSession('s_1')).resolves.toBeUndefined()
  })

  test('classes come as a list', async () => {
    const list = [{ id: 'c_1', title: 'One', code: 'AAAA-BBBB', teaching: true }]
    expect(await clientThat(json({ classes: list })).client.classes()).toEqual(list)
  })

  test("the server's clock is used when ours is off", async () => {
    const { client } = clientThat(json({}, { headers: { Date: new Date(Date.now() + 3_600_000).toUTCString() } }))
    await client.me()
    expect(Math.abs(client.now() - Date.now() - 3_600_000)).toBeLessThan(2000)
  })
})
