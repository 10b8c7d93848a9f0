export interface Notice {
  id: number
  kind: 'info' | 'error'
  text: string
}

/** Short notices at the edge of the page, and what screen readers are told. */
class Notices {
  list = $state<Notice[]>([])
  /** The latest sentence for the polite live region. */
  spoken = $state('')
  private last = 0

  show(text: string, kind: Notice['kind'] = 'info'): void {
    const id = ++this.last
    this.list = [...this.list.filter((n) => n.text !== text).slice(-2), { id, kind, text }]
    setTimeout(() => this.dismiss(id), kind === 'error' ? 12_000 : 4500)
  }

  error(text: string): void {
    this.show(text, 'error')
  }

  dismiss(id: number): void {
    this.list = this.list.filter((n) => n.id !== id)
  }

  /** Says something to screen readers, when they have finished their sentence. */
  say(text: string): void {
    // The same text twice would not be read: a trailing space makes it new.
    this.spoken = this.spoken === text ? text + '\u00a0' : text
  }
}

export const notices = new Notices()
