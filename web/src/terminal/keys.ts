import type { Terminal } from '@xterm/xterm'
import { notices } from '../app/notices.svelte'
import { copy } from './clipboard'
import { optionIsMeta } from './option'

export interface KeyHandlers {
  search: () => void
  /** Returns true when it took the key. */
  enter: () => boolean
}

const mac = /Mac|iPhone|iPad/.test(navigator.platform)

/**
 * The keys that the page keeps from the shell: copy, paste and search. Paste is
 * left to the browser, whose own event needs no permission.
 */
export function bindKeys(terminal: Terminal, handlers: KeyHandlers): void {
  terminal.attachCustomKeyEventHandler((event) => {
    // The way out of the terminal by keyboard, handled by the page.
    if (event.key === 'F6') return false
    if (event.type !== 'keydown') return true
    const { code, ctrlKey: ctrl, shiftKey: shift, altKey: alt, metaKey: meta } = event

    if (mac && alt) terminal.options.macOptionIsMeta = optionIsMeta(event)
    if (event.key === 'Enter' && handlers.enter()) return take(event)
    if (alt || (mac && ctrl)) return true
    const command = mac ? meta : ctrl
    if (!command && !(shift && code === 'Insert')) return true

    if (code === 'KeyF' && (shift || mac)) {
      handlers.search()
      return take(event)
    }
    // Ctrl+C is the shell's, unless there is a selection to copy.
    const copies = (code === 'KeyC' && (shift || mac || terminal.hasSelection())) || (code === 'Insert' && ctrl)
    if (copies) {
      copySelection(terminal)
      return take(event)
    }
    return !(code === 'KeyV' || code === 'Insert')
  })
}

/** Copies what is selected, and lets the selection go so that the next Ctrl+C interrupts. */
export function copySelection(terminal: Terminal): void {
  const text = terminal.getSelection()
  if (!text) return
  void copy(text).then((done) => {
    if (done) terminal.clearSelection()
    else notices.error('The browser did not allow copying. Select the text and use its own menu.')
  })
}

function take(event: KeyboardEvent): false {
  event.preventDefault()
  event.stopPropagation()
  return false
}
