import { expect, test } from 'vitest'
import type { Check } from '../api/types'
import { explanationOf } from './explanation'

const wrong: Check = { name: 'c', status: 'False', reason: 'Wrong', message: 'Three, please.', pending: false, at: null }

test.each<[string, Partial<Check>, string[]]>([
  ['nothing to tell', {}, []],
  ['all of it', { wanted: '3', found: '2', object: 'Deployment default/web', hint: 'Scale it.' }, ['Wanted: 3', 'Found: 2 (Deployment default/web)', 'Hint: Scale it.']],
  ['found in no object', { wanted: '0', found: '1' }, ['Wanted: 0', 'Found: 1']],
  ['a hint alone', { hint: 'Scale it.' }, ['Hint: Scale it.']],
  ['an object alone says nothing', { object: 'Deployment default/web' }, []],
  ['passed', { status: 'True', reason: 'Passed', wanted: '3', found: '3' }, []],
])('explanationOf: %s', (_, told, want) => {
  const lines = explanationOf({ ...wrong, ...told })
  expect(lines.map((line) => `${line.term}: ${line.text}${line.object && ` (${line.object})`}`)).toEqual(want)
})
