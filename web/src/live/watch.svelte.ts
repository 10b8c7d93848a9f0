import { ApiError } from '../api/error'
import { account } from '../app/account.svelte'
import { connection } from './connection.svelte'
import { LiveSocket } from './socket'

export interface WatchOptions<T> {
  /** The events socket's query, such as "session=s_…". */
  query: string
  /** The message type that carries the value. */
  type: string
  /** Reads the same by HTTP: where no WebSocket gets through, the page still moves. */
  read: () => Promise<T>
  onValue?: (value: T, before: T | null) => void
  /** The connection stands again after it broke: the server may be another one. */
  onReturn?: () => void
}

/**
 * A value that the server sends whole after each change. It reconnects by
 * itself; while it cannot, it reads by HTTP at every try.
 */
export class Watch<T> {
  value = $state.raw<T | null>(null)
  error = $state.raw<ApiError | null>(null)
  connected = $state(false)
  /** True once a connection broke, until one stands again. */
  lost = $state(false)
  retryAt = $state(0)
  private readonly socket: LiveSocket

  constructor(private readonly options: WatchOptions<T>, first: T | null = null) {
    this.value = first
    this.socket = new LiveSocket({
      url: () => '/api/events?' + options.query,
      onText: (text) => this.message(text),
      onState: (state, retryAt) => {
        this.connected = state === 'open'
        if (state === 'open') {
          connection.diagnosis.opened()
          if (this.lost) options.onReturn?.()
          this.lost = false
        }
        if (state === 'waiting') this.lost = true
        this.retryAt = retryAt
      },
      mayRetry: (_code, opened) => this.poll(opened),
    })
    this.socket.open()
  }

  retryNow(): void {
    this.socket.retryNow()
  }

  close(): void {
    this.socket.close()
  }

  private message(text: string): void {
    let event: unknown
    try {
      event = JSON.parse(text)
    } catch {
      return
    }
    const { type, data } = event as { type?: string; data?: T }
    if (type !== this.options.type || data === undefined) return
    this.socket.proven()
    this.take(data)
  }

  private async poll(opened: boolean): Promise<boolean> {
    try {
      this.take(await this.options.read())
      void connection.diagnosis.answered(opened)
      return true
    } catch (error) {
      connection.diagnosis.failed(error)
      if (!(error instanceof ApiError)) return true
      if (error.unauthorized) account.expired()
      // What the server refuses now it will refuse again.
      if (error.status >= 400 && error.status < 500 && error.status !== 429) {
        this.error = error
        return false
      }
      return true
    }
  }

  private take(value: T): void {
    const before = this.value
    this.value = value
    this.error = null
    this.options.onValue?.(value, before)
  }
}
