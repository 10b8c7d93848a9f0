import type { Control } from './protocol'

/** How much is kept while there is no connection: far more than anybody types, less than a shell refuses. */
export const keepAtMost = 64 << 10

/**
 * What was typed on this page and may not have reached the shell yet. The server
 * tells how much of it the shell has taken; what it has not is sent again after a
 * break, so that no key is lost and none is pressed twice. It touches no socket.
 */
export class TerminalInput {
  /** Names this page to the shell, over all of its connections. */
  readonly source = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  private epoch = ''
  /** Not taken yet, as far as we know; the first byte is number start of this epoch. */
  private kept: Uint8Array<ArrayBuffer>[] = []
  private start = 0
  private size = 0
  /** False with a shell that does not count: then what was sent is gone. */
  private counted = true

  /**
   * Keeps messages until the shell has taken them. False: there is too much, and none of
   * them goes anywhere, so that no text arrives with a hole.
   */
  keep(messages: Uint8Array<ArrayBuffer>[], connected: boolean): boolean {
    const size = messages.reduce((sum, message) => sum + message.length, 0)
    if (!connected && this.size + size > keepAtMost) return false
    if (connected && !this.counted) return true
    this.kept.push(...messages)
    this.size += size
    return true
  }

  /** Takes the first message of a connection and returns what has to be sent on it, again or for the first time. */
  attached(control: Control): Uint8Array<ArrayBuffer>[] {
    const epoch = control.epoch ?? ''
    const same = epoch === this.epoch || this.epoch === ''
    this.epoch = epoch
    this.counted = control.source === this.source
    if (!same) this.forget() // it was meant for another shell
    const all = [...this.kept]
    if (!this.counted) {
      this.forget()
      return all
    }
    const typed = control.typed ?? 0
    if (this.kept.length === 0 || typed < this.start) this.start = typed
    this.taken(typed)
    return [...this.kept]
  }

  /** The shell has taken all input before the offset. */
  taken(offset: number): void {
    for (let first = this.kept[0]; first && this.start < offset; first = this.kept[0]) {
      const n = Math.min(first.length, offset - this.start)
      this.start += n
      this.size -= n
      if (n === first.length) this.kept.shift()
      else this.kept[0] = first.slice(n)
    }
  }

  /** Gives up what is kept: the shell that it was for is gone, or does not want it. */
  forget(): void {
    this.kept = []
    this.size = 0
  }
}
