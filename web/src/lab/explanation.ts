import type { Check } from '../api/types'
import { findingOf } from './finding'

export interface Line {
  term: string
  /** What a person or a cluster wrote: to be shown as plain text. */
  text: string
  /** The object that the text is of; empty where that is said already or not known. */
  object: string
}

/** What is told of a check beside its message, line by line; nothing once the check has passed. */
export function explanationOf(check: Check): Line[] {
  if (findingOf(check).kind === 'complete') return []
  const lines: Line[] = []
  if (check.wanted) lines.push({ term: 'Wanted', text: check.wanted, object: '' })
  if (check.found) lines.push({ term: 'Found', text: check.found, object: check.object ?? '' })
  if (check.hint) lines.push({ term: 'Hint', text: check.hint, object: '' })
  return lines
}
