import { expect, test } from 'vitest'
import { secretIn } from './secret'

test.each([
  ['#link=abc-_1', { kind: 'link', value: 'abc-_1' }],
  ['#bootstrap=xyz', { kind: 'bootstrap', value: 'xyz' }],
  ['#link=', null],
  ['#steps', null],
  ['', null],
])('secretIn(%s)', (hash, want) => {
  expect(secretIn(hash)).toEqual(want)
})
