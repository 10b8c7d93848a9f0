// What a terminal emulator says by itself when output asks it something. Its
// form tells it from what a person types.
const answers = [
  // eslint-disable-next-line no-control-regex
  /^\x1b\[[?>=]?[\d;:]*(?:\$y|[cnRtuIO])$/, // device attributes and status, cursor position, modes, window, focus
  // eslint-disable-next-line no-control-regex
  /^\x1bP[^]*\x1b\\$/, // DCS: settings and capabilities
  // eslint-disable-next-line no-control-regex
  /^\x1b\][^]*(?:\x1b\\|\x07)$/, // OSC: colours, titles
  // eslint-disable-next-line no-control-regex
  /^\x1b[_^X][^]*\x1b\\$/, // APC, PM, SOS
  // eslint-disable-next-line no-control-regex
  /^\x1b\/Z$/, // VT52 identity
]

/**
 * Tells whether data that the emulator wants to send is its own answer to a
 * query rather than a key, a paste or the mouse. Such answers to output of the
 * past would land on the prompt as if they were typed.
 */
export function isAnswer(data: string): boolean {
  return data.startsWith('\x1b') && data.length > 2 && answers.some((answer) => answer.test(data))
}
