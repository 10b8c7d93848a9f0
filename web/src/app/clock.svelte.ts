import { client } from '../api/client'

/**
 * The server's time as state, for clocks and countdowns. It ticks only while
 * something shows it: call watch in an effect, and return what it returns.
 */
class Clock {
  now = $state(client.now())
  private watchers = 0
  private timer: ReturnType<typeof setInterval> | undefined

  watch(): () => void {
    this.now = client.now()
    if (this.watchers++ === 0) this.timer = setInterval(() => (this.now = client.now()), 250)
    return () => {
      if (--this.watchers === 0) clearInterval(this.timer)
    }
  }
}

export const time = new Clock()
