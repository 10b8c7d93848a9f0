import { tick } from 'svelte'
import { theme } from '../app/theme.svelte'
import type { LabSession } from './session.svelte'

/**
 * The step at which a person is, and the steps that are unfolded. Only they
 * move: a step that completes changes neither.
 */
export class Place {
  private chosen = $state('')
  private opened = $state<Record<string, boolean>>({})

  constructor(private readonly work: LabSession) {}

  /** The step at which the person is; before they went anywhere, the first open one at the start. */
  get step(): string {
    return this.chosen || this.work.current
  }

  /** Where "Next step" leads: the next step that is not complete; "" where there is none. */
  get next(): string {
    const steps = this.work.lab?.steps ?? []
    const at = steps.findIndex((step) => step.name === this.step)
    const open = [...steps.slice(at + 1), ...steps.slice(0, Math.max(0, at))].filter((step) => !this.work.step(step.name)?.completedAt)
    return open[0]?.name ?? ''
  }

  /** Without a session everything can be read. */
  isOpen(name: string): boolean {
    return this.opened[name] ?? !this.work.session
  }

  /** A session begins: folds all steps but the first open one and those in sight. */
  begin(inSight: (name: string) => boolean): void {
    const current = this.work.current
    this.chosen ||= current
    for (const { name } of this.work.lab?.steps ?? []) this.opened[name] ??= name === current || inSight(name)
  }

  /** The person works at a step. */
  at(name: string): void {
    this.chosen = name
  }

  toggle(name: string): void {
    this.opened[name] = !this.isOpen(name)
    if (this.opened[name]) this.chosen = name
  }

  /** Leads to a step, because the person asked for it. */
  go(name: string): void {
    if (!name) return
    this.opened[name] = true
    this.chosen = name
    // At once: a frame can be late, and then it would take the keyboard from who types already.
    const card = document.getElementById('step-' + name)
    card?.focus({ preventScroll: true })
    // Once it is unfolded there is enough below to bring its heading to the top.
    void tick().then(() => card?.scrollIntoView({ block: 'start', behavior: theme.still ? 'auto' : 'smooth' }))
  }
}
