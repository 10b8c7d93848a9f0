// Compares what two outputs leave in xterm.js: what a terminal wrote, and what
// labs/terminal/screen restores of it. TestAsXterm there runs this: cases come as a JSON
// array on standard input, and what differs goes to standard output, by case.
import { text } from 'node:stream/consumers'
import xterm from '@xterm/headless'
import { runnerImport } from 'vite'

const { module: widths } = await runnerImport(new URL('../src/terminal/widths.ts', import.meta.url).pathname, {
  root: new URL('..', import.meta.url).pathname,
  configFile: false,
})

/** Returns the lines that describe a terminal after all of the events: output, or another size. */
function after({ cols, rows }, events) {
  const terminal = new xterm.Terminal({ allowProposedApi: true, cols, rows, logLevel: 'off' })
  widths.useWidths(terminal)
  const kept = { title: '', colours: new Map() }
  terminal.onTitleChange((title) => (kept.title = title))
  terminal._core._inputHandler.onColor((changes) => changes.forEach((change) => setColour(kept.colours, change)))
  for (const event of events) {
    if (event.cols) terminal.resize(event.cols, event.rows)
    else terminal._core.writeSync(Buffer.from(event.output, 'base64'))
  }
  const lines = describe(terminal, kept)
  terminal.dispose()
  return lines
}

/** As xterm.js reports them: 0 asks, 1 sets, 2 goes back to the terminal's own, all of them without an index. */
function setColour(colours, { type, index, color }) {
  if (type === 1) colours.set(index, color)
  if (type === 2) for (const key of colours.keys()) if (index === undefined ? key < 256 : key === index) colours.delete(key)
}

function describe(terminal, kept) {
  const core = terminal._core
  const { coreService, coreMouseService: mouse, buffers } = core
  const charsets = core._charsetService
  const active = buffers.active
  return [
    ...describeBuffer('normal', buffers.normal, core.cols, core.rows),
    ...(active === buffers.alt ? describeBuffer('alternate', buffers.alt, core.cols, core.rows) : []),
    `active ${active === buffers.alt ? 'alternate' : 'normal'}`,
    `cursor ${active.x},${active.y} hidden ${coreService.isCursorHidden}`,
    `style ${describeStyle(core._inputHandler._curAttrData)}`,
    `charset ${JSON.stringify(charsets.charset)} of ${charsets.glevel}`,
    `modes ${JSON.stringify({ ...coreService.modes, ...coreService.decPrivateModes })}`,
    `options ${terminal.options.convertEol} ${terminal.options.cursorBlink}`,
    `mouse ${mouse.activeProtocol} ${mouse.activeEncoding}`,
    `title ${JSON.stringify(kept.title)} colours ${JSON.stringify([...kept.colours].sort())}`,
  ]
}

function describeBuffer(name, buffer, cols, rows) {
  const tabs = Object.keys(buffer.tabs).filter((x) => buffer.tabs[x] && x < cols)
  const lines = [
    `${name} scrolls ${buffer.scrollTop}-${buffer.scrollBottom} tabs ${tabs}`,
    `${name} saved ${buffer.savedX},${Math.max(0, buffer.savedY - buffer.ybase)} ${describeStyle(buffer.savedCurAttrData)} ${JSON.stringify(buffer.savedCharset)}`,
  ]
  const cell = buffer.getNullCell() // the buffer's own, which nothing writes with any more
  for (let y = 0; y < rows; y++) {
    const row = buffer.lines.get(buffer.ybase + y)
    for (let x = 0; x < cols; x++) {
      row.loadCell(x, cell)
      const text = cell.getChars() || (cell.getWidth() ? ' ' : '')
      lines.push(`${name} ${x},${y} ${JSON.stringify(text)} of ${cell.getWidth()} ${describeStyle(cell)}`)
    }
  }
  return lines
}

const attributes = ['Bold', 'Dim', 'Italic', 'Blink', 'Inverse', 'Invisible', 'Strikethrough', 'Overline', 'Protected']

function describeStyle(style) {
  const on = attributes.filter((name) => style[`is${name}`]())
  // A line of no kind is drawn as a single one.
  const underline = style.isUnderline() ? ` underline ${style.getUnderlineStyle() || 1} ${style.getUnderlineColor()}` : ''
  return `${style.getFgColorMode()}:${style.getFgColor()} ${style.getBgColorMode()}:${style.getBgColor()} ${on}${underline}`
}

const differences = {}
/** Reports what xterm.js itself throws as what it shows. */
function shown(size, events) {
  try {
    return after(size, events)
  } catch (error) {
    return [`nothing: ${error.stack.split('\n', 2).map((line) => line.slice(0, 200)).join()}`]
  }
}

for (const { name, size, whole, restored } of JSON.parse(await text(process.stdin))) {
  const want = shown(size, whole)
  const got = shown(restored[0], restored)
  const lines = want.flatMap((line, i) => (line === got[i] ? [] : [`want ${line}`, ` got ${got[i]}`]))
  if (want.length !== got.length) lines.push(`want ${want.length} lines, got ${got.length}`)
  if (lines.length > 0) differences[name] = lines
}
process.stdout.write(JSON.stringify(differences))
