import type { Terminal } from '@xterm/xterm'
import { runInput } from './paste'

/** Where the cursor is, as far as the screen shows it. */
export type Place =
  | 'prompt' // of the workstation's shell, and nothing is typed there
  | 'typed' // at its prompt, behind something that is not sent yet
  | 'other' // at a prompt of another shell, as in a container
  | 'busy' // in a program

/** What is looked at, which is the same with a screen and without. */
export type Looked = Pick<Terminal, 'buffer' | 'modes'>

/**
 * Tells where the cursor is. Bash switches bracketed paste on while it reads a line
 * and off while a command runs; shells that know none are told by their prompt.
 */
export function placeOf({ buffer, modes }: Looked): Place {
  const active = buffer.active
  if (active.type === 'alternate') return 'busy'
  const row = active.getLine(active.baseY + active.cursorY)
  const before = row?.translateToString(false, 0, active.cursorX) ?? ''
  const behind = row?.translateToString(true, active.cursorX).trim() ?? ''
  if (before === '> ') return 'busy' // a command that is not whole yet
  const prompt = /[#$%] $/.test(before) && behind === ''
  if (modes.bracketedPasteMode) return prompt ? 'prompt' : 'typed'
  return prompt ? 'other' : 'busy'
}

/** Ctrl+E and Ctrl+U: what is typed goes, and Ctrl+Y brings it back. */
const setAside = '\x05\x15'

/** Runs commands one after the other, each at its prompt. */
export class Runner {
  private rest: string[] = []
  /** The shell has taken the last command, so that the next prompt is the one after it. */
  private taken = false

  constructor(
    private readonly terminal: Looked & Pick<Terminal, 'parser' | 'onWriteParsed'>,
    private readonly type: (text: string) => void,
    /** How many commands are still to come. */
    private readonly onLeft: (left: number) => void,
  ) {
    terminal.parser.registerCsiHandler({ prefix: '?', final: 'l' }, (params) => {
      if (params.includes(2004)) this.taken = true
      return false
    })
    terminal.onWriteParsed(() => this.next())
  }

  /** Runs commands. False: a program has the terminal, and nothing was typed. */
  run(commands: string[]): boolean {
    const place = placeOf(this.terminal)
    if (place === 'busy' || this.rest.length > 0) return false
    if (place === 'other') {
      this.type(runInput(commands.join('\n'), false))
      return true
    }
    this.rest = [...commands]
    this.send(place === 'typed' ? setAside : '')
    return true
  }

  /** Ends the program that has the terminal, and runs commands at the next prompt. */
  stopAndRun(commands: string[]): void {
    this.rest = [...commands]
    this.taken = !this.terminal.modes.bracketedPasteMode // else the shell ends its line first
    this.onLeft(this.rest.length)
    this.type('\x03')
  }

  /** Leaves out what is still to come. */
  cancel(): void {
    if (this.rest.length === 0) return
    this.rest = []
    this.onLeft(0)
  }

  private next(): void {
    if (this.rest.length === 0 || !this.taken || !this.terminal.modes.bracketedPasteMode) return
    if (placeOf(this.terminal) !== 'busy') this.send('') // whatever the prompt looks like
  }

  private send(first: string): void {
    const command = this.rest.shift()
    if (command === undefined) return
    this.taken = false
    this.onLeft(this.rest.length)
    this.type(first + runInput(command, this.terminal.modes.bracketedPasteMode))
  }
}

/** Takes a block apart into commands of so many lines each: "1 3". */
export function commandsOf(text: string, sizes: string): string[] {
  const lines = text.split('\n')
  const commands: string[] = []
  for (const size of sizes.split(' ').filter(Boolean).map(Number)) commands.push(lines.splice(0, size).join('\n'))
  if (lines.length > 0) commands.push(lines.join('\n'))
  return commands.filter((command) => command.trim() !== '')
}
