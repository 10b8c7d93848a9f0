import { expect, test } from 'vitest'
import { formatCode } from './code'

test.each([
  ['k7qm2xrt', 'K7QM-2XRT'],
  ['K7QM-2XRT', 'K7QM-2XRT'],
  [' k7 qm–2x ', 'K7QM-2X'],
  ['K7QM', 'K7QM'],
  ['K7QM-2XRT-AND-MORE', 'K7QM-2XRT'],
  ['', ''],
])('formatCode(%s)', (text, want) => {
  expect(formatCode(text)).toBe(want)
})
