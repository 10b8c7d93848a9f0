/**
 * Whether Option, on a Mac, is the shell's Meta for the key that it was pressed
 * with. On most keyboards but the American one, some of | { } [ ] @ ~ \ are typed
 * with Option, and that is what the key is for. What no shell is typed in, such as ∫ of
 * Option+B, is Meta; a dead key begins a character that comes with the next one.
 */
export function optionIsMeta(event: Pick<KeyboardEvent, 'key' | 'code'>): boolean {
  const { key, code } = event
  if (key === 'Dead') return false
  const types = key.length === 1 && key > ' ' && key <= '~'
  // Some layouts leave a key as it is: then there is nothing to type with Option.
  const unchanged = code === `Key${key.toUpperCase()}` || code === `Digit${key}`
  return !types || unchanged
}
