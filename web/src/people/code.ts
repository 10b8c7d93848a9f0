/** A class code as it is written on the board: capitals, a dash after four. */
export function formatCode(text: string): string {
  const plain = text
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .slice(0, 8)
  return plain.length > 4 ? plain.slice(0, 4) + '-' + plain.slice(4) : plain
}
