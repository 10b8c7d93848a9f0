import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import { client } from '../api/client'
import { ApiError } from '../api/error'
import { account } from '../app/account.svelte'
import type { Theme } from '../app/theme.svelte'
import { connection } from '../live/connection.svelte'
import { LiveSocket } from '../live/socket'
import { isAnswer } from './answers'
import { colours } from './colours'
import { bindKeys } from './keys'
import { TerminalInput } from './input'
import { inputMessages, runInput } from './paste'
import { parseControl, type Control } from './protocol'
import { accelerate } from './renderer'
import { Runner } from './runner'
import { TerminalStream } from './stream'
import { useWidths } from './widths'
import { WholeCharacters } from './whole'

export type ScreenState = 'connecting' | 'open' | 'waiting' | 'exited' | 'closed'

export interface ScreenOptions {
  session: string
  /** The terminal's name: "1", "2" and so on. */
  name: string
  theme: Theme
  fontSize: number
  /** Shows what happens and types nothing. */
  readOnly?: boolean
  onSearch?: () => void
}

const clearScreen = '\x1bc'

/**
 * One terminal on the page: an xterm.js, the socket to the shell, and the count
 * of bytes between them. Its owner disposes of it.
 */
export class TerminalScreen {
  state = $state<ScreenState>('connecting')
  retryAt = $state(0)
  exitCode = $state(0)
  /** What the server said when it sent us away. */
  trouble = $state('')
  /** True after input that was too much to be kept without a connection: none of it was typed. */
  refused = $state(false)
  /** Bytes that are missing above, after a long break. */
  lost = $state(0)
  title = $state('')
  /** Commands that were not run, because a program has the terminal. */
  held = $state.raw<string[]>([])
  /** How many commands follow, each when the one before has ended. */
  following = $state(0)

  readonly terminal: Terminal
  readonly search = new SearchAddon()
  private readonly fit = new FitAddon()
  private readonly stream = new TerminalStream()
  private readonly whole = new WholeCharacters()
  private readonly input = new TerminalInput()
  private readonly runner: Runner
  /** No attached has come on this connection yet. */
  private fresh = true
  private socket: LiveSocket | null = null
  private readonly observer = new ResizeObserver(() => this.refitSoon())
  private focusWhenOpen = false
  private refitTimer: ReturnType<typeof setTimeout> | undefined
  private element: HTMLElement | null = null

  constructor(private readonly options: ScreenOptions) {
    this.terminal = new Terminal({
      allowProposedApi: true, // the search's marks and the widths need it
      cursorBlink: false,
      disableStdin: options.readOnly ?? false,
      fontFamily: "'JetBrains Mono Variable', ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
      fontSize: options.fontSize,
      fontWeight: 450,
      fontWeightBold: 700,
      lineHeight: 1.2,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      scrollback: 10_000,
      theme: colours[options.theme],
    })
    this.terminal.loadAddon(this.fit)
    this.terminal.loadAddon(this.search)
    this.terminal.loadAddon(new WebLinksAddon())
    useWidths(this.terminal)
    this.runner = new Runner(this.terminal, (text) => this.type(text), (left) => (this.following = left))
    this.terminal.onTitleChange((title) => (this.title = title))
    if (!options.readOnly) {
      this.terminal.onData((data) => this.typed(data))
      this.terminal.onBinary((data) => this.pass([Uint8Array.from(data, (c) => c.charCodeAt(0))]))
    }
    bindKeys(this.terminal, {
      search: () => options.onSearch?.(),
      enter: () => this.enter(),
    })
  }

  /** Shows the terminal in an element, and connects. */
  async open(element: HTMLElement): Promise<void> {
    this.element = element
    // Measured with a fallback font, the cells would be off for good.
    await Promise.allSettled(['450 14px', '700 14px'].map((font) => document.fonts.load(`${font} 'JetBrains Mono Variable'`)))
    if (this.element !== element) return
    this.terminal.open(element)
    accelerate(this.terminal)
    if (this.focusWhenOpen) this.focus()
    this.refit()
    this.observer.observe(element)
    this.connect()
  }

  dispose(): void {
    clearTimeout(this.refitTimer)
    this.element = null
    this.observer.disconnect()
    this.socket?.close()
    this.terminal.dispose()
  }

  /** Gives it the keyboard, where it is not on the page yet as soon as it is. */
  focus(): void {
    this.focusWhenOpen = !this.terminal.element
    this.terminal.focus()
    this.refit()
  }

  setTheme(theme: Theme): void {
    this.terminal.options.theme = colours[theme]
  }

  setFontSize(size: number): void {
    if (this.terminal.options.fontSize === size) return
    this.terminal.options.fontSize = size
    this.refit()
  }

  /** Makes all output readable by a screen reader, at the price of speed. */
  setScreenReader(on: boolean): void {
    this.terminal.options.screenReaderMode = on
  }

  /**
   * Types commands and runs them, one after the other. A string says why it did not;
   * where a program has the terminal it is empty, and the commands are held.
   */
  run(commands: string[]): string | null {
    if (this.state === 'exited') return 'The shell in this terminal has ended. Open a new one first.'
    if (this.state !== 'open') return 'The terminal is not connected yet. Try again in a moment.'
    if (this.terminal.buffer.active.type === 'alternate') {
      return 'An editor or a pager is open in this terminal. Leave it first (q, or Ctrl+X in nano), then run the command.'
    }
    const done = this.runner.run(commands)
    this.held = done ? [] : commands
    this.terminal.scrollToBottom()
    if (done) this.terminal.focus()
    return done ? null : ''
  }

  /** Ends the program that has the terminal, and runs what was held. */
  stopAndRun(): void {
    this.runner.stopAndRun(this.held)
    this.letGo()
  }

  /** Types what was held into the program that has the terminal. */
  typeHeld(): void {
    this.type(runInput(this.held.join('\n'), false))
    this.letGo()
  }

  letGo(): void {
    this.held = []
    this.terminal.focus()
  }

  /** Leaves out the commands that follow. */
  leaveOut(): void {
    this.runner.cancel()
    this.terminal.focus()
  }

  /** Opens a new shell where the last one ended or was refused. */
  reopen(): void {
    this.socket?.close()
    this.trouble = ''
    this.connect()
    this.terminal.focus()
  }

  retryNow(): void {
    this.socket?.retryNow()
  }

  private connect(): void {
    const { session, name } = this.options
    this.socket = new LiveSocket({
      url: () => {
        // The size of its own place, not one that it took over from another view.
        const { cols, rows } = this.place() ?? this.terminal
        const query = new URLSearchParams({ source: this.input.source, cols: String(cols), rows: String(rows) })
        if (this.stream.epoch) {
          query.set('epoch', this.stream.epoch)
          query.set('offset', String(this.stream.offset))
        }
        return `/api/sessions/${encodeURIComponent(session)}/terminals/${encodeURIComponent(name)}?${query}`
      },
      onBytes: (bytes) => this.output(bytes),
      onText: (text) => {
        const control = parseControl(text)
        if (control) this.control(control)
      },
      onState: (state, retryAt) => {
        this.retryAt = retryAt
        if (state === 'connecting') this.fresh = true
        // An open socket is no terminal yet: "attached" makes it one.
        if (state === 'open') return connection.diagnosis.opened()
        if (state === 'connecting' && this.state === 'waiting') return
        if (this.state !== 'exited' || state === 'connecting') this.state = state
      },
      mayRetry: (code, opened) => this.mayRetry(code, opened),
    })
    this.socket.open()
  }

  private control(control: Control): void {
    switch (control.type) {
      case 'attached': {
        this.socket?.proven()
        this.state = 'open'
        this.trouble = ''
        this.refused = false
        const { reset, lost } = this.stream.attached(control)
        this.lost = reset ? lost : 0
        // Through the queue, behind what still waits to be drawn of the old shell.
        if (reset) this.runner.cancel() // another shell, or one whose prompt was missed
        if (reset) this.whole.reset()
        if (reset) this.terminal.write(clearScreen)
        this.adopt(control)
        if (this.fresh) for (const message of this.input.attached(control)) this.socket?.send(message)
        this.fresh = false
        break
      }
      case 'typed':
        this.input.taken(control.offset ?? 0)
        break
      case 'size':
        this.stream.mute(control.muted ?? false, control.offset ?? 0)
        this.adopt(control)
        break
      case 'exit':
        this.exitCode = control.exitCode ?? 0
        this.state = 'exited'
        break
      case 'error':
        this.trouble = control.message ?? ''
        if (control.refused) this.input.forget()
        break
    }
  }

  private output(bytes: Uint8Array): void {
    const epoch = this.stream.epoch
    for (const chunk of this.stream.output(bytes)) {
      this.terminal.write(this.whole.take(chunk.bytes), () => {
        const ack = this.stream.wrote(epoch, chunk.bytes.length)
        if (ack !== null) this.send({ type: 'ack', offset: ack })
      })
    }
  }

  private typed(data: string): void {
    if (this.state === 'exited') return
    // The emulator's answers to output of the past are not input; and of the
    // views that show this shell, only the one that the server chose answers.
    if (this.stream.silent && isAnswer(data)) return
    if (data === '\x03') this.runner.cancel()
    this.type(data)
  }

  private type(text: string): void {
    this.pass([...inputMessages(text)])
  }

  /** Sends messages of input, now or as soon as there is a connection again: all of them, or none. */
  private pass(messages: Uint8Array<ArrayBuffer>[]): void {
    if (this.state === 'exited' || this.state === 'closed') return
    const connected = this.state === 'open'
    if (!this.input.keep(messages, connected)) {
      this.refused = true
      return
    }
    this.refused = false
    if (connected) for (const message of messages) this.socket?.send(message)
  }

  /** Enter opens a new shell where the old one ended. Returns true when it did. */
  private enter(): boolean {
    if (this.state !== 'exited' || this.options.readOnly) return false
    this.reopen()
    return true
  }

  private async mayRetry(code: number, opened: boolean): Promise<boolean> {
    if (this.state === 'exited') return false
    if (code === 4401) account.expired()
    if (code === 4404) this.trouble = 'This terminal is no longer yours. Reload the page to see why.'
    if (code === 1008) this.trouble ||= 'The server closed this terminal because of a message that it does not allow. Open it again.'
    if (code === 4401 || code === 4404 || code === 4409 || code === 1008) return false
    try {
      const session = await client.session(this.options.session)
      void connection.diagnosis.answered(opened)
      return session.phase === 'Ready'
    } catch (error) {
      connection.diagnosis.failed(error)
      if (!(error instanceof ApiError)) return true
      if (error.unauthorized) account.expired()
      return !(error.status >= 400 && error.status < 500 && error.status !== 429)
    }
  }

  /** Takes the size that the shell has: the last viewer to change it wins. */
  private adopt({ cols, rows }: Control): void {
    if (!cols || !rows || (cols === this.terminal.cols && rows === this.terminal.rows)) return
    this.terminal.resize(cols, rows)
  }

  private refitSoon(): void {
    clearTimeout(this.refitTimer)
    this.refitTimer = setTimeout(() => this.refit(), 60)
  }

  private refit(): void {
    const size = this.place()
    if (!size) return
    const { cols, rows } = size
    if (cols === this.terminal.cols && rows === this.terminal.rows) return
    this.terminal.resize(cols, rows)
    this.send({ type: 'resize', cols, rows })
  }

  /** The size that fits its place on the page; null while it has none. */
  private place(): { cols: number; rows: number } | null {
    if (this.options.readOnly || !this.element || this.element.offsetParent === null) return null
    const size = this.fit.proposeDimensions()
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return null
    return { cols: Math.min(1000, Math.max(2, size.cols)), rows: Math.min(500, Math.max(1, size.rows)) }
  }

  private send(control: Control): void {
    this.socket?.send(JSON.stringify(control))
  }
}
