import { allLabs, labOf, modules } from './course.js'
import { Shell } from './shell.js'

/** @typedef {{name: string, status: string, reason: string, message: string, pending: boolean, at: string | null, found?: string, tried?: string[], evidence?: {name: string, text: string}[]}} MockResult */
/** @typedef {{id: string, lab: string, phase: string, reason: string, message: string, createdAt: string, readyAt: string | null, finishedAt: string | null, endedAt: string | null, steps: {name: string, completedAt: string | null, points: number, hints: string[], hintCost: number, checks: MockResult[]}[], progress: object | null, faults: {type: string, message: string}[]}} MockSession */

const phases = [
  { name: 'Nodes', title: 'Starting the machines', estimate: 2 },
  { name: 'ControlPlane', title: 'Starting the control plane', estimate: 8 },
  { name: 'Networking', title: 'Installing the pod network', estimate: 1 },
  { name: 'Storage', title: 'Installing the storage class', estimate: 1 },
  { name: 'Images', title: "Loading the labs' images", estimate: 2 },
  { name: 'Ready', title: 'Waiting for nodes and DNS', estimate: 5 },
  { name: 'Setup', title: 'Setting up the lab', estimate: 2 },
]

/** Everything that the mock remembers. One person at a time: there are no cookies. */
export class State {
  constructor() {
    this.serial = 0
    /** @type {Set<() => void>} */
    this.listeners = new Set()
    this.empty = false
    /** @type {Map<string, MockSession>} */
    this.sessions = new Map()
    /** @type {Map<string, Shell>} */
    this.shells = new Map()
    /** @type {{id: string, title: string, code: string, teaching: boolean, hintCost?: number | null}[]} */
    this.classes = [{ id: 'c_1', title: 'Kubernetes, spring 2026', code: 'K7QM-2XRT', teaching: true }]
    /** @type {Set<string>} */
    this.finished = new Set()
    this.mode = 'learn'
    /** @type {{id: string, name: string, role: string} | null} */
    this.user = null
    this.speed = 4
    this.bootstrap = false
    this.reset({})
  }

  reset(/** @type {any} */ { mode = 'learn', user = { id: 'u_1', name: 'Ada', role: 'Student' }, speed = 4, done = ['connect'], bootstrap = false }) {
    this.mode = mode
    this.user = user
    this.speed = speed // how many seconds of a boot pass in one
    this.bootstrap = bootstrap
    this.serial++
    this.sessions.clear()
    this.shells.clear()
    this.finished = new Set(done)
    this.classes.length = 1
    this.empty = false
    this.changed()
  }

  changed() {
    for (const listener of this.listeners) listener()
  }

  me() {
    return { mode: this.mode, version: 'mock', user: this.user, bootstrap: this.bootstrap && !this.user }
  }

  live(/** @type {string} */ lab) {
    return [...this.sessions.values()].find((s) => s.lab === lab && (s.phase === 'Pending' || s.phase === 'Ready'))
  }

  newest(/** @type {string} */ lab) {
    return [...this.sessions.values()].findLast((s) => s.lab === lab)
  }

  course() {
    return {
      name: 'kubernetes',
      title: 'Kubernetes for developers and operators',
      summary: 'From a first pod to running a cluster: short labs on a real cluster of your own, each step checked as you work.',
      modules: modules.map((module) => ({
        ...module,
        labs: module.labs.map((lab) => {
          const newest = this.newest(lab.name)
          const session = newest?.phase === 'Ended' ? undefined : newest
          const finished = this.finished.has(lab.name)
          return {
            name: lab.name,
            title: lab.title,
            summary: lab.summary,
            minutes: lab.minutes,
            steps: lab.steps.length,
            points: lab.steps.reduce((sum, step) => sum + step.points, 0),
            earnedPoints: finished ? lab.steps.reduce((sum, step) => sum + step.points, 0) : (session?.steps.reduce((sum, s) => sum + s.points, 0) ?? 0),
            completedSteps: finished ? lab.steps.length : (session?.steps.filter((s) => s.completedAt).length ?? (lab.name === 'intro-app' ? 2 : 0)),
            finishedAt: finished ? new Date().toISOString() : null,
            session: session ? { id: session.id, phase: session.phase } : null,
          }
        }),
      })),
    }
  }

  lab(/** @type {string} */ name) {
    const lab = labOf(name)
    if (!lab) return null
    const at = allLabs.findIndex((item) => item.name === name)
    return {
      ...lab,
      steps: lab.steps.map((step) => ({ ...step, hints: step.hints.map((_, i) => ({ cost: i })), checks: step.checks.map(({ name: n, title, question }) => ({ name: n, title, question })) })),
      next: allLabs[at + 1]?.name ?? null,
    }
  }

  open(/** @type {string} */ name) {
    const existing = this.live(name)
    if (existing) return existing
    const lab = labOf(name)
    if (!lab) return null
    /** @type {MockSession} */
    const session = {
      id: `s_mock${String(this.serial).padStart(4, '0')}${String(this.sessions.size).padStart(8, '0')}`,
      lab: name,
      phase: 'Pending',
      reason: 'StartingCluster',
      message: 'Your cluster is being started.',
      createdAt: new Date().toISOString(),
      readyAt: null,
      finishedAt: null,
      endedAt: null,
      faults: [],
      steps: lab.steps.map((step) => ({
        name: step.name,
        completedAt: null,
        points: 0,
        hints: [],
        hintCost: 0,
        checks: step.checks.map((check) => ({ name: check.name, status: 'Unknown', reason: 'NotEvaluated', message: '', pending: false, at: null })),
      })),
      progress: this.progress(0, 0),
    }
    this.sessions.set(session.id, session)
    this.boot(session)
    return session
  }

  progress(/** @type {number} */ seconds, /** @type {number} */ place) {
    let left = seconds
    const list = phases.map(({ name, title, estimate }) => {
      const spent = Math.min(Math.max(0, left), estimate)
      const state = left >= estimate ? 'done' : left > 0 || (seconds === 0 && name === 'Nodes' && !place) ? 'running' : 'waiting'
      left -= estimate
      return { name, title, state, seconds: spent, estimateSeconds: estimate }
    })
    const total = phases.reduce((sum, phase) => sum + phase.estimate, 0)
    return { place, remainingSeconds: Math.max(0, total - seconds) + place * 20, phases: list }
  }

  boot(/** @type {MockSession} */ session) {
    const serial = this.serial
    const total = phases.reduce((sum, phase) => sum + phase.estimate, 0)
    let seconds = 0
    const timer = setInterval(() => {
      if (serial !== this.serial || session.phase !== 'Pending') return clearInterval(timer)
      if (this.speed === 0) return
      seconds += 0.25 * this.speed
      if (seconds >= total) {
        clearInterval(timer)
        this.ready(session)
      } else session.progress = this.progress(seconds, 0)
      this.changed()
    }, 250)
  }

  ready(/** @type {MockSession} */ session) {
    session.phase = 'Ready'
    session.reason = session.message = ''
    session.readyAt = new Date().toISOString()
    session.progress = null
    for (const step of labOf(session.lab)?.steps ?? []) {
      for (const check of step.checks) if (!check.question) this.find(session, step.name, check.name, 'False', 'NotFound', check.missing)
    }
  }

  find(/** @type {MockSession} */ session, /** @type {string} */ step, /** @type {string} */ check, /** @type {string} */ status, /** @type {string} */ reason, message = '') {
    const result = session.steps.find((s) => s.name === step)?.checks.find((c) => c.name === check)
    if (!result) return
    Object.assign(result, { status, reason, message, pending: reason === 'Pending', at: new Date().toISOString() })
    result.evidence = [{ name: 'Deployment default/web', text: 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web <b>not bold</b>\nspec:\n  replicas: 3\n' }]
  }

  complete(/** @type {MockSession} */ session, /** @type {string} */ name) {
    const step = session.steps.find((s) => s.name === name)
    if (!step || step.completedAt) return
    for (const check of step.checks) this.find(session, name, check.name, 'True', 'Passed')
    step.completedAt = new Date().toISOString()
    step.points = Math.max(0, (labOf(session.lab)?.steps.find((s) => s.name === name)?.points ?? 0) - Math.max(0, step.hints.length - 1))
    if (session.steps.every((s) => s.completedAt)) {
      session.finishedAt = step.completedAt
      this.finished.add(session.lab)
    }
    this.changed()
  }

  /** Judges an answer; a wrong option is kept. */
  answer(/** @type {MockSession} */ session, /** @type {string} */ step, /** @type {string} */ name, /** @type {string} */ answer) {
    const check = labOf(session.lab)?.steps.find((s) => s.name === step)?.checks.find((c) => c.name === name)
    const result = session.steps.find((s) => s.name === step)?.checks.find((c) => c.name === name)
    if (!check || !result) return
    const right = answer === check.right
    Object.assign(result, right ? { status: 'True', reason: 'Passed', message: '' } : { status: 'False', reason: 'Wrong', message: check.missing })
    Object.assign(result, { found: answer, at: new Date().toISOString(), tried: right ? result.tried : [...new Set([...(result.tried ?? []), answer])] })
    this.changed()
  }

  /** Hands out the next hint of a step. */
  hint(/** @type {MockSession} */ session, /** @type {string} */ name) {
    const step = session.steps.find((s) => s.name === name)
    const all = labOf(session.lab)?.steps.find((s) => s.name === name)?.hints ?? []
    const hint = all[step?.hints.length ?? 0]
    if (!step || hint === undefined) return
    step.hints.push(hint)
    step.hintCost = step.hints.length < all.length ? step.hints.length : 0
    this.changed()
  }

  /** What a typed command does to the checks: enough to see steps tick. */
  typed(/** @type {MockSession} */ session, /** @type {string} */ line) {
    if (session.lab !== 'deployments') {
      const open = session.steps.find((s) => !s.completedAt)
      if (open && line.startsWith('kubectl')) this.complete(session, open.name)
      return
    }
    if (line.startsWith('kubectl create deployment')) {
      this.find(session, 'create', 'exists', 'True', 'Passed')
      this.find(session, 'create', 'replicas', 'False', 'Pending', '1 of 3 replicas is ready; the other pods are still starting.')
      this.changed()
      setTimeout(() => this.complete(session, 'create'), 2500)
    } else if (line.startsWith('kubectl delete pod')) this.complete(session, 'self-heal')
    else if (line.startsWith('kubectl apply')) this.complete(session, 'expose')
    else if (line.startsWith('kubectl scale')) this.complete(session, 'scale')
  }

  end(/** @type {MockSession} */ session, phase = 'Ended', reason = 'EndedByStudent', message = 'You ended this session. Its cluster is given back.') {
    Object.assign(session, { phase, reason, message, progress: null, endedAt: new Date().toISOString() })
    this.changed()
  }

  shell(/** @type {MockSession} */ session, /** @type {string} */ name) {
    const key = `${session.id}/${name}`
    const shell = this.shells.get(key) ?? new Shell((line) => this.typed(session, line))
    this.shells.set(key, shell)
    return shell
  }
}
