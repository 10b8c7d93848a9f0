// A pretence of the server, to work on the pages without clusters. It serves
// web/dist too, under the policy of the real one. Never part of a build.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { WebSocketServer } from 'ws'
import { labOf } from './course.js'
import { grid } from './grid.js'
import { State } from './state.js'

const port = Number(process.env.PORT ?? 4100)
const dist = join(import.meta.dirname, '..', 'dist')
const state = new State()
let tick = 0
let down = false
setInterval(() => tick++, 1000)

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
/** @type {Record<string, string>} */
const kinds = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

function json(/** @type {Response} */ res, /** @type {number} */ status, /** @type {unknown} */ body) {
  res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', 'Cache-Control': 'no-store' })
  res.end(body === undefined ? '' : JSON.stringify(body))
}

function problem(/** @type {Response} */ res, /** @type {number} */ status, /** @type {string} */ code, /** @type {string} */ detail) {
  json(res, status, { type: 'about:blank', title: code, status, detail, code })
}

async function bodyOf(/** @type {Request} */ req) {
  let text = ''
  for await (const part of req) text += part
  return text ? JSON.parse(text) : {}
}

async function page(/** @type {Response} */ res, /** @type {string} */ path) {
  const name = extname(path) ? normalize(path) : '/index.html'
  try {
    const file = await readFile(join(dist, name))
    res.writeHead(200, { 'Content-Type': kinds[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy })
    res.end(file)
  } catch {
    problem(res, 404, 'NotFound', 'There is no such file. Is the front end built?')
  }
}

function withoutEvidence(/** @type {import('./state.js').MockSession} */ session) {
  const steps = session.steps.map((step) => ({ ...step, checks: step.checks.map((check) => ({ ...check, evidence: undefined })) }))
  return { ...session, steps }
}

/** A student's session, of a cell in the grid. */
function studentSession(/** @type {string} */ id) {
  const lab = labOf('deployments')
  const steps = (lab?.steps ?? []).map((step, i) => ({
    name: step.name,
    completedAt: i < 1 ? new Date(Date.now() - 600_000).toISOString() : null,
    points: i < 1 ? 1 : 0,
    hints: i < 1 ? step.hints : [],
    hintCost: 0,
    checks: step.checks.map((check, j) => ({
      name: check.name,
      status: i < 1 ? 'True' : i === 3 ? 'Unknown' : 'False',
      reason: i < 1 ? 'Passed' : i === 3 ? 'ClusterUnreachable' : j === 0 && i === 1 ? 'Wrong' : 'NotFound',
      message: i < 1 ? '' : i === 3 ? 'The cluster did not answer in time.' : check.missing,
      pending: false,
      at: new Date().toISOString(),
      evidence: [{ name: 'Deployment default/web', text: 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n' }],
    })),
  }))
  const past = new Date(Date.now() - 1_200_000).toISOString()
  return { id, lab: 'deployments', phase: 'Ready', reason: '', message: '', createdAt: past, readyAt: past, finishedAt: null, endedAt: null, steps, progress: null, faults: [] }
}

/** What screenshots and tests ask of the mock itself. */
async function steer(/** @type {Request} */ req, /** @type {Response} */ res, /** @type {string} */ what) {
  const body = await bodyOf(req)
  const session = [...state.sessions.values()].at(-1)
  if (what === 'reset') state.reset(body)
  if (what === 'empty') state.empty = true
  if (what === 'down') {
    down = body.down
    if (down) for (const client of sockets.clients) client.terminate()
  }
  if (what === 'complete' && session) state.complete(session, body.step)
  if (what === 'find' && session) state.find(session, body.step, body.check, body.status, body.reason, body.message)
  if (what === 'progress' && session) session.progress = state.progress(body.seconds, body.place ?? 0)
  if (what === 'ready' && session) state.ready(session)
  if (what === 'fail' && session) state.end(session, 'Failed', body.reason, body.message)
  if (what === 'break' && session) session.faults = body.faults
  if (what === 'drop') for (const client of sockets.clients) client.terminate()
  state.changed()
  json(res, 200, session ? { id: session.id } : {})
}

const server = createServer((req, res) => void handle(req, res).catch((error) => problem(res, 500, 'Internal', String(error))))

async function handle(/** @type {Request} */ req, /** @type {Response} */ res) {
  const url = new URL(req.url ?? '/', 'http://localhost')
  const path = url.pathname
  if (path.startsWith('/mock/')) return steer(req, res, path.slice(6))
  if (!path.startsWith('/api/')) return page(res, path)
  if (down) return req.socket.destroy()
  const body = req.method === 'POST' || req.method === 'PATCH' ? await bodyOf(req) : {}
  const [, , what, id = '', sub = '', subID = ''] = path.split('/').map(decodeURIComponent)
  const key = `${req.method} ${what}${id && what !== 'login' ? '/ID' : id ? '/' + id : ''}${sub ? '/' + sub : ''}`
  switch (key) {
    case 'POST probe':
      return json(res, 204, undefined)
    case 'GET me':
      return json(res, 200, state.me())
    case 'POST login':
      if (body.password === 'wait') {
        res.setHeader('Retry-After', '30')
        return problem(res, 429, 'Limited', 'Too many tries. Wait a moment, then try again.')
      }
      if (body.password !== 'correct horse') return problem(res, 401, 'Unauthorized', 'The name or the password is wrong.')
      state.user = { id: 'u_1', name: body.name, role: body.name === 'ines' ? 'Instructor' : 'Student' }
      return json(res, 200, state.me())
    case 'POST login/link':
      if (body.secret === 'first') return json(res, 200, { ...state.me(), user: null, bootstrap: true })
      if (body.secret !== 'good') return problem(res, 401, 'Unauthorized', 'This link has been used or is too old. Ask for a new one: restarting Wheelhouse prints one.')
      state.user = { id: 'u_1', name: 'Ada', role: 'Student' }
      return json(res, 200, state.me())
    case 'POST logout':
      state.user = null
      return json(res, 204, undefined)
    case 'POST join':
      if (body.code !== 'K7QM-2XRT') return problem(res, 404, 'NotFound', 'No class has this code. Compare it with the board.')
      state.user ??= { id: 'u_2', name: body.name, role: 'Student' }
      return json(res, 200, state.me())
    case 'POST bootstrap':
      state.user = { id: 'u_3', name: body.name, role: 'Instructor' }
      return json(res, 200, state.me())
  }
  if (!state.user) return problem(res, 401, 'Unauthorized', 'You are not logged in.')
  const session = state.sessions.get(id)
  switch (key) {
    case 'GET course':
      return json(res, 200, state.course())
    case 'GET labs/ID': {
      const lab = state.lab(id)
      return lab ? json(res, 200, lab) : problem(res, 404, 'NotFound', 'There is no such lab in this course. The course page lists them all.')
    }
    case 'POST labs/ID/sessions': {
      const open = [...state.sessions.values()].filter((s) => s.lab !== id && (s.phase === 'Ready' || s.phase === 'Pending'))
      if (open.length >= 2) {
        return problem(res, 409, 'Conflict', `You have two labs open, “${labOf(open[0]?.lab ?? '')?.title}” and “${labOf(open[1]?.lab ?? '')?.title}”. End one of them first.`)
      }
      const opened = state.open(id)
      return opened ? json(res, 201, withoutEvidence(opened)) : problem(res, 404, 'NotFound', 'There is no such lab in this course.')
    }
    case 'GET sessions/ID':
      if (id.startsWith('s_class')) return json(res, 200, studentSession(id))
      return session ? json(res, 200, withoutEvidence(session)) : problem(res, 404, 'NotFound', 'There is no such session, or it is not yours.')
    case 'DELETE sessions/ID':
      if (session) state.end(session)
      return json(res, 204, undefined)
    case 'GET sessions/ID/results':
      return session ? json(res, 200, session) : problem(res, 404, 'NotFound', 'There is no such session.')
    case 'POST sessions/ID/hints':
      if (!session) return problem(res, 404, 'NotFound', 'There is no such session, or it is not yours.')
      state.hint(session, body.step)
      return json(res, 200, withoutEvidence(session))
    case 'POST sessions/ID/answers':
      if (!session) return problem(res, 404, 'NotFound', 'There is no such session, or it is not yours.')
      state.answer(session, body.step, body.check, body.answer)
      return json(res, 200, withoutEvidence(session))
    case 'POST sessions/ID/repairs':
      if (!session) return problem(res, 404, 'NotFound', 'There is no such session, or it is not yours.')
      if (body.fault === 'Addons') return problem(res, 503, 'Unavailable', 'That could not be mended now. Try again in a moment.')
      session.faults = session.faults.filter((fault) => fault.type !== body.fault)
      state.changed()
      return json(res, 200, withoutEvidence(session))
    case 'POST sessions/ID/apps':
      return json(res, 200, { url: `http://127.0.0.1:${port}/wheel.svg` })
    case 'GET classes':
      return json(res, 200, { classes: state.empty ? [] : state.classes })
    case 'POST classes': {
      const made = { id: 'c_' + (state.classes.length + 1), title: body.title, code: 'W4HX-9PLM', teaching: true }
      state.classes.push(made)
      return json(res, 201, made)
    }
    case 'GET classes/ID': {
      const found = state.classes.find((c) => c.id === id)
      return found ? json(res, 200, grid(found, state.empty || id !== 'c_1', tick)) : problem(res, 404, 'NotFound', 'There is no such class, or it is not yours.')
    }
    case 'PATCH classes/ID': {
      const found = state.classes.find((c) => c.id === id)
      if (!found) return problem(res, 404, 'NotFound', 'There is no such class, or it is not yours.')
      found.hintCost = body.hintCost
      return json(res, 200, found)
    }
    case 'POST classes/ID/code':
    case 'DELETE classes/ID/code': {
      const found = state.classes.find((c) => c.id === id)
      if (!found) return problem(res, 404, 'NotFound', 'There is no such class, or it is not yours.')
      found.code = req.method === 'POST' ? 'Q3RT-7XKM' : ''
      return json(res, 200, found)
    }
    case 'PATCH classes/ID/students':
    case 'DELETE classes/ID/students':
      return json(res, 204, undefined)
    case 'POST classes/ID/students':
      return json(res, 200, { password: 'K7QM-3XRT-9FGH' })
    case 'POST instructors':
      return json(res, 201, { link: `http://127.0.0.1:${port}/#bootstrap=${'x'.repeat(43)}` })
    case 'POST me/ID':
      return body.current === 'wrong' ? problem(res, 403, 'Forbidden', 'That is not your present password.') : json(res, 204, undefined)
    case 'GET classes/ID/sessions':
      return json(res, 200, studentSession(subID))
  }
  return problem(res, 404, 'NotFound', 'There is no such route.')
}

const sockets = new WebSocketServer({ noServer: true })

server.on('upgrade', (req, socket, head) => {
  const url = new URL(req.url ?? '/', 'http://localhost')
  if (url.pathname === '/api/probe') return sockets.handleUpgrade(req, socket, head, (ws) => ws.close(1000))
  if (down || !state.user) return void socket.destroy()
  const parts = url.pathname.split('/').map(decodeURIComponent)
  const session = state.sessions.get(parts[3] ?? '')
  sockets.handleUpgrade(req, socket, head, (ws) => {
    if (url.pathname === '/api/events') return events(ws, url.searchParams)
    if (parts[4] === 'terminals' && session?.phase === 'Ready') return state.shell(session, parts[5] ?? '1').attach(ws, url.searchParams)
    if (parts[3]?.startsWith('s_class')) {
      const watched = /** @type {import('./state.js').MockSession} */ (/** @type {unknown} */ ({ id: parts[3], lab: '', steps: [] }))
      return state.shell(watched, '1').attach(ws, url.searchParams)
    }
    ws.close(4409, 'not ready')
  })
})

function events(/** @type {import('ws').WebSocket} */ ws, /** @type {URLSearchParams} */ query) {
  const id = query.get('session')
  const send = () => {
    if (id) {
      const session = state.sessions.get(id)
      if (session) ws.send(JSON.stringify({ type: 'session', data: withoutEvidence(session) }))
      else ws.close(4404)
      return
    }
    const found = state.classes.find((c) => c.id === query.get('class'))
    if (found) ws.send(JSON.stringify({ type: 'class', data: grid(found, state.empty || found.id !== 'c_1', tick) }))
    else ws.close(4404)
  }
  send()
  const timer = id ? undefined : setInterval(send, 1000)
  state.listeners.add(send)
  ws.on('close', () => {
    clearInterval(timer)
    state.listeners.delete(send)
  })
}

server.listen(port, '127.0.0.1', () => process.stdout.write(`mock on http://127.0.0.1:${port}\n`))
