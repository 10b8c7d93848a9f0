/** The JSON of a terminal socket's text messages; binary ones are output and input. */
export interface Control {
  type: 'attached' | 'size' | 'exit' | 'error' | 'resize' | 'ack'
  terminal?: string
  /** Names this shell; another epoch's offsets mean nothing. */
  epoch?: string
  /** attached: of the first byte that follows. ack: all output before it is on the screen. */
  offset?: number
  /** attached: output before it is replay. */
  until?: number
  /** attached: bytes that the server no longer has. */
  lost?: number
  cols?: number
  rows?: number
  exitCode?: number
  message?: string
}

const types = new Set(['attached', 'size', 'exit', 'error'])

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
