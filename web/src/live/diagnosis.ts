import { ApiError } from '../api/error'

/**
 * Why no WebSocket stands:
 * - unknown: it may come back at any moment, as after a lost network;
 * - unreachable: plain requests get no answer either;
 * - blocked: plain requests work, and no WebSocket ever did, not even one that needs no log-in;
 * - refused: WebSockets come through, but the server takes none of this page, as when too many are open;
 * - address: the page is open under another address than the server's own.
 */
export type Cause = 'unknown' | 'unreachable' | 'blocked' | 'refused' | 'address'

/** How the cause is found out. Both are asked only after several refusals. */
export interface Probes {
  /** A plain request that the server refuses where the page's address is wrong. */
  request: () => Promise<unknown>
  /** Whether a WebSocket that needs no log-in can be opened. */
  socket: () => Promise<boolean>
}

/** After so many handshakes that failed, while plain requests worked, the probes are asked. */
export const refusalsBefore = 3

/** After so many more they are asked again. */
const refusalsBetween = 8

/**
 * Finds out why the WebSockets of this page do not stand, from what they and the
 * plain requests beside them meet. A browser tells no page why a handshake
 * failed. All sockets of the page share one.
 */
export class Diagnosis {
  private refusals = 0
  /** A WebSocket has stood: what is between the page and the server passes them. */
  private proven = false
  private asking = false
  /** Says whether what a probe found is still news. */
  private round = 0

  constructor(
    private readonly probes: Probes,
    private readonly onCause: (cause: Cause, detail: string) => void,
  ) {}

  /** A WebSocket stands. */
  opened(): void {
    this.proven = true
    this.refusals = 0
    this.round++
    this.onCause('unknown', '')
  }

  /**
   * A handshake failed or a connection broke, and a plain request at that moment
   * worked. It resolves when the probes, where they are asked, have answered.
   */
  async answered(opened: boolean): Promise<void> {
    if (this.proven || opened) return this.onCause('unknown', '')
    this.refusals++
    if (this.refusals < refusalsBefore) {
      if (this.refusals === 1) this.onCause('unknown', '')
      return
    }
    if ((this.refusals - refusalsBefore) % refusalsBetween === 0) await this.ask()
  }

  /** A handshake failed or a connection broke, and so did a plain request at that moment. */
  failed(error: unknown): void {
    if (error instanceof ApiError && !error.unreachable) return // the server's own words are shown
    this.refusals = 0
    this.round++
    this.onCause('unreachable', '')
  }

  private async ask(): Promise<void> {
    if (this.asking) return
    this.asking = true
    const round = this.round
    try {
      const [cause, detail] = await this.look()
      if (round === this.round && !this.proven) this.onCause(cause, detail)
    } finally {
      this.asking = false
    }
  }

  private async look(): Promise<[Cause, string]> {
    try {
      await this.probes.request()
    } catch (error) {
      if (error instanceof ApiError && (error.code === 'WrongOrigin' || error.code === 'WrongHost')) return ['address', error.message]
      return ['unknown', '']
    }
    return [(await this.probes.socket()) ? 'refused' : 'blocked', '']
  }
}

/** How long a WebSocket that is only tried may take, in milliseconds: a proxy may leave it unanswered. */
const patience = 10_000

/** Opens a WebSocket to see whether one can be, and closes it. */
export function trySocket(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    let socket: WebSocket
    try {
      socket = new WebSocket(url)
    } catch {
      return resolve(false)
    }
    const timer = setTimeout(() => socket.close(), patience)
    socket.onopen = () => {
      resolve(true)
      socket.close()
    }
    socket.onclose = () => {
      clearTimeout(timer)
      resolve(false) // what was resolved before stays so
    }
  })
}
