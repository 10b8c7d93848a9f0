export type Route =
  | { page: 'course' }
  | { page: 'lab'; lab: string }
  | { page: 'login' }
  | { page: 'join'; code: string }
  | { page: 'bootstrap' }
  | { page: 'classes' }
  | { page: 'class'; id: string }
  | { page: 'student'; id: string; session: string }
  | { page: 'missing' }

/** What a link asks of the page that it leads to. */
export interface Intent {
  /** Open the lab at once: the person has already pressed Start. */
  start?: boolean
}

/** Which page a path shows. */
export function match(pathname: string): Route {
  const parts = pathname.split('/').filter(Boolean).map(decode)
  const [first = '', second = '', third = '', fourth = ''] = parts
  const is = (length: number, name: string) => parts.length === length && first === name
  if (parts.length === 0) return { page: 'course' }
  if (is(2, 'labs')) return { page: 'lab', lab: second }
  if (is(1, 'login')) return { page: 'login' }
  if (is(1, 'join')) return { page: 'join', code: '' }
  if (is(2, 'join')) return { page: 'join', code: second }
  if (is(1, 'welcome')) return { page: 'bootstrap' }
  if (is(1, 'classes')) return { page: 'classes' }
  if (is(2, 'classes')) return { page: 'class', id: second }
  if (is(4, 'classes') && third === 'sessions') return { page: 'student', id: second, session: fourth }
  return { page: 'missing' }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The browser's address, as state. */
class Router {
  route = $state.raw<Route>(match(location.pathname))
  intent = $state.raw<Intent>({})
  /** Grows with every move, so that the page can put the focus at its start. */
  moves = $state(0)

  constructor() {
    window.addEventListener('popstate', () => this.show({}))
    document.addEventListener('click', (event) => this.clicked(event))
  }

  go(path: string, intent: Intent = {}): void {
    history.pushState(null, '', path)
    this.show(intent)
  }

  replace(path: string): void {
    history.replaceState(null, '', path)
    this.show({})
  }

  private show(intent: Intent): void {
    this.intent = intent
    this.route = match(location.pathname)
    this.moves++
    if (!location.hash) window.scrollTo(0, 0)
  }

  /** Follows links of our own without loading the page again. */
  private clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target || link.hasAttribute('download') || link.dataset.app !== undefined) return
    const url = new URL(link.href, location.href)
    if (url.origin !== location.origin || url.pathname.startsWith('/api/')) return
    if (link.getAttribute('href')?.startsWith('#')) return
    event.preventDefault()
    this.go(url.pathname + url.search, link.dataset.start === undefined ? {} : { start: true })
  }
}

export const router = new Router()
