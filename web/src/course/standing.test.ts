import { expect, test } from 'vitest'
import type { Course, LabSummary } from '../api/types'
import { nextLab, totals } from './standing'

const lab = (name: string, fields: Partial<LabSummary> = {}): LabSummary => ({
  name,
  title: name,
  summary: '',
  minutes: 10,
  steps: 4,
  points: 4,
  earnedPoints: 0,
  completedSteps: 0,
  finishedAt: null,
  session: null,
  ...fields,
})
const done = { completedSteps: 4, finishedAt: '2026-01-01T00:00:00Z' }
const course = (...labs: LabSummary[]): Course => ({
  name: 'c',
  title: 'C',
  summary: '',
  modules: [
    { name: 'one', title: 'One', summary: '', labs: labs.slice(0, 2) },
    { name: 'two', title: 'Two', summary: '', labs: labs.slice(2) },
  ],
})

test.each([
  ['nothing begun', course(lab('a'), lab('b'), lab('c')), ['start', 'a', 'one']],
  ['the first finished', course(lab('a', done), lab('b'), lab('c')), ['continue', 'b', 'one']],
  ['one begun further on', course(lab('a', done), lab('b'), lab('c', { completedSteps: 1 })), ['continue', 'c', 'two']],
  ['one is open', course(lab('a', { completedSteps: 1 }), lab('b'), lab('c', { session: { id: 's', phase: 'Ready' } })), ['live', 'c', 'two']],
  ['one has lost its cluster', course(lab('a'), lab('b', { session: { id: 's', phase: 'Failed' } })), ['start', 'a', 'one']],
  ['the open one is finished', course(lab('a', { ...done, session: { id: 's', phase: 'Ready' } }), lab('b')), ['continue', 'b', 'one']],
])('%s', (_, value, want) => {
  const next = nextLab(value)
  expect([next?.kind, next?.lab.name, next?.module]).toEqual(want)
})

test('all finished', () => {
  expect(nextLab(course(lab('a', done)))).toBeNull()
})

test('totals', () => {
  expect(totals(course(lab('a', done), lab('b', { completedSteps: 1 }), lab('c')))).toEqual({
    labs: 3,
    finished: 1,
    steps: 12,
    completed: 5,
    minutesLeft: 20,
  })
})
