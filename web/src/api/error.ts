/**
 * Trouble that came back from the server, or kept us from reaching it. The
 * message is a sentence for a person: the server's own words where it sent any.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    message: string,
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** The server's code, such as "Conflict"; "Unreachable" when no answer came. */
    readonly code: string,
    /** How long to wait before another try, in seconds; 0 when the server did not say. */
    readonly retryAfter = 0,
  ) {
    super(message)
  }

  /** No answer came: the server is stopped, restarting, or the network is down. */
  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }

  get unauthorized(): boolean {
    return this.status === 401
  }
}

const sentences: Record<number, string> = {
  400: 'The server could not make sense of that request. Reload the page and try again.',
  401: 'You are not logged in. Log in and try again.',
  403: 'You may not do that here. Ask your instructor if you think you should.',
  404: 'There is no such thing here, or it is not yours.',
  409: 'That does not fit what is there now. Reload the page and look again.',
  413: 'That was too large for the server. Try something shorter.',
  429: 'Too many tries in a short time. Wait a moment and try again.',
  502: 'The server does not answer. Check that it still runs, then try again.',
  503: 'The server is not ready yet. Try again in a moment.',
  504: 'The server took too long to answer. Try again in a moment.',
}

/** The sentence for a status that came without words of its own. */
export function sentenceFor(status: number): string {
  return sentences[status] ?? `The server failed with status ${status}. Its log says why; try again in a moment.`
}

/** What to show of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message
  if (error instanceof Error && error.message) return error.message
  return 'Something went wrong in the page. Reload it and try again.'
}
