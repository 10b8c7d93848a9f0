// What a person reads stays where it is on their screen, whatever changes around
// it. Browsers anchor a scrolled part by what is at its top; here it is the text
// that is being read, in every browser, at the end of the text too.

interface Mark {
  element: Element
  top: number
}

/** Parts of the text, each with a heading and paragraphs of its own. */
const parts = '[data-part]'
const heading = 'h2'
const text = '.prose > *'
/** Where neither text nor heading of a part is in sight. */
const others = 'li, section, button'

/**
 * Keeps the text that is being read in a scrolling element at its place while its
 * content or the element itself changes. Returns how to stop.
 */
export function steady(scroller: HTMLElement): () => void {
  // Room below the text, so that it stays where it is when what follows it shrinks.
  const room = document.createElement('div')
  room.ariaHidden = 'true'
  scroller.append(room)

  let touched: Element | null = null
  let marks: Mark[] = []
  let size = ''
  const rendered = (element: Element) => element.isConnected && element.getClientRects().length > 0

  /** Notes where what is being read is now. */
  function note() {
    size = sizeOf(scroller, room)
    marks = candidates(scroller, touched).map((element) => ({ element, top: element.getBoundingClientRect().top }))
  }

  /** Brings what is being read back to where it was noted. */
  function hold() {
    const mark = marks.find(({ element }) => rendered(element))
    const moved = mark ? mark.element.getBoundingClientRect().top - mark.top : 0
    if (Math.abs(moved) >= 0.5) {
      const top = scroller.scrollTop + moved
      setRoom(Math.max(0, top + scroller.clientHeight - (scroller.scrollHeight - room.offsetHeight)))
      scroller.scrollTo({ top, behavior: 'instant' })
    }
    note()
  }

  function setRoom(height: number) {
    room.style.height = height > 0 ? `${Math.ceil(height)}px` : ''
  }

  function scrolled() {
    // A browser scrolls by itself when content shrinks: the person did not ask for that.
    if (sizeOf(scroller, room) !== size) return hold()
    const needed = scroller.scrollTop + scroller.clientHeight - (scroller.scrollHeight - room.offsetHeight)
    if (needed < room.offsetHeight) setRoom(needed)
    note()
  }

  function touch(event: Event) {
    touched = event.target instanceof Element ? event.target : null
    note()
  }

  const sizes = new ResizeObserver(hold)
  sizes.observe(scroller)
  for (const child of scroller.children) if (child !== room) sizes.observe(child)
  const stop = new AbortController()
  const { signal } = stop
  scroller.addEventListener('scroll', scrolled, { passive: true, signal })
  for (const type of ['pointerdown', 'keydown', 'focusin']) scroller.addEventListener(type, touch, { capture: true, passive: true, signal })
  note()
  return () => {
    stop.abort()
    sizes.disconnect()
    room.remove()
  }
}

function sizeOf(scroller: HTMLElement, room: HTMLElement): string {
  return [scroller.scrollHeight - room.offsetHeight, scroller.clientHeight, scroller.clientWidth].join(' ')
}

/** What may be held on to, best first: a heading that was pressed, then the text of the part that is being read. */
function candidates(scroller: HTMLElement, touched: Element | null): Element[] {
  const view = scroller.getBoundingClientRect()
  const inSight = (element: Element) => {
    const box = element.getBoundingClientRect()
    return box.height > 0 && box.bottom > view.top + 1 && box.top < view.bottom - 1
  }
  const all = [...scroller.querySelectorAll(parts)].filter(inSight)
  const line = view.top + view.height / 3
  const part =
    all.find((element) => touched !== null && element.contains(touched)) ??
    all.find((element) => element.getBoundingClientRect().bottom > line) ??
    all[0]
  if (!part) return []
  const pressed = touched?.closest(heading)
  const own = [...part.querySelectorAll(text), ...part.querySelectorAll(heading), ...part.querySelectorAll(others)]
  return [...(pressed && part.contains(pressed) ? [pressed] : []), ...own, ...all].filter(inSight)
}

/**
 * Keeps the height that an element once had, until its width changes or it is out
 * of sight: what stands below it does not move up while it is being read.
 */
export function keepRoom(element: HTMLElement): () => void {
  let width = 0
  const sizes = new ResizeObserver(() => {
    if (element.offsetWidth !== width) {
      width = element.offsetWidth
      element.style.minHeight = ''
    }
    element.style.minHeight = `${element.offsetHeight}px`
  })
  const sight = new IntersectionObserver((entries) => {
    if (entries.at(-1)?.isIntersecting === false) element.style.minHeight = ''
  })
  sizes.observe(element)
  sight.observe(element)
  return () => {
    sizes.disconnect()
    sight.disconnect()
  }
}
