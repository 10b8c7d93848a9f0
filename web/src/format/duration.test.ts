import { describe, expect, test } from 'vitest'
import { about, ago, clock, count, duration } from './duration'

test.each([
  [0, '0:00'],
  [7.9, '0:07'],
  [75, '1:15'],
  [3600, '1:00:00'],
  [3849, '1:04:09'],
  [-3, '0:00'],
])('clock(%d)', (seconds, want) => {
  expect(clock(seconds)).toBe(want)
})

test.each([
  [0, '0 s'],
  [3.6, '4 s'],
  [59.6, '1 min'],
  [80, '1 min 20 s'],
  [3600, '1 h'],
  [7500, '2 h 5 min'],
  [7195, '2 h'],
])('duration(%d)', (seconds, want) => {
  expect(duration(seconds)).toBe(want)
})

test.each([
  [-1, 'a few seconds'],
  [4, 'a few seconds'],
  [18, 'about 20 seconds'],
  [57, 'about 55 seconds'],
  [58, 'about a minute'],
  [89, 'about a minute'],
  [100, 'about 2 minutes'],
  [3500, 'about an hour'],
  [7300, 'about 2 hours'],
])('about(%d)', (seconds, want) => {
  expect(about(seconds)).toBe(want)
})

describe('ago', () => {
  const now = Date.parse('2026-05-04T12:00:00Z')
  test.each([
    ['2026-05-04T12:00:01Z', 'just now'],
    ['2026-05-04T11:59:30Z', 'just now'],
    ['2026-05-04T11:59:10Z', '1 min ago'],
    ['2026-05-04T11:15:00Z', '45 min ago'],
    ['2026-05-04T09:00:00Z', '3 h ago'],
    ['2026-05-01T09:00:00Z', 'on 1 May'],
    ['no time', ''],
  ])('%s', (at, want) => {
    expect(ago(at, now)).toBe(want)
  })
})

test('count', () => {
  expect([count(1, 'step'), count(2, 'step'), count(0, 'class')]).toEqual(['1 step', '2 steps', '0 classes'])
})
