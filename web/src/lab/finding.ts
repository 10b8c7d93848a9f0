import type { CellStep, Check, StepState } from '../api/types'
import type { IconName } from '../ui/Icon.svelte'

export type Kind = 'complete' | 'pending' | 'todo' | 'wrong' | 'unknown'

export interface Finding {
  kind: Kind
  word: string
  icon: IconName
}

const findings: Record<Kind, Finding> = {
  complete: { kind: 'complete', word: 'Complete', icon: 'check' },
  pending: { kind: 'pending', word: 'Not yet', icon: 'clock' },
  todo: { kind: 'todo', word: 'To do', icon: 'circle' },
  wrong: { kind: 'wrong', word: 'Not right yet', icon: 'cross' },
  unknown: { kind: 'unknown', word: 'Unknown', icon: 'question' },
}

/** What a check's result means to people, told by icon, word and colour. */
export function findingOf(check: Pick<Check, 'status' | 'reason' | 'pending'>): Finding {
  if (check.status === 'True') return findings.complete
  // Not looked at yet, or nothing there to look at, is no mistake.
  if (check.reason === 'NotEvaluated' || check.reason === '') return findings.todo
  if (check.status === 'Unknown') return findings.unknown
  if (check.pending) return findings.pending
  return check.reason === 'NotFound' ? findings.todo : findings.wrong
}

const worst: Kind[] = ['wrong', 'unknown', 'pending', 'todo']

/** What a whole step amounts to: complete for good, or the worst of its checks. */
export function findingOfStep(step: StepState): Finding {
  if (step.completedAt) return findings.complete
  const kinds = new Set(step.checks.map((check) => findingOf(check).kind))
  return findings[worst.find((kind) => kinds.has(kind)) ?? (kinds.size > 0 ? 'pending' : 'todo')]
}

/** The same for a cell of the class grid, which has the worst result alone; none where the student has not been there. */
export function findingOfCell(step: CellStep | undefined): Finding {
  if (!step || step.status === '') return findings.todo
  if (step.completedAt) return findings.complete
  return findingOf({ status: step.status, reason: step.reason, pending: step.reason === 'Pending' })
}
