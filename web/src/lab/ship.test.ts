import { expect, test } from 'vitest'
import type { ProgressPhase } from '../api/types'
import { partsOf } from './ship'

const phase = (name: string, state: ProgressPhase['state']): ProgressPhase => ({
  name,
  title: name,
  state,
  seconds: 0,
  estimateSeconds: 0,
})

test('a cold start, half way', () => {
  const got = partsOf([
    phase('WorkstationImage', 'done'),
    phase('Nodes', 'done'),
    phase('ControlPlane', 'running'),
    phase('Networking', 'waiting'),
    phase('Storage', 'waiting'),
    phase('Workers', 'waiting'),
    phase('Images', 'waiting'),
    phase('Ready', 'waiting'),
    phase('Setup', 'waiting'),
  ])
  expect(got).toEqual({
    hull: 'done',
    wheel: 'running',
    rigging: 'waiting',
    hold: 'waiting',
    boats: 'waiting',
    cargo: 'waiting',
    flag: 'waiting',
    gangway: 'waiting',
  })
})

test('two phases of one part', () => {
  expect(partsOf([phase('NodeImage', 'done'), phase('Nodes', 'waiting')]).hull).toBe('running')
})

test('a warm cluster is whole but for the set-up', () => {
  const got = partsOf([phase('Setup', 'running')])
  expect(got.gangway).toBe('running')
  expect(Object.values(got).filter((state) => state === 'done')).toHaveLength(6)
})

test('nothing known is a whole ship', () => {
  expect(new Set(Object.values(partsOf([])))).toEqual(new Set(['done', 'absent']))
})
