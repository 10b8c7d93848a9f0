import { store, stored } from './stored'

export type Theme = 'light' | 'dark'

/** Which theme shows: the system's, until the person chooses one. */
class ThemeChoice {
  private readonly dark = window.matchMedia('(prefers-color-scheme: dark)')
  private readonly reduced = window.matchMedia('(prefers-reduced-motion: reduce)')
  private systemDark = $state(this.dark.matches)
  private chosen = $state<Theme | null>(null)
  /** True where the person asked their system for less motion. */
  still = $state(this.reduced.matches)

  constructor() {
    const value = stored('theme')
    if (value === 'light' || value === 'dark') this.chosen = value
    this.dark.addEventListener('change', (event) => (this.systemDark = event.matches))
    this.reduced.addEventListener('change', (event) => (this.still = event.matches))
  }

  get current(): Theme {
    return this.chosen ?? (this.systemDark ? 'dark' : 'light')
  }

  toggle(): void {
    const next = this.current === 'dark' ? 'light' : 'dark'
    // Choosing what the system shows anyway means following it again.
    this.chosen = next === (this.systemDark ? 'dark' : 'light') ? null : next
    store('theme', this.chosen)
    if (this.chosen) document.documentElement.dataset.theme = this.chosen
    else delete document.documentElement.dataset.theme
  }
}

export const theme = new ThemeChoice()
