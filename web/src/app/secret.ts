/** A one-time secret that came in the address, after the "#", which no server or log ever sees. */
export interface Secret {
  kind: 'link' | 'bootstrap'
  value: string
}

/** Reads "#link=…" or "#bootstrap=…"; null when the address carries no secret. */
export function secretIn(hash: string): Secret | null {
  const params = new URLSearchParams(hash.replace(/^#/, ''))
  for (const kind of ['link', 'bootstrap'] as const) {
    const value = params.get(kind)?.trim()
    if (value) return { kind, value }
  }
  return null
}

/** Takes the secret out of the address bar and the history. */
export function takeSecret(): Secret | null {
  const secret = secretIn(location.hash)
  if (secret) history.replaceState(null, '', location.pathname + location.search)
  return secret
}
