import type { Cause } from './diagnosis'

/** What is wrong with a page's connection, and what a person can do about it. */
export interface Fault {
  title: string
  text: string
  /** What to do, where it is not the page that does it. */
  advice: string
}

export interface Reader {
  /** The page's own origin: "https://lab.example.org". */
  origin: string
  /** They run this Wheelhouse, or teach with it; others ask their instructor. */
  operator: boolean
}

/** The fault in words; null where the connection may come back at any moment and there is nothing to explain. */
export function faultOf(cause: Cause, detail: string, { origin, operator }: Reader): Fault | null {
  const tell = operator ? '' : 'Tell your instructor: '
  switch (cause) {
    case 'blocked':
      return {
        title: 'WebSocket connections do not come through.',
        text: 'Something between your browser and the server does not pass them, and no terminal opens without one.',
        advice:
          `${tell}${operator ? 'The' : 'the'} proxy in front of Wheelhouse has to pass the headers Upgrade and Connection; ` +
          `“wheelhouse doctor --url ${origin}” shows whether it does. If it does, it is a proxy of your own network: try another network.`,
      }
    case 'refused':
      return {
        title: 'The server takes no connection of this page.',
        text: 'WebSocket connections do come through, so this is no fault of the network.',
        advice: 'Close other tabs and terminals of Wheelhouse: each user may have a limited number open.',
      }
    case 'address':
      return {
        title: 'This page is open under an address that is not the server’s own.',
        text: detail,
        advice: `${tell}Wheelhouse has to be started with --public-url ${origin} for this address to work, and the proxy has to pass the Host header as it came.`,
      }
    case 'unreachable':
    case 'unknown':
      return null
  }
}
