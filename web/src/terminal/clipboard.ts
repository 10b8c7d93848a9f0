import { notices } from '../app/notices.svelte'

/** Puts text on the clipboard, also where the page came over plain HTTP. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyTheOldWay(text)
  }
}

/** Copies text and says so, or why not and what to do instead. */
export async function copyAndSay(text: string, done: string, otherwise: string): Promise<void> {
  if (await copy(text)) notices.show(done)
  else notices.error(`The browser did not allow copying. ${otherwise}`)
}

function copyTheOldWay(text: string): boolean {
  const focused = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'hidden-words'
  area.setAttribute('aria-hidden', 'true')
  // Out of a modal dialog the focus cannot go, and only what has it is copied.
  const place = [...document.querySelectorAll('dialog:modal')].at(-1) ?? document.body
  place.append(area)
  area.select()
  try {
    // Deprecated, and the only way without a secure context.
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    area.remove()
    if (focused instanceof HTMLElement) focused.focus()
  }
}
