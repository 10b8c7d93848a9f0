export interface BackoffOptions {
  /** The first wait, in milliseconds. */
  first?: number
  /** No wait is longer than this, in milliseconds. */
  max?: number
  /** How many times longer each wait is than the one before. */
  factor?: number
  /** A number from 0 up to 1; Math.random unless a test says otherwise. */
  random?: () => number
}

/**
 * How long to wait before the next try to connect. Waits grow up to a limit, and
 * each is spread over its upper half, so that a class of thirty does not come
 * back to a restarted server in the same millisecond.
 */
export class Backoff {
  private readonly first: number
  private readonly max: number
  private readonly factor: number
  private readonly random: () => number
  private failures = 0

  constructor({ first = 300, max = 8000, factor = 2, random = Math.random }: BackoffOptions = {}) {
    this.first = first
    this.max = max
    this.factor = factor
    this.random = random
  }

  /** How many waits were handed out since the last success. */
  get tries(): number {
    return this.failures
  }

  /** The wait before the next try, in milliseconds. */
  next(): number {
    const wait = Math.min(this.max, this.first * this.factor ** this.failures)
    this.failures++
    return Math.round(wait / 2 + (wait / 2) * this.random())
  }

  /** To be called once a connection has proved itself. */
  reset(): void {
    this.failures = 0
  }
}
