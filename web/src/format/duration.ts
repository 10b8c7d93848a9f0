/** "0:07", "12:30", "1:04:09": a running clock. Never negative. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const h = Math.floor(whole / 3600)
  const m = Math.floor((whole % 3600) / 60)
  const s = String(whole % 60).padStart(2, '0')
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`
}

/** "4 s", "1 min 20 s", "2 h 5 min": how long something took. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return join(Math.floor(whole / 60), 'min', whole % 60, 's')
  const minutes = Math.round(whole / 60)
  return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

/**
 * "a few seconds", "about 20 seconds", "about 2 minutes": an estimate, no finer
 * than it can be known.
 */
export function about(seconds: number): string {
  if (seconds <= 5) return 'a few seconds'
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} seconds`
  const minutes = Math.round(seconds / 60)
  if (minutes <= 1) return 'about a minute'
  if (minutes < 58) return `about ${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours <= 1 ? 'about an hour' : `about ${hours} hours`
}

/** "just now", "5 min ago", "3 h ago", "on 4 May": when something was. */
export function ago(at: string | number | Date, now: number): string {
  const then = new Date(at)
  const seconds = (now - then.getTime()) / 1000
  if (Number.isNaN(seconds)) return ''
  if (seconds < 45) return 'just now'
  if (seconds < 3570) return `${Math.max(1, Math.round(seconds / 60))} min ago`
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`
  return 'on ' + then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
}

/** "1 step", "3 steps", "2 classes". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : /(s|ch|x)$/.test(noun) ? 'es' : 's'}`
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}
