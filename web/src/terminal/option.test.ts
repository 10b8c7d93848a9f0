import { describe, expect, test } from 'vitest'
import { optionIsMeta } from './option'

// What Option gives on Apple's layouts: the physical key, and what it types.
const typed: Record<string, [code: string, key: string][]> = {
  German: [['Digit5', '['], ['Digit6', ']'], ['Digit7', '|'], ['Digit8', '{'], ['Digit9', '}'], ['KeyL', '@'], ['Digit7', '\\'], ['KeyN', 'Dead']],
  Swiss: [['Digit5', '['], ['Digit6', ']'], ['Digit7', '|'], ['Digit8', '{'], ['Digit9', '}'], ['KeyG', '@'], ['Digit7', '\\'], ['Digit3', '#'], ['KeyN', 'Dead']],
  French: [['Digit5', '{'], ['Digit5', '['], ['Minus', '}'], ['Minus', ']'], ['KeyL', '|'], ['Period', '\\'], ['KeyN', 'Dead']],
  Spanish: [['Digit2', '@'], ['Digit3', '#'], ['Digit1', '|'], ['BracketLeft', '['], ['BracketRight', ']'], ['Quote', '{'], ['Backslash', '}'], ['Backquote', '\\'], ['Semicolon', '~']],
}

describe.each(Object.entries(typed))('Option on a %s keyboard', (_, keys) => {
  test.each(keys)('types with %s what the layout says: %s', (code, key) => {
    expect(optionIsMeta({ code, key })).toBe(false)
  })
})

test.each([
  ['KeyB', '∫'],
  ['KeyF', 'ƒ'],
  ['KeyD', '∂'],
  ['Period', '≥'],
  ['Space', '\u00a0'],
  ['KeyB', 'b'],
  ['Digit5', '5'],
  ['ArrowLeft', 'ArrowLeft'],
  ['Backspace', 'Backspace'],
])('Option is Meta with %s, which gives %s', (code, key) => {
  expect(optionIsMeta({ code, key })).toBe(true)
})
