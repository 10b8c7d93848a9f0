import { expect, test } from 'vitest'
import type { CellStep, Check } from '../api/types'
import { findingOf, findingOfCell, findingOfStep } from './finding'

const check = (status: Check['status'], reason: string, pending = false): Check => ({
  name: 'c',
  status,
  reason,
  message: '',
  pending,
  at: null,
})
const passed = check('True', 'Passed')
const wrong = check('False', 'Wrong')
const pending = check('False', 'Pending', true)
const missing = check('False', 'NotFound')
const unread = check('Unknown', 'NotEvaluated')
const failed = check('Unknown', 'ClusterUnreachable')

test.each([
  [passed, 'complete'],
  [wrong, 'wrong'],
  [pending, 'pending'],
  [missing, 'todo'],
  [unread, 'todo'],
  [failed, 'unknown'],
  [check('Unknown', 'Timeout'), 'unknown'],
])('findingOf %o', (value, want) => {
  expect(findingOf(value).kind).toBe(want)
})

test.each([
  ['completed stays so', '2026-01-01T00:00:00Z', [wrong], 'complete'],
  ['the worst counts', null, [passed, pending, wrong, failed], 'wrong'],
  ['unknown before pending', null, [pending, failed], 'unknown'],
  ['pending before missing', null, [missing, pending], 'pending'],
  ['nothing looked at', null, [unread], 'todo'],
  ['no checks known', null, [], 'todo'],
  ['all true, not saved yet', null, [passed, passed], 'pending'],
])('findingOfStep: %s', (_, completedAt, checks, want) => {
  expect(findingOfStep({ name: 's', completedAt, points: 0, hints: [], hintCost: 0, checks }).kind).toBe(want)
})

const cell = (status: CellStep['status'], reason: string, completedAt: string | null = null): CellStep => ({ name: 's', completedAt, status, reason })

test.each([
  ['the student was not there', undefined, 'todo'],
  ['not looked at yet', cell('', ''), 'todo'],
  ['nothing there', cell('False', 'NotFound'), 'todo'],
  ['not begun or on its way', cell('False', 'Pending'), 'pending'],
  ['a mistake', cell('False', 'Wrong'), 'wrong'],
  ['a silent cluster', cell('Unknown', 'ClusterUnreachable'), 'unknown'],
  ['all true, not saved yet', cell('True', 'Passed'), 'complete'],
  ['completed stays so', cell('True', 'Passed', '2026-01-01T00:00:00Z'), 'complete'],
])('findingOfCell: %s', (_, step, want) => {
  expect(findingOfCell(step).kind).toBe(want)
})
