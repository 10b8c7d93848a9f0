/** Small preferences that a browser keeps. Where storage is off they last as long as the page. */
const prefix = 'wheelhouse.'
const memory = new Map<string, string>()

export function stored(key: string): string | null {
  try {
    return localStorage.getItem(prefix + key) ?? memory.get(key) ?? null
  } catch {
    return memory.get(key) ?? null
  }
}

export function store(key: string, value: string | null): void {
  if (value === null) memory.delete(key)
  else memory.set(key, value)
  try {
    if (value === null) localStorage.removeItem(prefix + key)
    else localStorage.setItem(prefix + key, value)
  } catch {
    // Full or switched off: the copy in memory serves.
  }
}

/** A stored number inside its limits, or the fallback. */
export function storedNumber(key: string, fallback: number, min: number, max: number): number {
  const text = stored(key)
  const value = text === null ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= min && value <= max ? value : fallback
}
