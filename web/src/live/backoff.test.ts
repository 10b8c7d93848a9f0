import { describe, expect, test } from 'vitest'
import { Backoff } from './backoff'

describe('Backoff', () => {
  test('waits double up to the limit', () => {
    const backoff = new Backoff({ first: 100, max: 1000, random: () => 1 })
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000])
    expect(backoff.tries).toBe(6)
  })

  test('spread over the upper half', () => {
    const at = (random: number) => new Backoff({ first: 100, random: () => random }).next()
    expect([at(0), at(0.5), at(0.999)]).toEqual([50, 75, 100])
  })

  test('a success starts over', () => {
    const backoff = new Backoff({ first: 100, random: () => 1 })
    backoff.next()
    backoff.next()
    backoff.reset()
    expect(backoff.next()).toBe(100)
  })

  test('after days it still waits a number', () => {
    const backoff = new Backoff({ max: 8000, random: () => 1 })
    for (let i = 0; i < 5000; i++) backoff.next()
    expect(backoff.next()).toBe(8000)
  })
})
