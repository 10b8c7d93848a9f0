import { ApiError, sentenceFor } from './error'
import type { ClassGrid, ClassSummary, Course, Lab, Me, Results, Session } from './types'

type Fetch = (input: string, init?: RequestInit) => Promise<Response>

const timeoutMillis = 20_000

/** The server's API. Every method throws an ApiError with a sentence for a person. */
export class Client {
  /** How far the server's clock is ahead of ours, in milliseconds, to about a second. */
  clockSkew = 0

  constructor(private readonly fetch: Fetch = (input, init) => globalThis.fetch(input, init)) {}

  /** The time on the server's clock, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.clockSkew
  }

  /** Works where this page's address is the server's own. */
  probe = () => this.post<unknown>('/api/probe')

  me = () => this.get<Me>('/api/me')
  login = (name: string, password: string) => this.post<Me>('/api/login', { name, password })
  takeLink = (secret: string) => this.post<Me>('/api/login/link', { secret })
  logout = () => this.post<unknown>('/api/logout')
  join = (code: string, name?: string, password?: string) => this.post<Me>('/api/join', { code, name, password })
  bootstrap = (secret: string, name: string, password: string) =>
    this.post<Me>('/api/bootstrap', { secret, name, password })

  course = () => this.get<Course>('/api/course')
  lab = (lab: string) => this.get<Lab>(path`/api/labs/${lab}`)

  openSession = (lab: string) => this.post<Session>(path`/api/labs/${lab}/sessions`)
  session = (id: string) => this.get<Session>(path`/api/sessions/${id}`)
  endSession = (id: string) => this.send<unknown>('DELETE', path`/api/sessions/${id}`)
  results = (id: string) => this.get<Results>(path`/api/sessions/${id}/results`)
  app = (id: string, app: { namespace: string; service: string; port: number }) =>
    this.post<{ url: string }>(path`/api/sessions/${id}/apps`, app)

  answer = (id: string, answer: { step: string; check: string; answer: string }) =>
    this.post<Session>(path`/api/sessions/${id}/answers`, answer)

  takeHint = (id: string, hint: { step: string; hint: number }) =>
    this.post<Session>(path`/api/sessions/${id}/hints`, hint)

  mend = (id: string, fault: string) => this.post<Session>(path`/api/sessions/${id}/repairs`, { fault })

  classes = async () => (await this.get<{ classes: ClassSummary[] }>('/api/classes')).classes
  createClass = (title: string) => this.post<ClassSummary>('/api/classes', { title })
  classGrid = (id: string) => this.get<ClassGrid>(path`/api/classes/${id}`)
  setHintCost = (id: string, hintCost: number | null) =>
    this.send<ClassSummary>('PATCH', path`/api/classes/${id}`, { hintCost })
  changePassword = (current: string, password: string) => this.post<unknown>('/api/me/password', { current, password })
  inviteInstructor = () => this.post<{ link: string }>('/api/instructors')
  renewCode = (id: string) => this.post<ClassSummary>(path`/api/classes/${id}/code`)
  closeClass = (id: string) => this.send<ClassSummary>('DELETE', path`/api/classes/${id}/code`)
  renameStudent = (id: string, student: string, name: string) =>
    this.send<unknown>('PATCH', path`/api/classes/${id}/students/${student}`, { name })
  moveStudent = (id: string, student: string, to: string) =>
    this.send<unknown>('PATCH', path`/api/classes/${id}/students/${student}`, { class: to })
  removeStudent = (id: string, student: string) => this.send<unknown>('DELETE', path`/api/classes/${id}/students/${student}`)
  resetPassword = (id: string, student: string) =>
    this.post<{ password: string }>(path`/api/classes/${id}/students/${student}/password`)
  deleteStudent = (id: string, student: string) =>
    this.send<unknown>('DELETE', path`/api/classes/${id}/students/${student}/account`)
  studentResults = (id: string, session: string) => this.get<Results>(path`/api/classes/${id}/sessions/${session}`)

  private get<T>(url: string): Promise<T> {
    return this.send<T>('GET', url)
  }

  private post<T>(url: string, body?: unknown): Promise<T> {
    return this.send<T>('POST', url, body ?? {})
  }

  private async send<T>(method: string, url: string, body?: unknown): Promise<T> {
    const init: RequestInit = {
      method,
      credentials: 'same-origin',
      headers: { Accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMillis),
    }
    if (body !== undefined) {
      init.headers = { ...init.headers, 'Content-Type': 'application/json' }
      init.body = JSON.stringify(body)
    }
    let response: Response
    try {
      response = await this.fetch(url, init)
    } catch {
      throw new ApiError('The server does not answer. Check that Wheelhouse still runs; the page keeps trying.', 0, 'Unreachable')
    }
    this.readClock(response)
    if (!response.ok) throw await problemOf(response)
    return (await bodyOf(response)) as T
  }

  private readClock(response: Response): void {
    const date = Date.parse(response.headers.get('Date') ?? '')
    if (Number.isNaN(date)) return
    // The header is cut to whole seconds, so half a second is the best guess.
    const skew = date + 500 - Date.now()
    this.clockSkew = Math.abs(skew) < 1500 ? 0 : skew
  }
}

/** Fills values into a path, each encoded so that it stays one segment. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((url, part, i) => url + encodeURIComponent(values[i - 1] ?? '') + part)
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => '')
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(
      'The answer was not from Wheelhouse: something between you and the server replied in its place.',
      response.status,
      'NotJSON',
    )
  }
}

/** Reads application/problem+json, and makes do without it. */
async function problemOf(response: Response): Promise<ApiError> {
  let detail = ''
  let code = ''
  if ((response.headers.get('Content-Type') ?? '').includes('json')) {
    const problem: unknown = await response.json().catch(() => null)
    if (problem && typeof problem === 'object') {
      const fields = problem as Record<string, unknown>
      if (typeof fields.detail === 'string') detail = fields.detail
      if (typeof fields.code === 'string') code = fields.code
    }
  }
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10)
  return new ApiError(asSentence(detail) || sentenceFor(response.status), response.status, code, retryAfter > 0 ? retryAfter : 0)
}

/** A server's words as a sentence: first letter large, a stop at the end. */
function asSentence(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return ''
  const sentence = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?:…]$/.test(sentence) ? sentence : sentence + '.'
}

export const client = new Client()
