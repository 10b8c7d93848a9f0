import { client } from '../api/client'
import { ApiError, messageOf } from '../api/error'
import type { Lab, Session, StepState } from '../api/types'
import { account } from '../app/account.svelte'
import { notices } from '../app/notices.svelte'
import { Watch } from '../live/watch.svelte'
import { findingOf } from './finding'

/** One person at one lab: what they read, and their live session. */
export class LabSession {
  lab = $state.raw<Lab | null>(null)
  /** Why the lab could not be read. */
  error = $state.raw<ApiError | null>(null)
  /** Why no session could be opened. */
  refusal = $state('')
  opening = $state(false)
  /** When the view that shows was received, on our own clock. */
  receivedAt = $state(0)
  private watch = $state.raw<Watch<Session> | null>(null)
  private gone = false

  constructor(private readonly name: string) {}

  get session(): Session | null {
    return this.watch?.value ?? null
  }

  /** True while the events do not come through. */
  get lost(): boolean {
    return this.watch?.lost ?? false
  }

  get retryAt(): number {
    return this.watch?.retryAt ?? 0
  }

  /** Why the session is no longer ours to see. */
  get taken(): ApiError | null {
    return this.watch?.error ?? null
  }

  get live(): boolean {
    return this.session?.phase === 'Pending' || this.session?.phase === 'Ready'
  }

  get completed(): number {
    return this.session?.steps.filter((step) => step.completedAt).length ?? 0
  }

  step(name: string): StepState | undefined {
    return this.session?.steps.find((step) => step.name === name)
  }

  /** The first step that is not complete; "" when all are. */
  get current(): string {
    return this.lab?.steps.find((step) => !this.step(step.name)?.completedAt)?.name ?? ''
  }

  /** Reads the lab, and goes on with its live session if there is one; a failed one tells why. */
  async load(start: boolean): Promise<void> {
    this.error = null
    try {
      const [lab, course] = await Promise.all([client.lab(this.name), client.course()])
      const cards = course.modules.flatMap((module) => module.labs)
      const session = cards.find((card) => card.name === this.name)?.session
      // The session first, where there is one: what it folds is not shown unfolded before.
      if (session && !(start && session.phase === 'Failed')) this.follow(await client.session(session.id))
      this.lab = lab
      if (start && !this.session) await this.open()
    } catch (error) {
      if (error instanceof ApiError && error.unauthorized) account.expired()
      this.error = error instanceof ApiError ? error : new ApiError(messageOf(error), 0, 'Page')
    }
  }

  /** Opens the lab: a new session, or the live one. */
  async open(): Promise<void> {
    if (this.opening) return
    this.opening = true
    this.refusal = ''
    try {
      this.follow(await client.openSession(this.name))
    } catch (error) {
      if (error instanceof ApiError && error.unauthorized) account.expired()
      this.refusal = messageOf(error)
    } finally {
      this.opening = false
    }
  }

  /** Ends the session and gives its cluster back. */
  async end(): Promise<void> {
    const session = this.session
    if (session) await client.endSession(session.id)
  }

  /** Has a fault of the session mended. */
  async mend(fault: string): Promise<void> {
    const session = this.session
    if (session) await client.mend(session.id, fault)
  }

  retryNow(): void {
    this.watch?.retryNow()
  }

  close(): void {
    this.gone = true
    this.watch?.close()
  }

  private follow(session: Session): void {
    if (this.gone) return
    this.watch?.close()
    this.receivedAt = Date.now()
    this.watch = new Watch<Session>(
      {
        query: 'session=' + encodeURIComponent(session.id),
        type: 'session',
        read: () => client.session(session.id),
        onValue: (value, before) => this.changed(value, before),
        onReturn: () => void this.reread(),
      },
      session,
    )
  }

  /** Shows what the lab's author changed while the server was away. */
  private async reread(): Promise<void> {
    try {
      const lab = await client.lab(this.name)
      if (!this.gone && JSON.stringify(lab) !== JSON.stringify(this.lab)) this.lab = lab
    } catch {
      // What shows is still good.
    }
  }

  private changed(session: Session, before: Session | null): void {
    this.receivedAt = Date.now()
    if (before) this.announce(session, before)
  }

  /** Tells screen readers what everyone else sees tick. */
  private announce(session: Session, before: Session): void {
    if (session.phase !== before.phase) {
      if (session.phase === 'Ready') notices.say('Your cluster is ready. The terminal is open.')
      else if (session.message) notices.say(session.message)
      return
    }
    const said: string[] = []
    for (const step of session.steps) {
      const old = before.steps.find((s) => s.name === step.name)
      const title = this.lab?.steps.find((s) => s.name === step.name)?.title ?? step.name
      if (step.completedAt && !old?.completedAt) said.push(`Step complete: ${title}.`)
      if (step.completedAt) continue
      for (const check of step.checks) {
        const was = old?.checks.find((c) => c.name === check.name)
        const finding = findingOf(check)
        if (!was || (was.message === check.message && findingOf(was).kind === finding.kind)) continue
        said.push(`${finding.word}: ${check.message || this.checkTitle(step.name, check.name)}`)
      }
    }
    if (said.length === 0) return
    const done = session.steps.filter((step) => step.completedAt).length
    const end = session.finishedAt && !before.finishedAt ? ' Lab finished.' : ''
    notices.say(`${said.slice(0, 3).join(' ')} ${done} of ${session.steps.length} steps complete.${end}`)
  }

  checkTitle(step: string, check: string): string {
    return this.lab?.steps.find((s) => s.name === step)?.checks.find((c) => c.name === check)?.title || check
  }
}
