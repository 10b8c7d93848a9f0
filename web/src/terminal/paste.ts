const start = '\x1b[200~'
const end = '\x1b[201~'

/**
 * The bytes that put a command on the prompt and run it. Control characters are
 * taken out, so that no text can end the bracket early or press keys of its
 * own. Without bracketed paste every line runs as it arrives.
 */
export function runInput(command: string, bracketed: boolean): string {
  const text = clean(command)
  if (text === '') return ''
  // An only line needs no bracket: plain keys work in every shell.
  if (!bracketed || !text.includes('\n')) return text.replaceAll('\n', '\r') + '\r'
  return start + text.replaceAll('\n', '\r') + end + '\r'
}

/** A command as its author meant it: plain lines, no control characters but tabs inside. */
function clean(command: string): string {
  return (
    command
      .replace(/\r\n?/g, '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '')
      .replace(/^\n+|\s+$/g, '')
  )
}

const largest = 16 << 10

/** Text as messages of input, none larger than the server takes. */
export function* inputMessages(text: string): Generator<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += largest) yield bytes.slice(at, at + largest)
}
