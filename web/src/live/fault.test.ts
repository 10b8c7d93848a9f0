import { describe, expect, test } from 'vitest'
import { faultOf } from './fault'

const origin = 'https://lab.example.org'

describe('faultOf', () => {
  test('blocked: what to tell whom', () => {
    const student = faultOf('blocked', '', { origin, operator: false })
    expect(student?.title).toContain('WebSocket')
    expect(student?.advice).toMatch(/^Tell your instructor: the proxy .*Upgrade and Connection/)
    expect(student?.advice).toContain('wheelhouse doctor --url https://lab.example.org')
    expect(faultOf('blocked', '', { origin, operator: true })?.advice).toMatch(/^The proxy/)
  })

  test('a wrong address is told in the server’s words', () => {
    const fault = faultOf('address', 'Open https://other.example instead.', { origin, operator: true })
    expect(fault?.text).toBe('Open https://other.example instead.')
    expect(fault?.advice).toContain('--public-url https://lab.example.org')
  })

  test('what comes back by itself needs no explanation', () => {
    expect(faultOf('unknown', '', { origin, operator: false })).toBeNull()
    expect(faultOf('unreachable', '', { origin, operator: false })).toBeNull()
  })
})
