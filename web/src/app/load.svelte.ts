import { ApiError } from '../api/error'
import { account } from './account.svelte'

/** Something that a page asks the server for: on its way, here, or failed. */
export class Load<T> {
  value = $state.raw<T | null>(null)
  error = $state.raw<ApiError | null>(null)
  loading = $state(false)
  private latest = 0

  constructor(private readonly ask: () => Promise<T>) {}

  /** Asks the server. An earlier value stays until the new one is here. */
  async run(): Promise<void> {
    const mine = ++this.latest
    this.loading = true
    try {
      const value = await this.ask()
      if (mine !== this.latest) return
      this.value = value
      this.error = null
    } catch (error) {
      if (mine !== this.latest) return
      if (error instanceof ApiError && error.unauthorized) account.expired()
      this.error = error instanceof ApiError ? error : new ApiError('The page failed. Reload it and try again.', 0, 'Page')
    } finally {
      if (mine === this.latest) this.loading = false
    }
  }
}
