import { Backoff } from './backoff'

export type SocketState = 'connecting' | 'open' | 'waiting' | 'closed'

export interface SocketHandlers {
  /** The address for the next try; it may differ each time. */
  url: () => string
  onText?: (text: string) => void
  onBytes?: (bytes: Uint8Array) => void
  onState?: (state: SocketState, retryAt: number) => void
  /**
   * Asked after a try that failed or a connection that broke: false gives up.
   * A browser never tells why a WebSocket was refused, so this is where a
   * caller asks the API whether it is still logged in. The code is that of the
   * WebSocket's close; opened says whether it had been a connection at all.
   */
  mayRetry?: (code: number, opened: boolean) => Promise<boolean>
}

/**
 * A WebSocket that comes back by itself, with growing waits, at once when the
 * network or the tab comes back. Its owner closes it.
 */
export class LiveSocket {
  private readonly backoff = new Backoff()
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private current: SocketState = 'closed'
  private readonly kick = () => {
    if (this.current === 'waiting') this.connect()
  }
  private readonly offline = () => this.socket?.close()
  private readonly visible = () => {
    if (document.visibilityState === 'visible') this.kick()
  }

  constructor(private readonly handlers: SocketHandlers) {}

  get state(): SocketState {
    return this.current
  }

  open(): void {
    window.addEventListener('online', this.kick)
    window.addEventListener('offline', this.offline)
    document.addEventListener('visibilitychange', this.visible)
    this.connect()
  }

  /** Tries at once, rather than when the wait is over. */
  retryNow(): void {
    this.kick()
  }

  /** The connection has done what it is for: the next wait is short again. */
  proven(): void {
    this.backoff.reset()
  }

  /** Ends this connection and makes another, as after a shell has ended. */
  restart(): void {
    if (this.current === 'closed') return
    this.drop()
    this.connect()
  }

  close(): void {
    window.removeEventListener('online', this.kick)
    window.removeEventListener('offline', this.offline)
    document.removeEventListener('visibilitychange', this.visible)
    this.drop()
    this.set('closed')
  }

  /** Sends, or tells that there is no connection to send on. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (this.current !== 'open' || this.socket?.readyState !== WebSocket.OPEN) return false
    this.socket.send(data)
    return true
  }

  private connect(): void {
    clearTimeout(this.timer)
    this.set('connecting')
    let socket: WebSocket
    try {
      socket = new WebSocket(absolute(this.handlers.url()))
    } catch {
      void this.lost(1006, false)
      return
    }
    let opened = false
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      opened = true
      if (this.socket === socket) this.set('open')
    }
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket !== socket) return
      if (typeof event.data === 'string') this.handlers.onText?.(event.data)
      else this.handlers.onBytes?.(new Uint8Array(event.data))
    }
    socket.onclose = (event) => {
      if (this.socket === socket) void this.lost(event.code, opened)
    }
  }

  private async lost(code: number, opened: boolean): Promise<void> {
    this.socket = null
    const wait = this.backoff.next()
    this.set('waiting', Date.now() + wait)
    const may = (await this.handlers.mayRetry?.(code, opened)) ?? true
    if (this.current !== 'waiting') return // closed, or kicked, meanwhile
    if (!may) {
      this.close()
      return
    }
    clearTimeout(this.timer)
    this.timer = setTimeout(this.kick, wait)
  }

  private drop(): void {
    clearTimeout(this.timer)
    const socket = this.socket
    this.socket = null
    socket?.close()
  }

  private set(state: SocketState, retryAt = 0): void {
    this.current = state
    this.handlers.onState?.(state, retryAt)
  }
}

/** The address of a WebSocket of our own origin. */
export function absolute(url: string): string {
  const resolved = new URL(url, location.href)
  resolved.protocol = resolved.protocol === 'https:' ? 'wss:' : 'ws:'
  return resolved.href
}
