import type { Control } from './protocol'

/** How many bytes reach the screen between two acknowledgements. */
export const ackEvery = 64 << 10

export interface Chunk {
  bytes: Uint8Array
  /** The screen's answers to it must not reach the shell: it is of the past, or another view answers. */
  silent: boolean
}

/** What an attach means for the screen. */
export interface Attached {
  /** The screen shows another shell, or has a hole: clear it before the next bytes. */
  reset: boolean
  /** Bytes that are gone for good. */
  lost: number
}

/**
 * Which bytes of one shell's output are on this screen. It counts them from the
 * shell's start, so that a reconnect asks for exactly what is missing: no byte
 * is shown twice and none is left out. It holds no bytes, touches no screen and
 * no socket.
 */
export class TerminalStream {
  private currentEpoch = ''
  /** Of the next byte that we expect from the server. */
  private received = 0
  /** Of the next byte that the next message holds: behind received while the server repeats itself. */
  private arriving = 0
  /** All output before it is on the screen. */
  private shown = 0
  private acked = 0
  /** Output before it is replay, or another view has answered it. */
  private until = 0
  /** Output from it on is for another view to answer. */
  private mutedFrom = Infinity

  /** Names the shell whose output is on the screen; empty before the first attach. */
  get epoch(): string {
    return this.currentEpoch
  }

  /** Of the first byte that the next attach should send. */
  get offset(): number {
    return this.received
  }

  /** True while what the screen answers is no input: to bytes of the past, and where another view answers. */
  get silent(): boolean {
    return this.shown < this.until || this.shown >= this.mutedFrom
  }

  /** Takes the server's first message after a connect. */
  attached(control: Control): Attached {
    const epoch = control.epoch ?? ''
    const offset = control.offset ?? 0
    const lost = control.lost ?? 0
    const same = epoch === this.currentEpoch && offset <= this.received && lost === 0
    const first = this.currentEpoch === ''
    this.currentEpoch = epoch
    this.until = control.until ?? 0
    this.mutedFrom = control.muted ? 0 : Infinity
    this.arriving = offset
    // A new connection is a new account: what it does not send, it does not wait for.
    this.acked = Math.max(offset, same ? this.shown : 0)
    if (!same) {
      this.received = offset
      this.shown = offset
      this.acked = offset
    }
    return { reset: !same && !first, lost }
  }

  /** Takes that another view answers from an offset of the output on, or that this one does. */
  mute(muted: boolean, offset: number): void {
    if (muted === this.mutedFrom < Infinity) return
    if (muted) this.mutedFrom = offset
    else {
      this.mutedFrom = Infinity
      this.until = Math.max(this.until, offset)
    }
  }

  /**
   * Takes a message of output and returns what of it belongs on the screen, in
   * chunks that the screen may answer as a whole or not at all.
   */
  output(bytes: Uint8Array): Chunk[] {
    const repeated = Math.min(bytes.length, this.received - this.arriving)
    this.arriving += bytes.length
    const fresh = repeated > 0 ? bytes.subarray(repeated) : bytes
    if (fresh.length === 0) return []
    const start = this.received
    this.received += fresh.length
    const cuts = [this.until, this.mutedFrom].filter((at) => at > start && at < this.received).sort((a, b) => a - b)
    const chunks: Chunk[] = []
    let from = start
    for (const to of [...cuts, this.received]) {
      if (to === from) continue
      const silent = from < this.until || from >= this.mutedFrom
      chunks.push({ bytes: fresh.subarray(from - start, to - start), silent })
      from = to
    }
    return chunks
  }

  /**
   * Says that length more bytes of this epoch are on the screen. Returns the
   * offset to acknowledge when it is time to, or null.
   */
  wrote(epoch: string, length: number): number | null {
    if (epoch !== this.currentEpoch) return null // written before a reset
    this.shown = Math.min(this.received, this.shown + length)
    if (this.shown - this.acked < ackEvery) return null
    this.acked = this.shown
    return this.shown
  }

  /** Forgets the shell, so that the next attach starts a screen from nothing. */
  forget(): void {
    this.currentEpoch = ''
    this.received = this.arriving = this.shown = this.acked = this.until = 0
    this.mutedFrom = Infinity
  }
}
