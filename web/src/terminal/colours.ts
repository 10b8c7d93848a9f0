import type { ITheme } from '@xterm/xterm'
import type { Theme } from '../app/theme.svelte'

const dark: ITheme = {
  background: '#0d1820',
  foreground: '#dbe6ea',
  cursor: '#f0bb60',
  cursorAccent: '#0d1820',
  selectionBackground: '#2b5566',
  selectionInactiveBackground: '#1f3a46',
  black: '#26353d',
  red: '#f0796a',
  green: '#6bd59a',
  yellow: '#f0bb60',
  blue: '#74aef0',
  magenta: '#c5a4f5',
  cyan: '#6ccbe6',
  white: '#c8d5da',
  brightBlack: '#7d929c',
  brightRed: '#ff9a8a',
  brightGreen: '#8fe8b6',
  brightYellow: '#ffd58a',
  brightBlue: '#9cc7ff',
  brightMagenta: '#dac4ff',
  brightCyan: '#9adff2',
  brightWhite: '#f7fbfc',
}

const light: ITheme = {
  background: '#fbfaf5',
  foreground: '#1b2b34',
  cursor: '#8a500b',
  cursorAccent: '#fbfaf5',
  selectionBackground: '#bfe0ea',
  selectionInactiveBackground: '#dcebf0',
  black: '#1b2b34',
  red: '#a92f26',
  green: '#1b6b40',
  yellow: '#8a500b',
  blue: '#1b4f9c',
  magenta: '#6c3c9c',
  cyan: '#0a5a75',
  white: '#68777e',
  brightBlack: '#596a71',
  brightRed: '#c2402f',
  brightGreen: '#237f4e',
  brightYellow: '#9c6212',
  brightBlue: '#2a63b8',
  brightMagenta: '#8250b4',
  brightCyan: '#10708f',
  brightWhite: '#14232c',
}

export const colours: Record<Theme, ITheme> = { dark, light }

/** How a match of the search is marked. */
export const matches: Record<Theme, { matchBackground: string; activeMatchBackground: string }> = {
  dark: { matchBackground: '#4a3a14', activeMatchBackground: '#8a6414' },
  light: { matchBackground: '#f6e2b4', activeMatchBackground: '#eebb55' },
}
