/** The JSON of a terminal socket's text messages; binary ones are output and input. */
export interface Control {
  type: 'attached' | 'typed' | 'size' | 'exit' | 'error' | 'resize' | 'ack'
  terminal?: string
  /** Names this shell; another epoch's offsets mean nothing. */
  epoch?: string
  /** attached: of the first byte that follows. ack: all output before it is on the screen. typed: all input before it is taken. size: of the output from which on muted holds. */
  offset?: number
  /** attached: output before it is replay. */
  until?: number
  /** attached: bytes that the server no longer has. */
  lost?: number
  /** attached: whose input typed counts. */
  source?: string
  /** attached: bytes of that input which the shell has taken. */
  typed?: number
  /** attached, size: another view's screen answers the queries in the output. */
  muted?: boolean
  cols?: number
  rows?: number
  exitCode?: number
  message?: string
  /** error: what was typed last is not taken, and is not to come again. */
  refused?: boolean
}

const types = new Set(['attached', 'typed', 'size', 'exit', 'error'])

/** Reads a text message from the server; null when it is none that we know. */
export function parseControl(text: string): Control | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!value || typeof value !== 'object') return null
  const control = value as Control
  return types.has(control.type) ? control : null
}
