import { messageOf } from '../api/error'
import { notices } from '../app/notices.svelte'
import { copy } from '../terminal/clipboard'
import { commandsOf } from '../terminal/runner'

export interface Actions {
  /**
   * Runs commands in the terminal, one after the other. A string says why it could
   * not; an empty one that the terminal itself asks what to do.
   */
  run: (commands: string[]) => string | null
  /** Asks where an application of the session's cluster shows. */
  app: (app: AppTarget) => Promise<string>
}

export interface AppTarget {
  namespace: string
  service: string
  port: number
}

/** Reads "NAMESPACE/SERVICE:PORT"; null when it is nothing of the kind. */
export function parseApp(text: string): AppTarget | null {
  const found = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63}):(\d{1,5})$/.exec(text)
  if (!found?.[1] || !found[2]) return null
  const port = Number(found[3])
  return port >= 1 && port <= 65535 ? { namespace: found[1], service: found[2], port } : null
}

/**
 * Gives the course's text its buttons: run and copy on code, and the links to
 * applications. The text itself was sanitised by the server; everything that is
 * added here is built from elements, never from HTML.
 */
export function enliven(root: HTMLElement, actions: Actions): void {
  for (const pre of root.querySelectorAll<HTMLElement>('pre[data-run], pre[data-copy]')) addTools(pre, actions)
  // What is wider than its place scrolls, by keyboard too. Commands break instead.
  for (const pre of root.querySelectorAll<HTMLElement>('pre:not([data-run])')) pre.tabIndex = 0
  for (const code of root.querySelectorAll<HTMLElement>('code[data-run]')) {
    if (!code.closest('pre')) makeButton(code, actions)
  }
  for (const link of root.querySelectorAll<HTMLAnchorElement>('a[data-app]')) {
    link.addEventListener('click', (event) => {
      event.preventDefault()
      void openApp(link.dataset.app ?? '', actions)
    })
  }
}

function addTools(pre: HTMLElement, actions: Actions): void {
  const text = pre.textContent ?? ''
  const command = text.trimEnd() // the server has taken prompts off
  const block = document.createElement('div')
  block.className = 'block'
  pre.replaceWith(block)
  const tools = document.createElement('div')
  tools.className = 'tools'
  if (pre.dataset.run !== undefined) {
    layOut(pre.querySelector('code') ?? pre)
    const run = button('Run', icons.play, 'Run in the terminal: ' + firstLine(command))
    run.classList.add('run')
    const commands = commandsOf(command, pre.dataset.run)
    run.addEventListener('click', () => runFrom(run, commands, actions))
    tools.append(run)
  }
  const copying = button('', icons.copy, 'Copy')
  copying.addEventListener('click', () => {
    void copy(pre.dataset.run !== undefined ? command : text).then((done) => {
      if (done) said(copying)
      else notices.error('The browser did not allow copying. Select the text and use its own menu.')
    })
  })
  tools.append(copying)
  block.append(pre)
  // Beside the first lines of a command, over the corner of anything else.
  if (pre.dataset.run !== undefined) pre.prepend(tools)
  else block.append(tools)
}

/**
 * Lays commands out so that they can be read when they are longer than their
 * place: each line hangs, and breaks between words only.
 */
function layOut(code: HTMLElement): void {
  if (code.childElementCount > 0) return
  const lines = (code.textContent ?? '').replace(/\n+$/, '').split('\n')
  code.replaceChildren(
    ...lines.map((text) => {
      const line = span('line')
      const parts = text.split(/(\s+)/).filter((part) => part !== '')
      line.append(...parts.map((part) => (part.trim() === '' ? part : span('word', part))))
      if (parts.length === 0) line.append(document.createElement('br'))
      return line
    }),
  )
}

function span(name: string, text = ''): HTMLSpanElement {
  const element = document.createElement('span')
  element.className = name
  element.textContent = text
  return element
}

function makeButton(code: HTMLElement, actions: Actions): void {
  const command = code.textContent ?? ''
  const run = document.createElement('button')
  run.type = 'button'
  run.className = 'inline-run'
  run.textContent = command
  run.title = 'Run in the terminal'
  run.addEventListener('click', () => runFrom(run, [command], actions))
  code.replaceWith(run)
}

function runFrom(from: HTMLElement, commands: string[], actions: Actions): void {
  const refusal = actions.run(commands)
  if (refusal) notices.error(refusal)
  else if (refusal === null) said(from)
}

async function openApp(text: string, actions: Actions): Promise<void> {
  const target = parseApp(text)
  if (!target) return notices.error('This link names no application. Tell your instructor.')
  // Opened while the click still counts as one, so that no blocker stops it.
  const tab = window.open('about:blank', '_blank')
  if (tab) tab.opener = null
  try {
    const url = await actions.app(target)
    if (tab) tab.location.replace(url)
    else notices.error('The browser blocked the new tab. Allow pop-ups for this address and click again.')
  } catch (error) {
    tab?.close()
    notices.error(messageOf(error))
  }
}

/** Marks a button for a moment as having done what it says. */
function said(element: HTMLElement): void {
  element.classList.add('said')
  setTimeout(() => element.classList.remove('said'), 1400)
}

function firstLine(command: string): string {
  const line = command.split('\n')[0] ?? ''
  return line.length > 80 ? line.slice(0, 79) + '…' : line
}

const icons = { play: 'M8 5.5v13l10.5-6.5z', copy: 'M9 9h10v10H9zM15 9V5H5v10h4' }
const svgSpace = 'http://www.w3.org/2000/svg'

function button(text: string, path: string, label: string): HTMLButtonElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.title = label
  element.setAttribute('aria-label', label)
  const svg = document.createElementNS(svgSpace, 'svg')
  const attributes = { width: '14', height: '14', viewBox: '0 0 24 24', 'aria-hidden': 'true' }
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value)
  const shape = document.createElementNS(svgSpace, 'path')
  shape.setAttribute('d', path)
  if (path === icons.play) shape.setAttribute('fill', 'currentColor')
  else {
    shape.setAttribute('fill', 'none')
    shape.setAttribute('stroke', 'currentColor')
    shape.setAttribute('stroke-width', '2')
  }
  svg.append(shape)
  element.append(svg)
  if (text) element.append(text)
  return element
}
