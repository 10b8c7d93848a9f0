import { store, stored, storedNumber } from '../app/stored'
import { theme } from '../app/theme.svelte'
import { TerminalScreen } from '../terminal/screen.svelte'

/** How many terminals a workstation has at most. */
const most = 8
export const fontSizes = { min: 10, max: 24, usual: 14 }

/** The terminals of one session, as tabs. */
export class Terminals {
  list = $state.raw<TerminalScreen[]>([])
  names = $state.raw<string[]>([])
  active = $state('1')
  searching = $state(false)
  fontSize = $state(storedNumber('fontSize', fontSizes.usual, fontSizes.min, fontSizes.max))
  screenReader = $state(stored('screenReader') === 'on')
  private readonly screens = new Map<string, TerminalScreen>()
  private readonly key: string

  constructor(private readonly session: string) {
    this.key = 'terminals.' + session
    const names = (stored(this.key) ?? '1').split(',').filter((name) => /^[1-8]$/.test(name))
    for (const name of names.length > 0 ? new Set(names) : ['1']) this.make(name)
    this.active = this.names[0] ?? '1'
    this.changed()
  }

  get current(): TerminalScreen | undefined {
    return this.screens.get(this.active)
  }

  get full(): boolean {
    return this.names.length >= most
  }

  screen(name: string): TerminalScreen | undefined {
    return this.screens.get(name)
  }

  select(name: string): void {
    this.searching = false
    this.active = name
  }

  /** Opens the terminal with the lowest free number. */
  add(): void {
    const free = Array.from({ length: most }, (_, i) => String(i + 1)).find((name) => !this.screens.has(name))
    if (!free) return
    this.make(free)
    this.changed()
    this.select(free)
  }

  /** Puts a terminal away. Its shell goes on; the same number brings it back. */
  hide(name: string): void {
    const at = this.names.indexOf(name)
    if (at < 0 || this.names.length === 1) return
    this.screens.get(name)?.dispose()
    this.screens.delete(name)
    this.changed()
    if (this.active === name) this.select(this.names[Math.min(at, this.names.length - 1)] ?? '1')
  }

  setFontSize(size: number): void {
    this.fontSize = Math.min(fontSizes.max, Math.max(fontSizes.min, size))
    store('fontSize', String(this.fontSize))
    for (const screen of this.screens.values()) screen.setFontSize(this.fontSize)
  }

  setScreenReader(on: boolean): void {
    this.screenReader = on
    store('screenReader', on ? 'on' : null)
    for (const screen of this.screens.values()) screen.setScreenReader(on)
  }

  dispose(): void {
    for (const screen of this.screens.values()) screen.dispose()
    this.screens.clear()
  }

  private make(name: string): void {
    const screen = new TerminalScreen({
      session: this.session,
      name,
      theme: theme.current,
      fontSize: this.fontSize,
      onSearch: () => (this.searching = true),
    })
    screen.setScreenReader(this.screenReader)
    this.screens.set(name, screen)
  }

  private changed(): void {
    this.names = [...this.screens.keys()].sort()
    this.list = this.names.flatMap((name) => this.screens.get(name) ?? [])
    store(this.key, this.names.join(',') === '1' ? null : this.names.join(','))
  }
}
